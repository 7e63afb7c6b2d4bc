"""Keys and values as triggers write them, and back. Pure."""

from __future__ import annotations

import datetime
import decimal
import json
import re
import uuid
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from django.conf import settings as django_settings
from django.db import models
from django.db.models import Model
from django.db.models.fields.composite import CompositePrimaryKey
from django.utils import timezone

from .tables import key_fields_of, kind_of


def encode_key(value: Any) -> str:
    """Write a primary key as text: ``str`` of a single value, a JSON array of a composite one."""
    if type(value) is int:
        return str(value)
    if isinstance(value, (tuple, list)):
        return json.dumps([part if isinstance(part, int) else _key_part(part) for part in value])
    return _key_part(value)


def _key_part(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        if timezone.is_aware(value):
            value = value.astimezone(datetime.UTC)
        return str(value.isoformat())
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    if isinstance(value, decimal.Decimal):  # SQLite forgets how many places a number has
        return format(value.normalize(), "f")
    return str(value)


#: Kinds of which every trigger writes what ``encode_key()`` does; the vendors write others in their own ways.
_VERBATIM = frozenset(
    [f"{size}{kind}" for kind in ("AutoField", "IntegerField") for size in ("", "Big", "Small")]
    + ["PositiveBigIntegerField", "PositiveIntegerField", "PositiveSmallIntegerField", "BinaryField"]
    + ["CharField", "SlugField", "TextField", "UUIDField", "DateField", "GenericIPAddressField"]
)


def logged_texts(model: type[Model], keys: Iterable[Any]) -> set[str] | None:
    """Return the texts under which triggers log these keys; ``None``: only decoding the log can tell."""
    if not all(kind_of(field) in _VERBATIM for field in key_fields_of(model)):
        return None
    if not isinstance(model._meta.pk, CompositePrimaryKey):
        return {encode_key(key) for key in keys}
    if any(kind_of(field) == "BinaryField" for field in key_fields_of(model)):
        return None
    parts = [json.loads(encode_key(key)) for key in keys]
    separators = (", ", ",")  # PostgreSQL's way and SQLite's
    return {json.dumps(part, ensure_ascii=False, separators=(comma, ":")) for part in parts for comma in separators}


def decode_key(model: type[Model], text: str, zone: datetime.tzinfo = datetime.UTC) -> Any:
    """Read ``ChangeLog.object_pk`` back into a value for ``pk``.

    Args:
        model: the model.
        text: what the trigger wrote.
        zone: the time zone of times that name none: on SQLite that of the alias.

    Raises:
        ValueError, ValidationError, InvalidOperation: the text is no key of this model, or one of a type that
            cannot be looked up: lists, JSON.
    """
    text.encode()  # a surrogate is a byte that was no text
    fields = key_fields_of(model)
    key = _decode_key(model, fields, text, zone)
    if not isinstance(key, Hashable) or any(kind_of(field) == "JSONField" for field in fields):
        raise ValueError(f"{text!r} is of a type that no object can be found by")
    return key


def _decode_key(model: type[Model], fields: Sequence[Any], text: str, zone: datetime.tzinfo) -> Any:
    if isinstance(model._meta.pk, CompositePrimaryKey):
        parts = json.loads(text, parse_float=decimal.Decimal)
        return tuple(decode_value(field, part, zone) for field, part in zip(fields, parts, strict=True))
    return decode_value(fields[0], text, zone)


def decode_value(field: Any, raw: Any, zone: datetime.tzinfo = datetime.UTC) -> Any:
    """Read a value that a trigger stored (JSON) back into what the field's attribute holds in Python."""
    if raw is None:
        return None
    while field.remote_field is not None and getattr(field, "target_field", None) is not None:
        field = field.target_field
    if isinstance(field, models.DateTimeField):
        return _decode_time(field.to_python(raw), zone)
    if isinstance(field, models.DurationField) and re.fullmatch(r"-?\d+", str(raw)):
        return datetime.timedelta(microseconds=int(raw))  # as SQLite has it
    if isinstance(field, models.UUIDField):
        return uuid.UUID(str(raw))
    if isinstance(field, models.BooleanField) and isinstance(raw, str):
        return raw.lower() in {"1", "t", "true"}
    if isinstance(field, models.BinaryField) and isinstance(raw, str):
        return bytes.fromhex(raw.removeprefix("\\x"))
    if isinstance(field, models.DecimalField):
        return _with_its_places(field, field.to_python(raw))
    return field.to_python(raw)


def _with_its_places(field: models.DecimalField[Any, Any], value: decimal.Decimal) -> decimal.Decimal:
    """Return a decimal with as many places as Django reads it with: generic foreign keys hold it as text."""
    places: Any = field.decimal_places  # Django 6.1: need not be there
    if places is None:
        return value
    try:
        with_places = value.quantize(decimal.Decimal(1).scaleb(-places), context=field.context)
    except decimal.InvalidOperation:  # more digits than the field has, as only SQLite stores them, or infinity
        return value
    return with_places if with_places == value else value


def _decode_time(value: datetime.datetime, zone: datetime.tzinfo) -> datetime.datetime:
    if django_settings.USE_TZ:
        return (value.replace(tzinfo=zone) if timezone.is_naive(value) else value).astimezone(datetime.UTC)
    if timezone.is_naive(value):
        return value
    project = timezone.get_default_timezone()  # in which Django's sessions are then
    naive = timezone.make_naive(value, project)
    # PostgreSQL takes a time of the hour that is there twice for the later one.
    if naive.replace(tzinfo=project, fold=1).astimezone(datetime.UTC) != value:
        raise ValueError(f"{value} is no single time in {project}: it takes USE_TZ to tell it from another one")
    return naive
