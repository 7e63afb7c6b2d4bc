"""What SQLite says of tables: their columns and how these are declared."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import Refused
from .sight import Look, Sight
from .tables import CapturedTable
from .trigger import grouped

NAME = r"""("(?:[^"]|"")*"|\[[^]]*\]|`[^`]*`|\w+)"""


def look(connection: BaseDatabaseWrapper, tables: Collection[str]) -> Look:
    """Return what is another one whenever tables, indexes or triggers have changed; one query.

    SQLite counts whatever changes a schema, by whom ever, so that the texts are read again only where it has counted.
    A count alone tells nothing: other databases have the same, and what is rolled back is counted no more.
    """
    connection.ensure_connection()
    driver: Any = connection.connection
    # Before the texts are read: what changes in between makes the count of these texts too low, and not too high.
    count = None if driver.in_transaction else _read(connection, "PRAGMA schema_version")
    known = getattr(connection, _SCHEMA, None)
    if known is not None and count is not None and known[0] is driver and known[1] == count:
        return Look(known[2])
    # All of them are made by an SQL text, which SQLite keeps. As bytes: nothing needs to be decoded.
    query = "SELECT CAST(group_concat(name || char(10) || coalesce(sql, ''), char(10)) AS BLOB) FROM sqlite_master"
    mark: bytes = _read(connection, query) or b""  # to digest them would take longer than to compare them
    if count is not None:
        setattr(connection, _SCHEMA, (driver, count, mark))
    return Look(mark)


#: Where a connection keeps what its schema was at the last look.
_SCHEMA = "_synchro_schema"


def _read(connection: BaseDatabaseWrapper, sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def existing_tables(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[CapturedTable]:
    """Return those of ``tables`` that exist and can carry triggers."""
    return _of_kind(connection, tables, f"type = 'table' AND NOT {_IS_VIRTUAL}")


def views(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[CapturedTable]:
    """Return those of ``tables`` that are views or virtual tables."""
    return _of_kind(connection, tables, f"type = 'view' OR (type = 'table' AND {_IS_VIRTUAL})")


def unseen(connection: BaseDatabaseWrapper, tables: list[CapturedTable], replicated: bool) -> list[str]:
    """Return a line for each thing that the triggers of these tables cannot see: SQLite's see every write."""
    return []


_IS_VIRTUAL = "sql LIKE 'CREATE VIRTUAL %%'"


def _of_kind(connection: BaseDatabaseWrapper, tables: list[CapturedTable], condition: str) -> list[CapturedTable]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT name FROM sqlite_master WHERE {condition}", [])
        names = {fold(name) for (name,) in cursor.fetchall()}
    return [table for table in tables if fold(unquote(connection.ops.quote_name(table.table))) in names]


def lacking_columns(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[tuple[CapturedTable, str]]:
    """Return the columns of ``tables`` that models have and the database has not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.name, c.name FROM sqlite_master t, pragma_table_xinfo(t.name) c WHERE t.type = 'table'"
        )
        found = {(fold(table), fold(column)) for table, column in cursor.fetchall()}
    return [
        (table, column.column)
        for table in tables
        for column in table.columns
        if (fold(unquote(connection.ops.quote_name(table.table))), fold(column.column)) not in found
    ]


def partitions(connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return each partition of these tables: SQLite has none."""
    return []


def columns_of(connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, set[str]]:
    """Return the columns of those tables that exist, by table, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_xinfo(t.name) AS c "
            f"WHERE t.type IN ('table', 'view') AND t.name IN ({', '.join(['%s'] * len(tables))})",
            list(tables),
        )
        return grouped(cursor.fetchall())


def obliging_columns(connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, set[str]]:
    """Return those columns of the tables that every insert has to name: no NULL, no default."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_xinfo(t.name) AS c "
            f"WHERE t.type = 'table' AND t.name IN ({', '.join(['%s'] * len(tables))}) "
            'AND c."notnull" AND c.dflt_value IS NULL AND NOT c.pk AND NOT c.hidden',
            list(tables),
        )
        return grouped(cursor.fetchall())


def tables_there(connection: BaseDatabaseWrapper, tables: Collection[str]) -> set[str]:
    """Return those of the tables and views that exist."""
    names = ", ".join(["%s"] * len(tables))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name IN ({names})", list(tables)
        )
        return {name for (name,) in cursor.fetchall()}


def not_surely_empty(connection: BaseDatabaseWrapper, tables: Sequence[str]) -> list[str]:
    """Return those of the quoted tables that may have rows: all, for to ask is as fast as anything."""
    return list(tables)


def require_changelog(connection: BaseDatabaseWrapper) -> None:
    """Raise ``Refused`` when this package's tables are missing."""
    if "synchro_triggers_changelog" not in connection.introspection.table_names():
        raise Refused(
            f"The tables of synchro_triggers are missing on {connection.alias!r}: "
            f"run `manage.py migrate synchro_triggers --database {connection.alias}`."
        )


def sight_of(connection: BaseDatabaseWrapper, tables: list[str]) -> Sight:
    """Return what a session sees of those tables: everything, as it is now."""
    return Sight()


@dataclass(frozen=True)
class Layout:
    """The columns that a table has in the database, by their names there.

    Attributes:
        stored: those that have values of their own.
        generated: those that are computed.
        loose: which of the stored ones, folded, keep any value as it comes: ``1`` and ``1.0`` are equal, but two.
    """

    stored: tuple[str, ...]
    generated: tuple[str, ...]
    loose: frozenset[str]

    def has(self, column: str) -> bool:
        return fold(column) in map(fold, self.stored)

    def is_loose(self, column: str) -> bool:
        return fold(column) in self.loose


def layout_of(connection: BaseDatabaseWrapper, table: str) -> Layout:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA table_xinfo({connection.ops.quote_name(table)})")
        rows = [(row[1], row[2], row[6]) for row in cursor.fetchall()]
    return Layout(
        stored=tuple(name for name, _, hidden in rows if hidden == 0),
        generated=tuple(name for name, _, hidden in rows if hidden in (2, 3)),
        loose=frozenset(fold(name) for name, declared, _ in rows if _is_loose(declared)),
    )


def _is_loose(declared: str) -> bool:
    """Tell whether a column of a declared type converts nothing: it has the affinity BLOB, or is ANY where strict.

    See "Determination Of Column Affinity" in SQLite's documentation. All others store equal values as one type.
    """
    declared = declared.upper()
    if declared == "ANY":
        return True
    is_typed = any(part in declared for part in ("INT", "CHAR", "CLOB", "TEXT"))
    return not is_typed and (not declared or "BLOB" in declared)


def fold(name: str) -> str:
    """Fold a name as SQLite does, which ignores the case of ASCII letters and of no others."""
    return name.encode().lower().decode()


def quoted_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def unquote(name: str) -> str:
    if name[:1] in '"[`' and len(name) > 1:
        return name[1:-1].replace('""', '"')
    return name


def times_as_logged(connection: BaseDatabaseWrapper) -> AbstractContextManager[None]:
    """Do nothing: a session has no time zone."""
    return nullcontext()
