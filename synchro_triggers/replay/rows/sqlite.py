"""Many rows at a time on SQLite: one prepared statement for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from .quoting import quoting
from .sequences import next_key


def insert_prepared(
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
        first = next_key(connection, model)
        keys = list(range(first, first + len(columns[0])))
        named, columns = [key.column, *named], [list(keys), *columns]
    names, marks = ", ".join(map(quote, named)), ", ".join(["%s"] * len(named))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({marks})", list(zip(*columns, strict=True))
        )
        return keys, cursor.rowcount


def update_prepared(
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
