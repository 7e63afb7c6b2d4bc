"""Statements of PostgreSQL: the values of many rows travel as one array a column."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from types import NoneType
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import strip_quotes
from django.db.models import BigIntegerField, Model

from ..schema.stored_types import has_placeholder
from .other import quoting
from .postgres_as_stored import PostgresAsStored
from .postgres_sequences import PostgresSequences
from .postgres_types import base_type

_CASCADING = """
SELECT asked.number
  FROM json_to_recordset(%s::json) AS asked (number int, "table" text, "column" text)
  JOIN pg_catalog.pg_constraint AS c ON c.conrelid = to_regclass(asked."table")
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
 WHERE c.contype = 'f' AND c.confdeltype = 'c' AND cardinality(c.conkey) = 1 AND a.attname = asked."column"
"""

# Bits of tgtype: 1 for each row, 2 before, 4 insert, 64 instead of. What inherits may be what the row is led to.
_REDIRECTING = """
WITH RECURSIVE suspect AS (
    SELECT tgrelid AS id FROM pg_catalog.pg_trigger
     WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgtype::int & 5 = 5 AND tgtype::int & 66 <> 0
  UNION
    SELECT ev_class FROM pg_catalog.pg_rewrite WHERE ev_type = '3' AND is_instead AND ev_enabled <> 'D'
  UNION
    SELECT oid FROM pg_catalog.pg_class WHERE relkind IN ('v', 'f') AND oid >= 16384
  UNION
    SELECT inhparent FROM suspect JOIN pg_catalog.pg_inherits ON inhrelid = id
)
SELECT id FROM suspect
"""

#: Types of PostgreSQL, and those of Python whose text they read; it has nothing in it that an array takes for its own.
_READ_AS_WRITTEN: dict[str, type[Any]] = {
    "boolean": bool,
    "double precision": float,
    "numeric": decimal.Decimal,
    "uuid": uuid.UUID,
    "date": datetime.date,
    "timestamp with time zone": datetime.datetime,
}


class PostgresStatements(PostgresSequences, PostgresAsStored):
    INSERTS_MANY = INSERTS_TEXTS = UPDATES_MANY = True
    #: The text of a time with a time zone, as a template of Django's expressions: the same for the same instant,
    #: whatever the session's time zone and style of dates are.
    TIME_AS_TEXT = "CAST(extract(epoch FROM %(expressions)s) AS text)"
    #: The same, as Django writes the time into SQLite, in UTC. Years before 1, which SQLite does not have, stay apart.
    TIME_AS_STORED_TEXT = (
        "CASE WHEN %(expressions)s >= timestamptz '0001-01-01 00:00:00+00' "
        "THEN replace(to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), '.000000', '') "
        "ELSE CAST(%(expressions)s AS text) END"
    )

    def insert_many(
        self,
        connection: BaseDatabaseWrapper,
        model: type[Model],
        fields: Sequence[Any],
        columns: list[list[Any]],
        given: bool,
    ) -> tuple[list[Any], int]:
        quote = quoting(connection)
        names = ", ".join(quote(field.column) for field in fields)
        source, params = _source(connection, fields, columns)
        sql = f"INSERT INTO {quote(model._meta.db_table)} ({names}) SELECT * FROM {source} AS new"
        key: Any = model._meta.pk
        with connection.cursor() as cursor:
            cursor.execute(sql if given else f"{sql} RETURNING {quote(key.column)}", params)
            keys = [] if given else [row[0] for row in cursor.fetchall()]
            return keys, cursor.rowcount if given else len(keys)

    def update_many(
        self,
        connection: BaseDatabaseWrapper,
        model: type[Model],
        key: Sequence[Any],
        fields: Sequence[Any],
        columns: list[list[Any]],
    ) -> int:
        quote = quoting(connection)
        table = quote(model._meta.db_table)
        names = [f"v{number}" for number in range(len(columns))]
        values = ", ".join(
            f"{quote(field.column)} = new.{name}" for field, name in zip(fields, names[len(key) :], strict=True)
        )
        same = " AND ".join(
            f"{table}.{quote(part.column)} = new.{name}" for part, name in zip(key, names, strict=False)
        )
        source, params = _source(connection, (*key, *fields), columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table} SET {values} FROM {source} AS new ({', '.join(names)}) WHERE {same}", params
            )
            return int(cursor.rowcount)

    def insert_texts(
        self,
        connection: BaseDatabaseWrapper,
        model: type[Model],
        same: Mapping[str, str | int],
        names: Sequence[str],
        columns: list[list[Any]],
    ) -> None:
        quote = quoting(connection)
        fields = {field.attname: field for field in model._meta.concrete_fields}
        kind_of = {name: "bigint" if isinstance(fields[name], BigIntegerField) else "text" for name in (*same, *names)}
        marks = ", ".join(f"%s::{kind_of[name]}" for name in same)
        kinds = [kind_of[name] for name in names]
        arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(map(quote, (*same, *names)))})"
                f" SELECT {marks}, new.* FROM unnest({arrays}) AS new",
                [*same.values(), *map(array_parameter, columns, kinds)],
            )

    def among(self, connection: BaseDatabaseWrapper, field: Any, values: list[Any]) -> tuple[str, Any]:
        name = base_type(field, connection)
        return f"= ANY (%s::{name}[])", array_parameter(values, name)

    def in_byte_order(self, text: str) -> str:
        return f'({text}) COLLATE "C"'

    def read_logged(self, connection: BaseDatabaseWrapper, fields: Collection[Any], logged: str) -> Sequence[Any]:
        names = [quoting(connection)(field.column) for field in fields]
        types = [base_type(field, connection) for field in fields]
        record = ", ".join(f"{name} {type_}" for name, type_ in zip(names, types, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(names)} FROM jsonb_to_record(%s::jsonb) AS logged ({record})", [logged])
            row: Sequence[Any] = cursor.fetchone()
            return row

    def parameter(self, connection: BaseDatabaseWrapper, field: Any) -> str:
        """``-0.0`` would be read as a decimal, which has one zero."""
        kind = field.db_type(connection)
        return f"%s::{kind}" if kind in {"double precision", "real"} else "%s"

    def cascading(self, connection: BaseDatabaseWrapper, fields: Sequence[Any]) -> list[int]:
        quote = connection.ops.quote_name
        asked = [
            {"number": number, "table": quote(field.model._meta.db_table), "column": strip_quotes(field.column)}
            for number, field in enumerate(fields)
        ]
        with connection.cursor() as cursor:
            cursor.execute(_CASCADING, [json.dumps(asked)])
            return [number for (number,) in cursor.fetchall()]

    def redirecting(self, connection: BaseDatabaseWrapper) -> frozenset[Any]:
        with connection.cursor() as cursor:
            cursor.execute(_REDIRECTING)
            return frozenset(oid for (oid,) in cursor.fetchall())

    def identity_of(self, connection: BaseDatabaseWrapper, table: str) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s)::oid", [connection.ops.quote_name(table)])
            return cursor.fetchone()[0]


def array_parameter(values: Sequence[Any], base_type: str) -> Any:
    """Return PostgreSQL's literal of an array, of values of the usual types; of others, what the driver makes one of.

    To be used with a cast. Drivers look at each element for itself, which takes as long as the server does.

    Args:
        base_type: the type of an element that the array will be cast to.
    """
    kinds = set(map(type, values))
    if kinds == {int}:
        return "{" + ",".join(map(str, values)) + "}"
    if kinds == {str}:
        joined = '","'.join(values)
        if "\\" not in joined and joined.count('"') == 2 * len(values) - 2:
            return '{"' + joined + '"}'
    if kinds and kinds <= {int, str, NoneType, _READ_AS_WRITTEN.get(base_type, NoneType)}:
        return "{" + ",".join(map(_element, values)) + "}"
    return list(values)


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else str(value)


def _source(connection: BaseDatabaseWrapper, fields: Sequence[Any], columns: list[list[Any]]) -> tuple[str, list[Any]]:
    """Return the rows as something to select from: an array a column, or, where an array cannot hold them, values."""
    types = [base_type(field, connection) for field in fields]
    if all(_fits_array(connection, field) for field in fields):
        arrays = [array_parameter(column, name) for column, name in zip(columns, types, strict=True)]
        return f"unnest({', '.join(f'%s::{name}[]' for name in types)})", arrays
    row = f"({', '.join(f'%s::{name}' for name in types)})"
    rows = list(zip(*columns, strict=True))
    return f"(VALUES {', '.join([row] * len(rows))})", [value for values in rows for value in values]


def _fits_array(connection: BaseDatabaseWrapper, field: Any) -> bool:
    stored = field.target_field if field.is_relation else field
    return not has_placeholder(field) and stored.get_internal_type() in connection.data_types
