"""Values that probably no row has, for a column whose own value has to wait. Pure."""

from __future__ import annotations

import datetime
import decimal
import ipaddress
import string
import uuid
from collections.abc import Iterator
from typing import Any

from django.conf import settings as django_settings
from django.db import models

from .shape import is_foreign_key, target_of


def free_values(field: Any, taken: set[Any]) -> Iterator[Any]:
    """Yield values for a column that probably no row has: far-off ones first, then neighbours of those taken."""
    if field.null:
        yield None
    taken = taken - {None}
    number = uuid.uuid4().int
    if is_foreign_key(field):
        # Foreign keys are checked at the commit, and the right value comes before that.
        model, attname = target_of(field)
        target: Any = next(part for part in model._meta.concrete_fields if part.attname == attname)
        yield from free_values(target, taken)
    elif isinstance(field, models.UUIDField):
        yield uuid.uuid4()
    elif isinstance(field, models.BooleanField):
        yield from {True, False} - taken
    elif isinstance(field, models.IntegerField):
        yield from (-1 - number % 30_000, 20_000 + number % 12_000, 1_000_000_000 + number % 10**9)
        yield from sorted({value + step for value in taken for step in (1, -1, 2, -2)} - taken)
    elif isinstance(field, models.GenericIPAddressField):
        yield (
            str(ipaddress.IPv6Address(number))
            if field.protocol != "ipv4"
            else str(ipaddress.IPv4Address(number % 2**32))
        )
        yield str(ipaddress.IPv4Address(number % 2**32))
    elif isinstance(field, (models.CharField, models.TextField)):
        yield uuid.uuid4().hex[: field.max_length or 32]
        yield from (
            letter for letter in string.ascii_letters + string.digits + string.punctuation if letter not in taken
        )
    elif isinstance(field, models.BinaryField):
        yield uuid.uuid4().bytes[: field.max_length or 16]
        yield from (bytes([byte]) for byte in range(256) if bytes([byte]) not in taken)
    elif isinstance(field, models.DateTimeField):
        first = datetime.datetime(1971, 1, 1, tzinfo=datetime.UTC if django_settings.USE_TZ else None)
        yield first + datetime.timedelta(microseconds=number % 10**15)
    elif isinstance(field, models.DateField):
        yield datetime.date(1, 1, 2) + datetime.timedelta(days=number % 300_000)
    elif isinstance(field, models.TimeField):
        yield (datetime.datetime.min + datetime.timedelta(microseconds=number % 86_400_000_000)).time()
    elif isinstance(field, models.DurationField):
        yield datetime.timedelta(microseconds=number % 10**15)
    elif isinstance(field, models.DecimalField):
        digits = (field.max_digits or 10) - (field.decimal_places or 0)
        yield from (decimal.Decimal(-(number % 10**digits)), decimal.Decimal(number % 10**digits))
    elif isinstance(field, models.FloatField):
        yield -float(number % 10**12)
