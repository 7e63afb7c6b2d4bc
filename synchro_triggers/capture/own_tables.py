"""The tables of this package on a database: there, and as this version needs them."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from django.apps import apps
from django.db import connections
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
        which = "" if len(missing) == len(needed) else f" ({', '.join(missing)})"
        raise Refused(f"The tables of synchro_triggers are missing on {alias!r}{which}: {remedy}")
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


def with_tables(alias: str, models: Collection[type[Model]]) -> set[type[Model]]:
    """Return those of the models whose tables are on a database; one query on the vendors that have capture."""
    connection = connections[alias]
    tables = {model: strip_quotes(model._meta.db_table) for model in models}
    ask = vendor_of(connection).tables_there if has_capture(connection) else columns_of
    present = ask(connection, list(tables.values()))
    return {model for model, table in tables.items() if table in present}
