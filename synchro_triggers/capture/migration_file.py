"""Write a migration that installs the triggers into one of the user's apps (``--migration APP``)."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from django.apps import apps
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.writer import MigrationWriter

from ..conf import get_settings
from ..exceptions import SynchroConfigurationError
from .install import install, uninstall
from .tables import captured_models
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


#: Where pip, and Debian, put packages.
_INSTALLED = frozenset({"site-packages", "dist-packages"})


def write_migration(app_label: str) -> Path:
    """Write the migration into the app's migrations package.

    Args:
        app_label: the app that gets it; it must have migrations.

    Returns:
        The path of the new file.

    Raises:
        SynchroConfigurationError: there is no such app, it has no migrations package, or one that somebody installed.
    """
    if app_label not in apps.app_configs:
        known = ", ".join(sorted(apps.app_configs))
        raise SynchroConfigurationError(f"There is no installed app {app_label!r} (INSTALLED_APPS has: {known}).")
    loader = MigrationLoader(None, ignore_no_migrations=True)
    if app_label not in loader.migrated_apps:
        raise SynchroConfigurationError(
            f"The app {app_label!r} has no migrations; run `manage.py makemigrations {app_label}` first."
        )
    needed = {model._meta.app_label for model in captured_models(get_settings().models)}
    needed |= {"synchro_triggers", app_label}
    dependencies = sorted(node for node in loader.graph.leaf_nodes() if node[0] in needed)
    own = [name for app, name in loader.disk_migrations if app == app_label]
    name = f"{_next_number(own):04d}_synchro_triggers"
    migration = type("Migration", (), {"app_label": app_label, "name": name})
    path = Path(MigrationWriter(migration()).basedir) / f"{name}.py"
    if not _INSTALLED.isdisjoint(path.parts):
        raise SynchroConfigurationError(
            f"The migrations of {app_label!r} belong to an installed package ({path.parent}): its next upgrade would "
            f"remove what is written there. Name an app of your own, or give {app_label!r} a folder of your own in "
            "MIGRATION_MODULES. Nothing was written."
        )
    lines = "".join(f"        {dependency!r},\n".replace("'", '"') for dependency in dependencies)
    path.write_text(Template(_template()).substitute(dependencies=lines))
    return path


def _next_number(names: list[str]) -> int:
    return max((int(name[:4]) for name in names if name[:4].isdigit()), default=0) + 1


def _template() -> str:
    """Read the template: inside the installed package, or beside it in a source checkout."""
    inside = files("synchro_triggers") / "migrations_templates" / TEMPLATE_NAME
    if inside.is_file():
        return inside.read_text()
    return (Path(__file__).parents[2] / "migrations_templates" / TEMPLATE_NAME).read_text()
