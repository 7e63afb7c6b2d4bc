"""The tables of this package on a database: there, and as this version needs them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache

from django.apps import apps
from django.db import connections, router
from django.db.backends.utils import strip_quotes
from django.db.models import Model

from ..exceptions import Refused
from .vendor import columns_of, has_capture, vendor_of


def require_own_tables(alias: str) -> None:
    """Look whether the tables are what the models say; one query on the vendors that are tested.

    A trigger that writes a column which is not there would let every write of the users fail.

    Args:
        alias: the database.

    Raises:
        Refused: tables are missing on ``alias``, or lack columns: an older version's, or somebody else's.
    """
    needed = needed_columns()
    present = columns_of(connections[alias], list(needed))
    remedy = f"run `manage.py migrate synchro_triggers --database {alias}`."
    if missing := sorted(needed.keys() - present.keys()):
        raise Refused(f"The tables of synchro_triggers are missing on {alias!r} ({', '.join(missing)}): {remedy}")
    lacking = {
        table: [column for column in columns if column not in present[table]] for table, columns in needed.items()
    }
    if any(lacking.values()):
        said = "; ".join(f"{table} has no {', '.join(columns)}" for table, columns in lacking.items() if columns)
        raise Refused(
            f"The tables of synchro_triggers on {alias!r} are not those of this version: {said}. They are an older "
            f"version's, or another app's of the same name. If another app's, rename them first; then {remedy}"
        )


@cache
def needed_columns() -> dict[str, list[str]]:
    """Return the columns that each of the tables must have, by table."""
    return {
        model._meta.db_table: [str(field.column) for field in model._meta.concrete_fields]
        for model in apps.get_app_config("synchro_triggers").get_models()
    }


class Schema:
    """Whether the project's tables on a database are what the models say: asked once for each, and when it matters.

    Args:
        alias: the database.
        models: those that may be written there.
    """

    def __init__(self, alias: str, models: Iterable[type[Model]]) -> None:
        self._alias = alias
        self._unasked = {model._meta.label: model for model in models if _is_migrated(alias, model)}
        self._lagging: dict[str, str] = {}

    def lagging(self, labels: Iterable[str]) -> dict[str, str]:
        """Return which of the models have tables that lag behind them, with what is missing; at most one query."""
        wanted = list(labels)
        asked = {label: self._unasked.pop(label) for label in wanted if label in self._unasked}
        if asked:
            present = columns_of(connections[self._alias], [model._meta.db_table for model in asked.values()])
            said = {label: _lack(model, present.get(model._meta.db_table)) for label, model in asked.items()}
            self._lagging.update({label: text for label, text in said.items() if text})
        return {label: self._lagging[label] for label in wanted if label in self._lagging}

    def require(self, labels: Iterable[str]) -> None:
        """Raise ``Refused`` where one of these models has a table that lags: not one object could be written."""
        if said := sorted(self.lagging(labels).values()):
            raise Refused(
                f"The schema of {self._alias!r} lags behind the models: {'; '.join(said)}. Nothing was written. Run "
                f"`manage.py migrate --database {self._alias}`, and synchronise again; a model that it shall not have "
                "is left out of SYNCHRO_MODELS, or of the run with --model."
            )


def with_tables(alias: str, models: Collection[type[Model]]) -> set[type[Model]]:
    """Return those of the models whose tables are on a database; one query on the vendors that have capture."""
    connection = connections[alias]
    tables = {model: strip_quotes(model._meta.db_table) for model in models}
    ask = vendor_of(connection).tables_there if has_capture(connection) else columns_of
    present = ask(connection, list(tables.values()))
    return {model for model, table in tables.items() if table in present}


def _is_migrated(alias: str, model: type[Model]) -> bool:
    """Tell whether ``migrate`` makes the model's table there, by a name that can be asked for."""
    return model._meta.managed and '"' not in model._meta.db_table and router.allow_migrate_model(alias, model)


def _lack(model: type[Model], columns: Collection[str] | None) -> str:
    label, table = model._meta.label, model._meta.db_table
    if columns is None:
        return f"there is no {table} ({label})"
    there = {column.casefold() for column in columns}
    missing = [str(field.column) for field in model._meta.local_concrete_fields]
    missing = [column for column in missing if column.casefold() not in there]
    return f"{table} ({label}) has no {', '.join(missing)}" if missing else ""
