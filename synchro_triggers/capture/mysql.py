"""What is asked of MySQL's and MariaDB's catalog. Nothing is captured there: they only receive."""

from __future__ import annotations

from collections.abc import Collection

from django.db.backends.base.base import BaseDatabaseWrapper


def columns_of(connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, set[str]]:
    """Return the columns of those of the tables that there are; one query, where Django's introspection needs two each.

    Where the server keeps names in lower case (``lower_case_table_names``), a table is found by any spelling.
    """
    if not tables:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, @@lower_case_table_names FROM information_schema.columns"
            f" WHERE table_schema = DATABASE() AND table_name IN ({', '.join(['%s'] * len(tables))})",
            list(tables),
        )
        rows = cursor.fetchall()
    there: dict[str, set[str]] = {}
    for table, column, _ in rows:
        there.setdefault(table, set()).add(column)
    if not rows or not rows[0][2]:
        return {table: there[table] for table in tables if table in there}
    lower = {table.lower(): columns for table, columns in there.items()}
    return {table: lower[table.lower()] for table in tables if table.lower() in lower}


def obliging_columns(connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, set[str]]:
    """Return those columns of the tables that every insert has to name: no NULL, no default."""
    found: dict[str, set[str]] = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s"
                " AND is_nullable = 'NO' AND column_default IS NULL AND extra = ''",
                [table],
            )
            found[table] = {column for (column,) in cursor.fetchall()}
    return found
