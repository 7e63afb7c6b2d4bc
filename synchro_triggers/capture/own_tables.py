"""The tables of this package on a database: there, and as this version needs them."""

from __future__ import annotations

from collections.abc import Collection

from django.apps import apps
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import Refused


def require_own_tables(alias: str) -> None:
    """Look whether the tables are what the models say; one query on the vendors that have capture.

    A trigger that writes a column which is not there would let every write of the users fail.

    Raises:
        Refused: tables are missing on ``alias``, or lack columns: an older version's, or somebody else's.
    """
    needed = {
        model._meta.db_table: [str(field.column) for field in model._meta.concrete_fields]
        for model in apps.get_app_config("synchro_triggers").get_models()
    }
    present = _columns_of(connections[alias], needed)
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


def _columns_of(connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, set[str]]:
    from .install import has_capture, vendor_of

    if has_capture(connection):
        found: dict[str, set[str]] = vendor_of(connection).columns_of(connection, tables)
        return found
    with connection.cursor() as cursor:
        names = set(connection.introspection.table_names(cursor)).intersection(tables)
        describe = connection.introspection.get_table_description
        return {name: {column.name for column in describe(cursor, name)} for name in names}
