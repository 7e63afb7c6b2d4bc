"""Statements of SQLite: one prepared statement for many rows; and whatever its columns may hold, read as text."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import strip_quotes
from django.db.models import Model

from ...capture.trigger import PREFIX
from .other import quoting
from .sqlite_as_stored import SQLiteAsStored

_DATE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_TIME = "[0-9][0-9]:[0-9][0-9]:[0-9][0-9]"
_PARTS = ".[0-9][0-9][0-9][0-9][0-9][0-9]"

_CASCADING = """
SELECT asked.value ->> 'number'
  FROM json_each(%s) AS asked, pragma_foreign_key_list(asked.value ->> 'table') AS key
 WHERE key.on_delete = 'CASCADE' AND lower(key."from") = lower(asked.value ->> 'column')
"""

_REDIRECTING = "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, %s) <> %s"
_ON_INSERT = re.compile(r"\bINSERT\s+ON\b", re.IGNORECASE)


class SQLiteStatements(SQLiteAsStored):
    INSERTS_MANY = UPDATES_MANY = True
    #: The write lock that we hold keeps others from taking them.
    FORESEES_KEYS = True
    #: The plus sign changes nothing, but for the driver: it makes no time of what is no plain column.
    TIME_AS_TEXT = TIME_AS_STORED_TEXT = "+%(expressions)s"
    #: A UUID of 32 characters has no other spelling than in capitals: to look with ``GLOB`` takes four times as long.
    SPELT_BY_DJANGO = {
        kind: f"typeof({{0}}) = 'text' AND ({usual})"
        for kind, usual in {
            "UUIDField": "length({0}) = 32 AND {0} = lower({0})",
            "DateField": f"{{0}} GLOB '{_DATE}'",
            "DateTimeField": f"{{0}} GLOB '{_DATE} {_TIME}' OR "
            f"({{0}} GLOB '{_DATE} {_TIME}{_PARTS}' AND {{0}} NOT GLOB '*.000000')",
            "TimeField": f"{{0}} GLOB '{_TIME}' OR ({{0}} GLOB '{_TIME}{_PARTS}' AND {{0}} NOT GLOB '*.000000')",
            "GenericIPAddressField": "{0} NOT GLOB '*[^0-9.]*'",
        }.items()
    }
    #: How Django writes keys: a cheap way to leave them out, where there is one.
    FOUND_AGAIN = {
        "UUIDField": "typeof({0}) = 'text' AND length({0}) = 32 AND {0} NOT GLOB '*[^0-9a-f]*'",
        "DateField": f"typeof({{0}}) = 'text' AND {{0}} GLOB '{_DATE}'",
    }

    def insert_many(
        self,
        connection: BaseDatabaseWrapper,
        model: type[Model],
        fields: Sequence[Any],
        columns: list[list[Any]],
        given: bool,
    ) -> tuple[list[Any], int]:
        quote = quoting(connection)
        key: Any = model._meta.pk
        keys: list[int] = []
        named = [field.column for field in fields]
        if not given:
            keys = self.reserve_keys(connection, model, len(columns[0]))
            named, columns = [key.column, *named], [list(keys), *columns]
        names, marks = ", ".join(map(quote, named)), ", ".join(["%s"] * len(named))
        with connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({marks})",
                list(zip(*columns, strict=True)),
            )
            return keys, cursor.rowcount

    def update_many(
        self,
        connection: BaseDatabaseWrapper,
        model: type[Model],
        key: Sequence[Any],
        fields: Sequence[Any],
        columns: list[list[Any]],
    ) -> int:
        quote = quoting(connection)
        values = ", ".join(f"{quote(field.column)} = %s" for field in fields)
        same = " AND ".join(f"{quote(part.column)} = %s" for part in key)
        turned = [*columns[len(key) :], *columns[: len(key)]]
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {quote(model._meta.db_table)} SET {values} WHERE {same}", list(zip(*turned, strict=True))
            )
            return int(cursor.rowcount)

    def reserve_keys(self, connection: BaseDatabaseWrapper, model: type[Model], number: int) -> list[int]:
        quote = connection.ops.quote_name
        key: Any = model._meta.pk
        with connection.cursor() as cursor:
            # The tables of this package count their keys, so that there is a table of counters.
            cursor.execute(
                f"SELECT max({quote(key.column)}), (SELECT max(seq) FROM sqlite_sequence WHERE name = %s)"
                f" FROM {quote(model._meta.db_table)}",
                [strip_quotes(model._meta.db_table)],
            )
            first = int(max(0, *(highest or 0 for highest in cursor.fetchone()))) + 1
        return list(range(first, first + number))

    def yet_to_give(self, connection: BaseDatabaseWrapper, model: type[Model], keys: Collection[int]) -> set[int]:
        [following] = self.reserve_keys(connection, model, 1)  # which takes nothing: it looks
        return {key for key in keys if key >= following}

    def among(self, connection: BaseDatabaseWrapper, field: Any, values: list[Any]) -> tuple[str, Any] | None:
        if all(type(value) is int or (type(value) is str and "\0" not in value) for value in values):
            return "IN (SELECT value FROM json_each(%s))", json.dumps(values)
        return None

    def logged_text(self, text: str) -> tuple[str, Any]:
        return "CAST(%s AS TEXT)", text.encode(errors="surrogateescape")

    def fetch_texts(self, connection: BaseDatabaseWrapper, sql: str, params: Any) -> list[Any]:
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, params)
                return _without_blobs(cursor.fetchall())
        except OperationalError as error:
            if not is_undecodable(error):
                raise
        with _any_text(connection), connection.cursor() as cursor:
            cursor.execute(sql, params)
            return _without_blobs(cursor.fetchall())

    def cascading(self, connection: BaseDatabaseWrapper, fields: Sequence[Any]) -> list[int]:
        asked = [
            {"number": number, "table": strip_quotes(field.model._meta.db_table), "column": strip_quotes(field.column)}
            for number, field in enumerate(fields)
        ]
        with connection.cursor() as cursor:
            cursor.execute(_CASCADING, [json.dumps(asked)])
            return [int(number) for (number,) in cursor.fetchall()]

    def redirecting(self, connection: BaseDatabaseWrapper) -> frozenset[Any]:
        with connection.cursor() as cursor:
            cursor.execute(_REDIRECTING, [len(PREFIX), PREFIX])
            return frozenset(table.lower() for table, sql in cursor.fetchall() if _ON_INSERT.search(sql))

    def identity_of(self, connection: BaseDatabaseWrapper, table: str) -> Any:
        return strip_quotes(table).lower()

    def insert_as_stored(
        self, connection: BaseDatabaseWrapper, model: type[Model], fields: Sequence[Any], rows: Any
    ) -> list[str]:
        quote = quoting(connection)
        key: Any = model._meta.pk
        keys = self.reserve_keys(connection, model, len(rows))
        names = ", ".join(quote(field.column) for field in (key, *fields))
        marks = ", ".join(["%s"] * (len(fields) + 1))
        with connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({marks})",
                [(made, *row[1:]) for made, row in zip(keys, rows, strict=True)],
            )
            return list(map(str, keys)) if cursor.rowcount == len(rows) else []


def is_undecodable(error: Exception) -> bool:
    """Tell the error about a text that is no UTF-8."""
    return isinstance(error, OperationalError) and "Could not decode to UTF-8" in str(error)


def _without_blobs(rows: Iterable[Any]) -> list[Any]:
    """Return rows with texts in place of blobs: anybody may write one into a column of texts."""
    return [tuple(_as_text(value) for value in row) if bytes in map(type, row) else row for row in rows]


def _as_text(value: Any) -> Any:
    return value.decode(errors="surrogateescape") if type(value) is bytes else value


@contextmanager
def _any_text(connection: Any) -> Iterator[None]:
    driver = connection.connection
    before, driver.text_factory = driver.text_factory, lambda text: text.decode(errors="surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before
