"""What is asked of the catalog of databases that only receive, and of which no more is known than Django tells."""

from __future__ import annotations

from collections.abc import Collection

from django.db.backends.base.base import BaseDatabaseWrapper


def columns_of(connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, set[str]]:
    """Return the columns of those of the tables that there are; two queries each."""
    with connection.cursor() as cursor:
        names = set(connection.introspection.table_names(cursor)).intersection(tables)
        describe = connection.introspection.get_table_description
        return {name: {column.name for column in describe(cursor, name)} for name in names}


def obliging_columns(connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, set[str]]:
    """Return those columns of the tables that every insert has to name: no NULL, no default; a query each."""
    with connection.cursor() as cursor:
        describe = connection.introspection.get_table_description
        return {
            table: {column.name for column in describe(cursor, table) if not column.null_ok and column.default is None}
            for table in tables
        }
