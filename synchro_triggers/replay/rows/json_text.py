"""JSON as it is stored: its text is copied, since Python's floats have fewer digits than JSON's numbers may have."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from django.db import connections
from django.db.models import Func, JSONField, TextField, Value

_TEXT_OF = "_synchro_text_of_"


class StoredText(Func):
    """The text of a JSON column; NULL where it has no value, and ``null`` where it has JSON's."""

    arity = 1
    output_field = TextField()
    template = "CAST(%(expressions)s AS text)"

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """A cast to ``text`` is unknown there."""
        return self.as_sql(compiler, connection, template="CAST(%(expressions)s AS char)", **context)


class JsonText(Value):
    """A JSON value by its text; Django's statements take it as an expression.

    Attributes:
        text: the JSON.
        exact: it is stored as text, with its blanks, the order of its keys and doubled ones (SQLite, MariaDB);
            PostgreSQL's ``jsonb`` keeps the digits of numbers, and none of these.
    """

    def __init__(self, text: str, *, exact: bool = False) -> None:
        super().__init__(text, JSONField())
        self.text = text
        self.exact = exact

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        return ("%s::jsonb" if connection.vendor == "postgresql" else "%s"), [self.text]

    def is_stored_like(self, other: JsonText) -> bool:
        """Tell whether two values are alike, as far as both of their databases tell them apart."""
        if self.text == other.text or (self.exact and other.exact):
            return self.text == other.text
        return bool(_normal(self.text) == _normal(other.text))


def annotation_of(field: JSONField) -> str:
    """Return the name under which a row read has the text of one of its JSON columns."""
    return f"{_TEXT_OF}{field.name}"


def stored_json(instance: Any, field: JSONField) -> JsonText | None:
    """Return the JSON that a row was read with; ``None`` where that is not known, or the column has no value."""
    text = instance.__dict__.get(annotation_of(field))
    if text is None:
        return None
    return JsonText(text, exact=instance._state.db is not None and _is_exact(connections[instance._state.db]))


def _is_exact(connection: Any) -> bool:
    return connection.vendor == "sqlite" or bool(connection.vendor == "mysql" and connection.mysql_is_mariadb)


def put_json(instance: Any, field: JSONField, value: JsonText) -> None:
    """Give an instance the value as everybody sees it, and remember its text."""
    instance.__dict__[annotation_of(field)] = value.text
    instance.__dict__[field.attname] = json.loads(value.text, cls=field.decoder)


def text_of(field: JSONField, value: Any) -> str | None:
    """Return the JSON that Django would write for a value of Python's."""
    if value is None or isinstance(value, JsonText):
        return None if value is None else value.text
    if isinstance(value, Value):
        value = value.value
    return json.dumps(value, cls=field.encoder)


def is_copied_as_text(field: Any) -> bool:
    """Tell a JSON field that reads and writes as Django's own does."""
    return isinstance(field, JSONField) and all(getattr(type(field), name) is getattr(JSONField, name) for name in _OWN)


_OWN = ("from_db_value", "get_prep_value", "get_db_prep_value", "get_db_prep_save", "pre_save", "to_python")


def _normal(text: str) -> Any:
    return json.loads(text, parse_float=_digits, parse_int=_digits)


def _digits(number: str) -> tuple[str, ...]:
    digits = format(Decimal(number), "f")
    return ("number", digits if digits.strip("-0.") else digits.removeprefix("-"))
