"""Values that triggers have stored as JSON, read back as an instance would have them."""

from __future__ import annotations

import decimal
import json
from collections.abc import Collection
from typing import Any

from django.db import connections
from django.db.models import Model

from ...capture.keys import decode_value
from ...capture.tables import stored_fields
from ...conf import LOCAL
from .utc import zone_of
from .vendor import statements_of


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
    values = statements_of(connection).read_logged(connection, fields, logged)
    found: dict[str, Any] = {}
    for field, value in zip(fields, values, strict=True):
        column = field.get_col(field.model._meta.db_table)
        for convert in (*connection.ops.get_db_converters(column), *column.get_db_converters(connection)):
            value = convert(value, column, connection)
        found[field.attname] = value
    return found


def logged_values(model: type[Model], text: str, alias: str = LOCAL) -> dict[str, Any]:
    """Read ``ChangeLog.old_values`` of a database: attribute names to values as an instance has them."""
    raw: dict[str, Any] = json.loads(text, parse_float=decimal.Decimal)
    zone = zone_of(alias)
    fields = [field for field in stored_fields(model) if field.column in raw]
    read = [field for field in fields if raw[str(field.column)] is not None and needs_database(field, alias)]
    values = {field.attname: decode_value(field, raw[str(field.column)], zone) for field in fields if field not in read}
    return values | (as_read(alias, read, text) if read else {})
