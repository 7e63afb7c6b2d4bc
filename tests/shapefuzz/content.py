"""What a database holds, read table by table and without the ORM's managers, joins and objects.

Each row is known by its mark, which the story gives it and nobody changes; what a key means is the mark of the row
that it leads to. So two databases can be compared that give out different numbers.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import AutoField, BigAutoField, JSONField, Model, SmallAutoField
from django.db.models.expressions import Col

from tests.shapefuzz.holding import key_held, model_held

Name = tuple[str, str]
"""Label and mark of a row."""


@dataclass(frozen=True)
class Unreadable:
    """A value that Python cannot read."""

    raw: str


@dataclass
class Row:
    """A row: its key as Python has it, all its values, and those that can be compared across databases."""

    key: Any
    raw: dict[str, Any]
    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class Content:
    """All rows of a database by name; several where a mark is there more than once."""

    rows: dict[Name, list[Row]] = field(default_factory=dict)

    def one(self, name: Name) -> dict[str, Any] | None:
        found = self.rows.get(name)
        return found[0].values if found else None

    def names_and_keys(self) -> Iterable[tuple[Name, Any]]:
        return ((name, row.key) for name, rows in self.rows.items() for row in rows)


def tables() -> list[type[Model]]:
    """Return the models of the project that have a table, and the automatic tables of their links."""
    found = []
    for model in apps.get_app_config("shapefuzz").get_models():
        if not model._meta.proxy:
            found.append(model)
            found += [
                each.remote_field.through
                for each in model._meta.local_many_to_many
                if each.remote_field.through._meta.auto_created
            ]
    return found


def read_table(alias: str, model: type[Model]) -> list[Row]:
    """Return the rows of a model's own table."""
    connection = connections[alias]
    fields = [each for each in model._meta.local_concrete_fields if each.column is not None]
    quote = connection.ops.quote_name
    columns = ", ".join(_selected(connection, each) for each in fields)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {quote(model._meta.db_table)}")
        found = cursor.fetchall()
    rows = []
    for values in found:
        raw = {each.attname: _value(connection, each, value) for each, value in zip(fields, values, strict=True)}
        key = tuple(raw[each.attname] for each in model._meta.pk_fields)
        rows.append(Row(key[0] if len(key) == 1 else key, raw))
    return rows


def _selected(connection: Any, field: Any) -> str:
    quoted = connection.ops.quote_name(field.column)
    kind = kind_of(field)
    # As text: psycopg refuses to read a year before Christ, and JSON would lose digits.
    if connection.vendor == "postgresql" and kind in ("DateField", "DateTimeField", "JSONField"):
        return f"{quoted}::text" if kind != "DateTimeField" else f"({quoted} AT TIME ZONE 'UTC')::text"
    # An expression has no type: the driver leaves it as it is.
    return f"+{quoted}" if connection.vendor == "sqlite" else str(quoted)


def kind_of(field: Any) -> str:
    """Return the kind of a field, or of what a foreign key leads to."""
    while field.is_relation:
        field = field.target_field
    return str(field.get_internal_type())


def _value(connection: Any, field: Any, value: Any) -> Any:
    if value is None:
        return None
    while field.is_relation:
        field = field.target_field
    kind = field.get_internal_type()
    if isinstance(field, JSONField):
        return str(value)
    if connection.vendor == "postgresql" and kind in ("DateField", "DateTimeField"):
        return _moment(value, kind)
    raw = value
    try:
        column = Col(field.model._meta.db_table, field)
        for convert in (*connection.ops.get_db_converters(column), *column.get_db_converters(connection)):
            value = convert(value, column, connection)
        field.to_python(value)
    except (ValueError, TypeError, ArithmeticError, AttributeError, ValidationError) as error:
        return Unreadable(f"{raw!r} ({type(error).__name__})")
    return Unreadable(repr(raw)) if value is None else value


def _moment(text: str, kind: str) -> Any:
    try:
        if kind == "DateField":
            return datetime.date.fromisoformat(text)
        moment = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)
        if settings.USE_TZ:
            return moment
        return moment.astimezone(ZoneInfo(settings.TIME_ZONE)).replace(tzinfo=None)
    except ValueError:
        return Unreadable(text)


# Comparing ----------------------------------------------------------------------------------------


def read(alias: str, kept_keys: Iterable[str] = (), natural_keys: Iterable[str] = ()) -> Content:
    """Return what a database holds.

    Args:
        alias: the database.
        kept_keys: labels of models whose automatic keys are the same everywhere.
        natural_keys: labels of models to which an option gives a natural key: other keys may be others elsewhere.
    """
    return _Reader(alias, set(kept_keys), set(natural_keys)).content()


