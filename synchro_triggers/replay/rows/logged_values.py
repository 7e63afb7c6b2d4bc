"""Values that triggers have stored as JSON, read back as an instance would have them."""

from __future__ import annotations

import decimal
import json
from collections.abc import Collection, Sequence
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from ...capture.keys import decode_value
from ...capture.tables import stored_fields
from ...conf import LOCAL
from .postgres import base_type
from .utc import zone_of


def needs_database(field: Any, alias: str) -> bool:
    """Tell whether only the database can read what a trigger has logged of a column: JSON, ranges, custom fields."""
    while field.is_relation:
        field = field.target_field
    own = type(field).__module__.startswith("django.db.models")
    return not own or bool(field.get_db_converters(connections[alias]))


def as_read(alias: str, fields: Collection[Any], logged: str) -> dict[str, Any]:
    """Read values that a trigger has logged as if they came from their columns.

    Args:
        alias: the database that logged them.
        fields: the fields to read, of one model.
        logged: a JSON object, columns to values.

    Returns:
        Attribute names to values.
    """
    connection = connections[alias]
    if connection.vendor == "postgresql":
        values = _as_read_by_postgres(connection, fields, logged)
    else:
        by_column: dict[str, Any] = json.loads(logged)
        values = [by_column[field.column] for field in fields]
    found: dict[str, Any] = {}
    for field, value in zip(fields, values, strict=True):
        column = field.get_col(field.model._meta.db_table)
        for convert in (*connection.ops.get_db_converters(column), *column.get_db_converters(connection)):
            value = convert(value, column, connection)
        found[field.attname] = value
    return found


def _as_read_by_postgres(connection: BaseDatabaseWrapper, fields: Collection[Any], logged: str) -> Sequence[Any]:
    names = [connection.ops.quote_name(field.column).replace("%", "%%") for field in fields]
    types = [base_type(field, connection) for field in fields]
    record = ", ".join(f"{name} {type_}" for name, type_ in zip(names, types, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(names)} FROM jsonb_to_record(%s::jsonb) AS logged ({record})", [logged])
        row: Sequence[Any] = cursor.fetchone()
        return row


def logged_values(model: type[Model], text: str, alias: str = LOCAL) -> dict[str, Any]:
    """Read ``ChangeLog.old_values`` of a database: attribute names to values as an instance has them."""
    raw: dict[str, Any] = json.loads(text, parse_float=decimal.Decimal)
    zone = zone_of(alias)
    fields = [field for field in stored_fields(model) if field.column in raw]
    read = [field for field in fields if raw[str(field.column)] is not None and needs_database(field, alias)]
    values = {field.attname: decode_value(field, raw[str(field.column)], zone) for field in fields if field not in read}
    return values | (as_read(alias, read, text) if read else {})
