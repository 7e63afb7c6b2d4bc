"""A migration that installs the triggers, in one of the user's apps: written, and compared (``--migration APP``)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from django.apps import apps
from django.db.migrations import Migration, RunPython
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.writer import MigrationWriter

from ..conf import get_settings
from ..exceptions import SynchroConfigurationError
from .install import install, uninstall
from .tables import CapturedColumn, captured_models, captured_tables
from .vendor import has_capture

TEMPLATE_NAME = "install_triggers.py.template"


def install_triggers(apps_state: Any, schema_editor: Any) -> None:
    """``RunPython`` code of the written migration: install the triggers on the database that is migrated."""
    from .migrating import cover_tables_of_state, is_migrating

    connection = schema_editor.connection
    if not has_capture(connection):
        return
    if is_migrating(connection.alias):
        cover_tables_of_state(
            connection.alias, apps_state
        )  # later migrations may follow; the full ones come after the plan
    else:
        install(connection.alias)


def uninstall_triggers(apps_state: Any, schema_editor: Any) -> None:
    """Reverse of ``install_triggers``."""
    if has_capture(schema_editor.connection):
        uninstall(schema_editor.connection.alias)


class InstallTriggers(RunPython):
    """Operation of a migration: install the triggers on the database that is migrated, or remove them.

    It installs what models and settings say when it runs.

    Args:
        captured: labels of the tables that were captured when it was written, and their columns, for people and for
            ``compare_migration()``.
        again: an earlier migration has installed triggers: going backwards past this one leaves them.
    """

    def __init__(self, captured: Mapping[str, Sequence[str]] | None = None, *, again: bool = False) -> None:
        super().__init__(install_triggers, RunPython.noop if again else uninstall_triggers)
        self.captured = {label: list(columns) for label, columns in (captured or {}).items()}
        self.again = again

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return what the operation is made of, as ``squashmigrations`` asks for it."""
        return type(self).__name__, [self.captured], {"again": True} if self.again else {}

    def describe(self) -> str:
        """Return what it does, for ``migrate --plan``."""
        return "Install the capture triggers of synchro_triggers"


class WrittenMigration(NamedTuple):
    """The newest migration of an app that installs triggers, against models and settings.

    Attributes:
        name: the migration's; ``None``: there is none.
        wrong: what differs, a line for each table. Nothing: it is what models and ``SYNCHRO_MODELS`` say.
    """

    name: str | None
    wrong: list[str]


def compare_migration(app_label: str) -> WrittenMigration:
    """Compare what an app's newest migration that installs triggers says with what would be written now.

    No database is asked.

    Raises:
        SynchroConfigurationError: as ``write_migration()``.

    Example:
        >>> compare_migration("shop")
        WrittenMigration(name='0007_synchro_triggers', wrong=['shop.Order: new: note TextField'])
    """
    found = _newest(_loader_of(app_label), app_label)
    if found is None:
        return WrittenMigration(None, ["none of its migrations installs triggers"])
    name, written = found
    now = _captured()
    wrong = [f"{label}: not in it" for label in now.keys() - written.keys()]
    wrong += [f"{label}: no longer captured" for label in written.keys() - now.keys()]
    for label in now.keys() & written.keys():
        new = [column for column in now[label] if column not in written[label]]
        old = [column for column in written[label] if column not in now[label]]
        said = [f"{word}: {', '.join(some)}" for word, some in (("new", new), ("no longer", old)) if some]
        wrong += [f"{label}: {'; '.join(said)}"] if said else []
    return WrittenMigration(name, sorted(wrong))


def _newest(loader: MigrationLoader, app_label: str) -> tuple[str, dict[str, list[str]]] | None:
    """Return the name of the newest migration of an app that installs triggers, and what it says of them."""
    found = None
    for leaf in loader.graph.leaf_nodes(app_label):
        for app, name in loader.graph.forwards_plan(leaf):
            if app == app_label:
                for operation in loader.graph.nodes[app, name].operations:
                    found = (name, operation.captured) if isinstance(operation, InstallTriggers) else found
    return found


def _captured() -> dict[str, list[str]]:
    """Return the tables that are captured, by label, and what is logged of their columns."""
    tables = captured_tables(get_settings().models)
    return {table.label: [_described(column) for column in table.columns] for table in sorted(tables, key=_label)}


def _label(table: Any) -> str:
    return str(table.label)


def _described(column: CapturedColumn) -> str:
    words = ("skipped", column.skipped), ("kept", column.kept)
    return " ".join([column.name, column.kind, *(word for word, holds in words if holds)])


def _loader_of(app_label: str) -> MigrationLoader:
    """Return the migrations of all apps, of which one must have some."""
    if app_label not in apps.app_configs:
        known = ", ".join(sorted(apps.app_configs))
        raise SynchroConfigurationError(f"There is no installed app {app_label!r} (INSTALLED_APPS has: {known}).")
    loader = MigrationLoader(None, ignore_no_migrations=True)
    if app_label not in loader.migrated_apps:
        raise SynchroConfigurationError(
            f"The app {app_label!r} has no migrations; run `manage.py makemigrations {app_label}` first."
        )
    return loader


#: Where pip, and Debian, put packages.
_INSTALLED = frozenset({"site-packages", "dist-packages"})


def write_migration(app_label: str) -> Path:
    """Write the migration into the app's migrations package; whether it has one already, ``compare_migration()`` tells.

    Args:
        app_label: the app that gets it; it must have migrations.

    Returns:
        The path of the new file.

    Raises:
        SynchroConfigurationError: there is no such app, it has no migrations package, or one that somebody installed.
    """
    loader = _loader_of(app_label)
    needed = {model._meta.app_label for model in captured_models(get_settings().models)}
    needed |= {"synchro_triggers", app_label}
    dependencies = sorted(node for node in loader.graph.leaf_nodes() if node[0] in needed)
    own = [name for app, name in loader.disk_migrations if app == app_label]
    name = f"{_next_number(own):04d}_synchro_triggers"
    path = Path(MigrationWriter(Migration(name, app_label)).basedir) / f"{name}.py"
    if not _INSTALLED.isdisjoint(path.parts):
        raise SynchroConfigurationError(
            f"The migrations of {app_label!r} belong to an installed package ({path.parent}): its next upgrade would "
            f"remove what is written there. Name an app of your own, or give {app_label!r} a folder of your own in "
            "MIGRATION_MODULES. Nothing was written."
        )
    lines = "".join(f"        {dependency!r},\n".replace("'", '"') for dependency in dependencies)
    captured = "".join(f"                {json.dumps(label)}: {json.dumps(of)},\n" for label, of in _captured().items())
    again = ", again=True" if _newest(loader, app_label) else ","
    path.write_text(Template(_template()).substitute(dependencies=lines, captured=captured, again=again))
    return path


def _next_number(names: list[str]) -> int:
    return max((int(name[:4]) for name in names if name[:4].isdigit()), default=0) + 1


def _template() -> str:
    """Read the template: inside the installed package, or beside it in a source checkout."""
    inside = files("synchro_triggers") / "migrations_templates" / TEMPLATE_NAME
    if inside.is_file():
        return inside.read_text()
    return (Path(__file__).parents[2] / "migrations_templates" / TEMPLATE_NAME).read_text()