class _Reader:
    def __init__(self, alias: str, kept_keys: set[str], natural_keys: set[str]) -> None:
        self._alias, self._kept_keys, self._natural_keys = alias, kept_keys, natural_keys
        self._rows = {model: read_table(alias, model) for model in tables()}
        self._marks: dict[tuple[type[Model], str], dict[str, str]] = {}
        kinds = read_table(alias, ContentType)
        self._kinds = {row.key: (row.raw["app_label"], row.raw["model"]) for row in kinds}

    def content(self) -> Content:
        content = Content()
        for model, rows in self._rows.items():
            for row in rows:
                row.values = self._values(model, row)
                content.rows.setdefault((model._meta.label, self._mark(model, row)), []).append(row)
        return content

    def _mark(self, model: type[Model], row: Row) -> str:
        if model._meta.auto_created:
            return " > ".join(str(value) for value in row.values.values())
        return str(row.raw[f"mark_{_letter_of(model)}"])

    def _values(self, model: type[Model], row: Row) -> dict[str, Any]:
        values = {}
        generic = {name for each in model._meta.private_fields for name in (getattr(each, "ct_field", ""),)}
        for each in model._meta.local_concrete_fields:
            if each.column is None or self._is_number_of_its_own(model, each):
                continue
            value = row.raw[each.attname]
            if each.is_relation and each.name in generic:
                values[each.attname] = self._kinds.get(value)
            elif each.is_relation:
                values[each.attname] = self._leads_to(each, value)
            elif (key := key_held(each, value)) is not None:
                values[each.attname] = self._held(each, key)
            else:
                values[each.attname] = self._comparable(each, value)
        for each in model._meta.private_fields:
            if getattr(each, "fk_field", None) in row.raw:  # a child shows its parents', too
                values[each.fk_field] = self._generic(each, row)
        return values

    def _is_number_of_its_own(self, model: type[Model], field: Any) -> bool:
        if field.attname in self._mapped(model):  # also a part of a composite one
            return True
        kept = model._meta.label in self._kept_keys
        return isinstance(field, (AutoField, BigAutoField, SmallAutoField)) and not kept

    def _mapped(self, model: type[Model]) -> set[str]:
        """Return the own keys of a model whose natural key, or a parent's, says which object is which."""
        sharing = [each for each in self._rows if each._meta.db_table == model._meta.db_table]
        sharing += model._meta.all_parents
        natural = any(each._meta.label in self._natural_keys or hasattr(each, "natural_key") for each in sharing)
        return {each.attname for each in model._meta.pk_fields} if natural else set()

    def _leads_to(self, field: Any, value: Any) -> Any:
        if value is None:
            return None
        target = field.remote_field.model._meta.concrete_model
        return "→ " + self._index(target, field.target_field.attname).get(repr(plain(value)), "nothing")

    def _held(self, field: Any, key: Any) -> str:
        """Return the mark of what a column leads to that is no foreign key."""
        target: Any = model_held(field)
        return "→ " + self._index(target, target._meta.pk.attname).get(repr(plain(key)), "nothing")

    def _index(self, model: type[Model], attname: str) -> dict[str, str]:
        if (model, attname) not in self._marks:
            rows = self._rows.get(model, [])
            self._marks[model, attname] = {
                repr(plain(row.raw.get(attname))): str(row.raw.get(f"mark_{_letter_of(model)}")) for row in rows
            }
        return self._marks[model, attname]

    def _generic(self, field: Any, row: Row) -> Any:
        text = row.raw[field.fk_field]
        kind = self._kinds.get(row.raw[f"{field.ct_field}_id"])
        if text is None or kind is None:
            return text
        try:
            model = apps.get_model(*kind)._meta.concrete_model
        except LookupError:
            return text
        marks = {str(each.key): str(each.raw[f"mark_{_letter_of(model)}"]) for each in self._rows.get(model, [])}
        if text not in marks and kind_of(model._meta.pk) == "DateTimeField":  # it may be of another zone
            moments = {repr(plain(each.key)): str(each.key) for each in self._rows.get(model, [])}
            text = moments.get(repr(_moment_of(text)), text)
        return "→ " + marks.get(text, "nothing")

    def _comparable(self, field: Any, value: Any) -> Any:
        if isinstance(field, JSONField) and isinstance(value, str):
            return _json(value)
        return plain(value)


def _moment_of(text: str) -> Any:
    try:
        return plain(datetime.datetime.fromisoformat(text))
    except ValueError:
        return text


def _letter_of(model: type[Model]) -> str:
    """Return the letter in the names of a model's own fields; one that shares a table has its owner's."""
    names = [each.name for each in model._meta.local_concrete_fields]
    return next((name.removeprefix("mark_") for name in names if name.startswith("mark_")), "")


def plain(value: Any) -> Any:
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, Decimal):
        return value.normalize() + 0
    return value


def _json(text: str) -> str:
    try:
        found = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    except ValueError:
        return f"no JSON: {text}"
    return repr(_sorted(found))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_sorted(each) for each in value]
    return value.normalize() + 0 if isinstance(value, Decimal) else value
