"""Rows of PostgreSQL as they are stored: a text of each column, which its server wrote and another one reads.

Neither Django nor the driver sees a value. The text of an array goes as it is from one statement's result into
another's parameter: no row is a message of its own, as with ``COPY``, and no table is made to receive it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from .other import Statements, quoting
from .postgres_types import base_type

_READ = """
SELECT {writes_exactly}, array_agg(key)::text, {columns}
  FROM (SELECT {pk} AS key, {names} FROM {table} AS held
         WHERE {pk} = ANY (%s::{kind}[]) AND {guards} ORDER BY {pk}) AS found
"""

_INSERT = """
WITH made AS (INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays}) AS new{reads_exactly} RETURNING {pk} AS key)
SELECT array_agg(key)::text FROM made
"""

# Under other settings of a session a text would have fewer digits, or be read as another day or span of time.
_WRITES_EXACTLY = "current_setting('DateStyle') LIKE 'ISO%%' AND current_setting('extra_float_digits')::int >= 1"
_SPANS_AS_USUAL = "current_setting('IntervalStyle') = 'postgres'"

#: By kind of field, SQL that is true of the values which Python can read, too; the other writers tell of the others.
_CARRIED: Mapping[str, str] = {
    **dict.fromkeys(("CharField", "TextField", "SlugField", "FileField", "FilePathField"), ""),
    **dict.fromkeys(("AutoField", "BigAutoField", "SmallAutoField", "IntegerField", "BigIntegerField"), ""),
    **dict.fromkeys(("SmallIntegerField", "PositiveIntegerField", "PositiveBigIntegerField"), ""),
    **dict.fromkeys(("PositiveSmallIntegerField", "BooleanField", "FloatField", "UUIDField", "BinaryField"), ""),
    **dict.fromkeys(("DurationField", "JSONField"), ""),
    "DecimalField": "{0} NOT IN ('NaN', 'Infinity', '-Infinity')",
    "DateField": "{0} BETWEEN '0001-01-01' AND '9999-12-31'",
    # The text of a time without a zone would be read as another instant than Django takes it for.
    "DateTimeField": "pg_typeof({0}) = 'timestamptz'::regtype"
    " AND {0} BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00'",
    "TimeField": "{0} < '24:00'",
    "GenericIPAddressField": "host({0})::inet = {0}",
}


class PostgresAsStored(Statements):
    CARRIED = _CARRIED

    def read_as_stored(
        self,
        connection: BaseDatabaseWrapper,
        model: type[Model],
        fields: Sequence[Any],
        guards: Sequence[str],
        keys: list[str],
    ) -> tuple[list[str], Any]:
        quote = quoting(connection)
        key: Any = model._meta.pk
        columns = [f"held.{quote(field.column)}" for field in fields]
        spans = any(map(_is_span, fields))
        sql = _READ.format(
            writes_exactly=f"{_WRITES_EXACTLY} AND {_SPANS_AS_USUAL}" if spans else _WRITES_EXACTLY,
            columns=", ".join(f"array_agg(v{number})::text" for number in range(len(columns))),
            names=", ".join(f"{column} AS v{number}" for number, column in enumerate(columns)),
            table=quote(model._meta.db_table),
            pk=f"held.{quote(key.column)}",
            kind=base_type(key, connection),
            guards=" AND ".join(guards) or "true",
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, ["{" + ",".join(keys) + "}"])
            is_exact, found, *arrays = cursor.fetchone()
        if found is None or not is_exact:
            return [], None
        return found[1:-1].split(","), arrays

    def stored_column(self, rows: Any, number: int) -> list[int | None]:
        return [None if text == "NULL" else int(text) for text in rows[number][1:-1].split(",")]

    def with_stored_column(self, rows: Any, number: int, values: Sequence[int | None]) -> Any:
        array = "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"
        return [*rows[:number], array, *rows[number + 1 :]]

    def insert_as_stored(
        self, connection: BaseDatabaseWrapper, model: type[Model], fields: Sequence[Any], rows: Any
    ) -> list[str]:
        quote = quoting(connection)
        key: Any = model._meta.pk
        sql = _INSERT.format(
            table=quote(model._meta.db_table),
            names=", ".join(quote(field.column) for field in fields),
            arrays=", ".join(f"%s::{base_type(field, connection)}[]" for field in fields),
            pk=quote(key.column),
            reads_exactly=f" WHERE {_SPANS_AS_USUAL}" if any(map(_is_span, fields)) else "",
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, rows)
            [made] = cursor.fetchone()
        return [] if made is None else made[1:-1].split(",")


def _is_span(field: Any) -> bool:
    return bool(field.get_internal_type() == "DurationField")
