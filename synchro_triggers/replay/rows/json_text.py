"""JSON as it is stored: its text is copied, since Python's floats have fewer digits than JSON's numbers may have."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from django.db import connections
from django.db.models import Func, JSONField, TextField, Value

from ...vendors.vendor import database_of

_TEXT_OF = "_synchro_text_of_"


class StoredText(Func):
    """The text of a JSON column; NULL where it has no value, and ``null`` where it has JSON's."""

    arity = 1
    output_field = TextField()  # pyright: ignore[reportAssignmentType]  # stubs have the property alone

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        template = f"CAST(%(expressions)s AS {database_of(connection).TEXT})"
        return super().as_sql(compiler, connection, template=template, **context)


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
        return database_of(connection).JSON_TEXT, [self.text]

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
    connection = connections[instance._state.db] if instance._state.db is not None else None
    return JsonText(text, exact=connection is not None and database_of(connection).keeps_json_text(connection))


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
