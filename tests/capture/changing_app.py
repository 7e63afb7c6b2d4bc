"""An app whose models and migrations a test makes as it goes, for real: ``migrate`` runs them from files.

The code of the models always is what the last migration leaves, as it is in a project that is deployed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.db import connections, migrations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

LABEL = "migapp"

#: The migrations of the running test, which the files import.
CURRENT: dict[str, type[migrations.Migration]] = {}


class ChangingApp:
    """The app ``migapp`` on one database.

    Args:
        alias: the database.
        folder: an importable, empty package for the files of the migrations.
    """

    def __init__(self, alias: str, folder: Path) -> None:
        self.alias = alias
        self._folder = folder
        self._skipped: dict[str, tuple[str, ...]] = {}
        CURRENT.clear()

    def add_migration(self, *operations: Operation, atomic: bool = True, load: bool = True) -> str:
        """Write a migration; return its name. The code follows unless ``load`` is off."""
        name = f"{len(CURRENT) + 1:04d}_step"
        dependencies = [(LABEL, previous) for previous in list(CURRENT)[-1:]]
        body = {"operations": list(operations), "dependencies": dependencies, "atomic": atomic, "__module__": __name__}
        CURRENT[name] = type("Migration", (migrations.Migration,), body)
        (self._folder / f"{name}.py").write_text(f"from {__name__} import CURRENT\n\nMigration = CURRENT[{name!r}]\n")
        if load:
            self.load_models(name)
        return name

    def skip(self, model: str, *fields: str) -> None:
        """Set ``SYNCHRO_SKIP`` of a model."""
        self._skipped[model] = fields
        self.load_models(list(CURRENT)[-1])

    def migrate(self, target: str | None = None, **options: Any) -> None:
        """Run ``migrate``, with the code that belongs to the target."""
        if target is None:
            call_command("migrate", LABEL, database=self.alias, verbosity=0, **options)
            return
        self.load_models(next((name for name in CURRENT if name.startswith(target)), None))
        call_command("migrate", LABEL, target, database=self.alias, verbosity=0, **options)

    def load_models(self, migration: str | None) -> None:
        """Let the models of the code be those of the state after a migration."""
        forget_models()
        if migration is None:
            return
        state = MigrationLoader(None).project_state((LABEL, migration))
        for model_state in _bases_first(state.models.values()):
            if model_state.app_label == LABEL:
                model = model_state.render(apps)
                if model.__name__ in self._skipped:
                    model.SYNCHRO_SKIP = self._skipped[model.__name__]
        apps.clear_cache()
        _settings_are_read_again()

    def execute(self, sql: str, params: Any = None) -> None:
        with connections[self.alias].cursor() as cursor:
            cursor.execute(sql, params)

    def run(self, write: Callable[[Any], None]) -> migrations.RunPython:
        """Return a data migration. ``write`` gets a function from a model's name to its objects on the database."""

        def forwards(state: Any, schema_editor: Any) -> None:
            write(lambda model: state.get_model(LABEL, model)._base_manager.using(schema_editor.connection.alias))

        return migrations.RunPython(forwards, migrations.RunPython.noop)


def forget_models() -> None:
    """Leave the app without models."""
    apps.all_models[LABEL].clear()
    apps.clear_cache()
    _settings_are_read_again()


def _bases_first(states: Iterable[Any]) -> list[Any]:
    return sorted(states, key=lambda state: any(isinstance(base, str) for base in state.bases))


def _settings_are_read_again() -> None:
    from synchro_triggers.conf import get_settings

    get_settings.cache_clear()
