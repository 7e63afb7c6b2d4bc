"""Rows that a statement replaces on SQLite (``OR REPLACE``): found by the unique indexes of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import SynchroError
from .sqlite_catalog import NAME, Layout, fold, quoted_name
from .tables import CapturedColumn


@dataclass(frozen=True)
class _UniqueIndex:
    """What a row must not share with another one.

    Attributes:
        columns: names and collations; an index may have another collation than its column.
        expressions: the text of all its parts when one of them is an expression, and no ``columns`` then.
        condition: of a partial index: which rows are in it; else nothing.
    """

    columns: tuple[tuple[str, str], ...] = ()
    expressions: str = ""
    condition: str = ""


def replaced_rows(
    connection: BaseDatabaseWrapper, table: str, key: tuple[CapturedColumn, ...], layout: Layout
) -> Iterator[tuple[str, str, list[tuple[str, str, str]]]]:
    """Yield when a trigger must look for rows ``r`` that are about to be replaced, and what to log of which of them.

    Yields:
        The event, the trigger's timing, and for each statement the operation, ``changed_fields`` and the rows.
    """
    indexes = _unique_indexes(connection, table)
    if not indexes:
        return
    quoted = connection.ops.quote_name(table)
    conflicts = " OR ".join(f"({_conflicts(index, key, quoted, layout)})" for index in indexes)
    not_itself = " AND ".join(f"r.{quoted_name(part.column)} = OLD.{quoted_name(part.column)}" for part in key)
    source = f"\n  FROM {quoted} AS r\n  WHERE ({conflicts})"
    same = " AND ".join(f"r.{quoted_name(part.column)} IS NEW.{quoted_name(part.column)}" for part in key)
    replaced = [("U", "''", f"{source} AND ({same})"), ("D", "'?'", f"{source} AND NOT ({same})")]
    key_alone = _UniqueIndex(tuple((part.column, "BINARY") for part in key))
    yield "repl", "BEFORE INSERT", replaced[:1] if indexes == [key_alone] else replaced
    # By a row that has had another key so far.
    timing = f"BEFORE UPDATE{_of_indexed_columns(indexes, layout)}"
    yield "updrepl", timing, [("D", "'?'", f"{source} AND NOT ({not_itself})")]


def _unique_indexes(connection: BaseDatabaseWrapper, table: str) -> list[_UniqueIndex]:
    """Return the unique indexes of a table, the primary key's too."""
    found = []
    quoted = connection.ops.quote_name(table)
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA table_info({quoted})")
        key = [row[1] for row in cursor.fetchall() if row[5]]
        cursor.execute(f"PRAGMA index_list({quoted})")
        indexes = sorted(row[1:5] for row in cursor.fetchall() if row[2])
        if key and all(origin != "pk" for _, _, origin, _ in indexes):  # INTEGER PRIMARY KEY has no index of its own
            found.append(_UniqueIndex(tuple((name, "BINARY") for name in key)))
        for name, _, _, partial in indexes:
            cursor.execute(f"PRAGMA index_xinfo({quoted_name(name)})")
            parts = [(row[2], row[4]) for row in cursor.fetchall() if row[5]]
            are_columns, expressions, condition = all(column is not None for column, _ in parts), "", ""
            if partial or not are_columns:
                cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'index' AND name = %s", [name])
                expressions, condition = _expressions_and_condition(cursor.fetchone()[0])
            if are_columns:
                found.append(_UniqueIndex(columns=tuple(parts), condition=condition))
            else:
                found.append(_UniqueIndex(expressions=expressions, condition=condition))
    return list(dict.fromkeys(found))


def _expressions_and_condition(sql: str) -> tuple[str, str]:
    """Cut both out of ``CREATE UNIQUE INDEX … ON t (…) WHERE …`` (balanced parentheses)."""
    match = re.search(rf"\bON\s+{NAME}\s*\(", sql, re.IGNORECASE)
    assert match is not None, sql
    depth, quote, start = 1, "", match.end()
    for at in range(start, len(sql)):
        character = sql[at]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
            if depth == 0:
                return sql[start:at], re.sub(r"^\s*WHERE\s+", "", sql[at + 1 :], flags=re.IGNORECASE).strip()
    raise SynchroError(f"Cannot read the index {sql!r}.")


def _conflicts(index: _UniqueIndex, key: tuple[CapturedColumn, ...], quoted: str, layout: Layout) -> str:
    """Return the condition under which a row ``r`` of the table conflicts with NEW."""
    columns = " AND ".join(
        f"r.{quoted_name(name)} = NEW.{quoted_name(name)} COLLATE {quoted_name(collation)}"
        for name, collation in index.columns
    )
    if columns and not index.condition:
        return columns
    # Expressions and conditions name columns without saying of which row.
    new_row = ", ".join(
        f"NEW.{quoted_name(name)} AS {quoted_name(name)}" for name in (*layout.stored, *layout.generated)
    )
    is_r = " AND ".join(f"x.{quoted_name(part.column)} = r.{quoted_name(part.column)}" for part in key)
    of_r, of_x = (", ".join(f"{row}.{quoted_name(part.column)}" for part in key) for row in "rx")
    expressions = re.sub(r"\s+(ASC|DESC)\b", "", index.expressions, flags=re.IGNORECASE)
    same = columns or (
        f"({of_r}) IN (SELECT {of_x} FROM {quoted} AS x"
        f" WHERE ({expressions}) = (SELECT {expressions} FROM (SELECT {new_row})))"
    )
    if not index.condition:
        return same
    return (
        f"{same} AND EXISTS (SELECT 1 FROM {quoted} AS x WHERE {is_r} AND ({index.condition}))"
        f" AND EXISTS (SELECT 1 FROM (SELECT {new_row}) WHERE {index.condition})"
    )


def _of_indexed_columns(indexes: list[_UniqueIndex], layout: Layout) -> str:
    """Return which columns an update must set to run into a unique conflict; nothing means any column."""
    names = [name for index in indexes for name, _ in index.columns]
    computed = any(index.expressions or index.condition for index in indexes)
    if computed or any(fold(name) in map(fold, layout.generated) for name in names):
        return ""
    return f" OF {', '.join(quoted_name(name) for name in dict.fromkeys(names))}"
