"""Values that no row has: for a column whose own value has to wait, and for a key of what is not there. Pure."""

from __future__ import annotations

import datetime
import decimal
import ipaddress
import string
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.conf import settings as django_settings
from django.db import models
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models import CharField, Model, TextField

from .key_columns import KeyColumn
from .shape import is_foreign_key, key_column_at, points_to_key, root_of, target_of


def free_values(field: Any, taken: set[Any]) -> Iterator[Any]:
    """Yield values for a column that probably no row has: far-off ones first, then neighbours of those taken.

    Args:
        taken: some of the values that rows have.
    """
    if field.null:
        yield None
    taken = taken - {None}
    if is_foreign_key(field):
        # Foreign keys are checked at the commit, and the right value comes before that.
        model, attname = target_of(field)
        target: Any = next(part for part in model._meta.concrete_fields if part.attname == attname)
        yield from free_values(target, taken)
        return
    for kind, make in _MAKERS:
        if isinstance(field, kind):
            yield from make(field, taken, uuid.uuid4().int)
            return


def _integers(field: Any, taken: set[Any], number: int) -> Iterator[Any]:
    yield from (-1 - number % 30_000, 20_000 + number % 12_000, 1_000_000_000 + number % 10**9)
    yield from sorted({value + step for value in taken for step in (1, -1, 2, -2)} - taken)


def _addresses(field: Any, taken: set[Any], number: int) -> Iterator[Any]:
    if field.protocol != "ipv4":
        yield str(ipaddress.IPv6Address(number))
    yield str(ipaddress.IPv4Address(number % 2**32))


def _texts(field: Any, taken: set[Any], number: int) -> Iterator[Any]:
    yield uuid.UUID(int=number).hex[: field.max_length or 32]
    yield from (letter for letter in string.ascii_letters + string.digits + string.punctuation if letter not in taken)


def _bytes(field: Any, taken: set[Any], number: int) -> Iterator[Any]:
    yield number.to_bytes(16, "big")[: field.max_length or 16]
    yield from (bytes([byte]) for byte in range(256) if bytes([byte]) not in taken)


def _moments(field: Any, taken: set[Any], number: int) -> Iterator[Any]:
    first = datetime.datetime(1971, 1, 1, tzinfo=datetime.UTC if django_settings.USE_TZ else None)
    yield first + datetime.timedelta(microseconds=number % 10**15)


def _times(field: Any, taken: set[Any], number: int) -> Iterator[Any]:
    yield (datetime.datetime.min + datetime.timedelta(microseconds=number % 86_400_000_000)).time()


def _decimals(field: Any, taken: set[Any], number: int) -> Iterator[Any]:
    digits = (field.max_digits or 10) - (field.decimal_places or 0)
    yield from (decimal.Decimal(-(number % 10**digits)), decimal.Decimal(number % 10**digits))


#: What makes values of a kind of fields: a field, the values that are taken, and a random number of 128 bits. The first
#: that fits is asked.
_MAKERS: tuple[tuple[Any, Callable[[Any, set[Any], int], Iterable[Any]]], ...] = (
    (models.UUIDField, lambda field, taken, number: (uuid.UUID(int=number),)),
    (models.BooleanField, lambda field, taken, number: {True, False} - taken),
    (models.IntegerField, _integers),
    (models.GenericIPAddressField, _addresses),
    ((models.CharField, models.TextField), _texts),
    (models.BinaryField, _bytes),
    (models.DateTimeField, _moments),
    (models.DateField, lambda field, taken, number: (datetime.date(1, 1, 2) + datetime.timedelta(number % 300_000),)),
    (models.TimeField, _times),
    (models.DurationField, lambda field, taken, number: (datetime.timedelta(microseconds=number % 10**15),)),
    (models.DecimalField, _decimals),
    (models.FloatField, lambda field, taken, number: (-float(number % 10**12),)),
)


def numbered(root: type[Model]) -> type[Model]:
    """Return the model to whose objects the database gives the numbers that are a model's keys."""
    key = root._meta.pk
    while is_foreign_key(key) and points_to_key(key):
        root = root_of(target_of(key)[0])
        key = root._meta.pk
    return root


def far_off(field: Any, key: int, root: type[Model]) -> int | None:
    """Return a number that no automatic key is, another one for each key; ``None``: the field has no room for it.

    In what is serialised there is room for what the target's own key can be.
    """
    column = key_column_at(field)
    field = field if column is None or column.rewrite is None else numbered(root)._meta.pk
    while is_foreign_key(field):
        field = field.target_field
    if isinstance(field, CharField | TextField):
        return -key if field.max_length is None or len(str(-key)) <= field.max_length else None
    lowest, highest = BaseDatabaseOperations.integer_field_ranges.get(field.get_internal_type(), (0, 0))
    if lowest <= -key <= highest:
        return -key
    return highest - key if highest > key else None


def as_written(field: Any, value: Any, key: Any) -> Any:
    """Return a key as a field holds it that has the value, or as it is written in what is serialised there."""
    return type(value)(key) if type(value) in (int, str) else field.to_python(key)


def until_it_comes(column: KeyColumn, model: type[Model], key: Any, value: Any) -> Any:
    """Return what a column holds until its target, further up in a cycle, has got its key: what leads nowhere.

    Args:
        column: it holds the key.
        model, key: the local target.
        value: the key as it is written on LOCAL.
    """
    if column.rewrite is None and column.field.null:
        return None
    number = far_off(column.field, key, root_of(model)) if isinstance(key, int) else None
    return value if number is None else as_written(column.field, value, number)
