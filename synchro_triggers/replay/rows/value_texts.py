"""Values of fields as JSON, and back, whatever kind they are: what a conflict is on record with. Pure.

A value that a field reads back from its plain form stands there as that: a number, a text, a date in ISO's form. What
it would read as something else, or not at all (a text in a number's column, as SQLite may have one, bytes, JSON, what
custom fields make), stands in an object that says of which type it is.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from django.db.models import JSONField

from .json_text import JsonText, text_of
from .values import same_value

#: What a type is called in JSON, how its values are written there, and how they are read.
_TYPES: dict[type[Any], tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = {
    str: ("text", str, str),
    bool: ("bool", bool, bool),
    int: ("int", str, int),
    float: ("float", repr, float),
    decimal.Decimal: ("decimal", str, decimal.Decimal),
    datetime.datetime: ("datetime", datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    datetime.date: ("date", datetime.date.isoformat, datetime.date.fromisoformat),
    datetime.time: ("time", datetime.time.isoformat, datetime.time.fromisoformat),
    datetime.timedelta: (
        "microseconds",
        lambda value: value // datetime.timedelta(microseconds=1),
        lambda raw: datetime.timedelta(microseconds=raw),
    ),
    uuid.UUID: ("uuid", str, uuid.UUID),
    bytes: ("base64", lambda value: base64.b64encode(value).decode(), base64.b64decode),
}

_READERS = {name: read for name, _, read in _TYPES.values()}

#: What a field makes of a value for the database, where only it knows how to read that.
_STORED = "stored"

#: A value that no field has read back; it is there to be seen, and can be written nowhere.
_SHOWN = "shown"


class NotReadBack(ValueError):
    """A value on record can only be shown."""


def as_text(fields: Mapping[str, Any], values: Mapping[str, Any] | None, connection: Any) -> str | None:
    """Return values as a JSON text of ASCII, which every database stores.

    Args:
        fields: field names to fields.
        values: field names to values; ``None``: the object is gone.
        connection: to the database that holds such values: custom fields read as it has them.

    Example:
        ``{"name": "Ann", "cash": "1.50", "photo": {"base64": "/9j/"}}``
    """
    if values is None:
        return None
    return json.dumps({name: to_json(fields[name], value, connection) for name, value in values.items()})


def to_json(field: Any, value: Any, connection: Any = None) -> Any:
    """Return a field's value as JSON."""
    if value is None:
        return None
    if isinstance(value, memoryview):
        value = bytes(value)
    if isinstance(field, JSONField):
        return {"json": text_of(field, value)}
    for plain in _plain_forms(field, value):
        if _reads_back(field, plain, value, connection):
            return plain
    if type(value) in _TYPES:
        return _typed(value)
    return {_SHOWN: str(value)}


def _typed(value: Any) -> dict[str, Any]:
    name, write, _ = _TYPES[type(value)]
    return {name: write(value)}


def _plain_forms(field: Any, value: Any) -> Any:
    if type(value) in {str, bool, int} or (type(value) is float and value - value == 0):
        yield value
    elif type(value) is bytes:
        return
    elif type(value) in _TYPES:
        yield _TYPES[type(value)][1](value)
    else:
        yield from _text_by_field(field, value)


def _text_by_field(field: Any, value: Any) -> Any:
    """Yield what the field itself writes of a value, where it does: arrays, ranges, custom types."""
    with suppress(Exception):  # a field of somebody else's, which need not know how
        if isinstance(text := field.value_to_string(_Holder(field, value)), str):
            yield text
    with suppress(Exception):
        if type(stored := field.get_prep_value(value)) in _TYPES:
            yield {_STORED: _typed(stored)}


class _Holder:
    """Stands in for an instance, of which ``value_to_string()`` reads one attribute."""

    def __init__(self, field: Any, value: Any) -> None:
        self.__dict__[field.attname] = value


def _reads_back(field: Any, plain: Any, value: Any, connection: Any) -> bool:
    try:
        read = from_json(field, plain, connection)
        return type(read) is type(value) and same_value(field, read, value)
    except Exception:  # whatever a field raises at what it cannot read
        return False


def from_json(field: Any, raw: Any, connection: Any = None) -> Any:
    """Return a field's value, as a row of it is read through a connection, from its JSON.

    Raises:
        NotReadBack: it can only be shown.
        Exception: what the field raises, of what it cannot read.
    """
    if raw is None:
        return None
    if isinstance(raw, dict):
        [(name, written)] = raw.items()
        if name == "json":
            return JsonText(written)
        if name == _SHOWN:
            raise NotReadBack(f"{field.name} holds what can only be shown: {written}")
        if name == _STORED:
            value = from_json(field, written)
            for convert in field.get_db_converters(connection):
                value = convert(value, None, connection)
            return value
        return _READERS[name](written)
    return field.to_python(raw)


def shown(raw: Any) -> str | None:
    """Return a value's JSON as a text for people; ``None``: it is NULL."""
    while isinstance(raw, dict):
        [raw] = raw.values()
    return None if raw is None else str(raw)
