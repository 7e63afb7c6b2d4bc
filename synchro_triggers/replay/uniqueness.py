"""Unique values that objects want of one another: swaps and rotations.

A unique constraint is checked row by row, so two objects cannot exchange a unique value by being
saved one after the other. The values in the way are first replaced by free ones.
"""

from __future__ import annotations

import datetime
import decimal
import ipaddress
import string
import uuid
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.conf import settings as django_settings
from django.db import DataError, IntegrityError, models, transaction
from django.db.models import Field, Model

from .rows import rows_of
from .shape import Shape, is_foreign_key, target_of
from .writing import local_value


def park_unique_values(remote: str, stuck: Sequence[tuple[Shape, Any, Model | None]]) -> bool:
    """Give remote rows that are in one another's way values that nobody has, without signals.

    Args:
        remote: the remote alias; a transaction must be open there.
        stuck: shape, remote key and local instance of objects that could not be saved; ``None`` for the
            instance of one that is to be deleted.

    Returns:
        Whether anything was changed, so that another try makes sense.
    """
    parked = False
    taken: dict[Field[Any, Any], set[Any]] = {}
    wanted: dict[Field[Any, Any], set[Any]] = {}
    for shape, _, instance in stuck:
        if instance is not None:
            for field in unique_fields(shape):
                wanted.setdefault(field, set()).update(_hashable([local_value(instance, field)]))
    for shape, remote_key, instance in stuck:
        row = rows_of(shape.model, remote).filter(pk=remote_key).first()
        if row is None:
            continue
        for field in unique_fields(shape):
            if local_value(row, field) is not None and _wants_another(row, instance, field):
                if field not in taken:
                    column = rows_of(shape.model, remote).values_list(field.attname, flat=True)
                    taken[field] = _hashable(column[:_LOOKED_AT])
                parked = _park(remote, shape, remote_key, field, taken[field], wanted.get(field, set())) or parked
    return parked


def _park(
    remote: str, shape: Shape, remote_key: Any, field: Field[Any, Any], taken: set[Any], wanted: set[Any]
) -> bool:
    """Try one made-up value after the other; a check constraint may allow but a few.

    What another object waits for comes last: it would be in that one's way.
    """
    rows = rows_of(shape.model, remote)
    waited_for = wanted - {None}
    for value in sorted(islice(free_values(field, taken), _TRIES), key=waited_for.__contains__):
        try:
            with transaction.atomic(using=remote):
                rows.filter(pk=remote_key).update(**{field.attname: value})
            taken.add(value)
            return True
        except (IntegrityError, DataError):
            continue
    return False


def unique_fields(shape: Shape) -> list[Field[Any, Any]]:
    """Return the copied fields that take part in any unique or exclusion constraint."""
    names: set[str] = set()
    for model in (*shape.model._meta.all_parents, shape.model):
        names.update(field.name for field in model._meta.local_concrete_fields if field.unique)
        for together in model._meta.unique_together:
            names.update(together)
        for constraint in model._meta.constraints:
            names.update(getattr(constraint, "fields", ()))
            names.update(_names_in(getattr(constraint, "expressions", ())))
    return [field for field in shape.copied if field.name in names]


def _names_in(expressions: Iterable[Any]) -> set[str]:
    names: set[str] = set()
    for expression in expressions:
        if isinstance(expression, (tuple, list)):  # an exclusion constraint's (expression, operator)
            expression = expression[0]
        if isinstance(expression, str):
            names.add(expression.split("__")[0])
        elif hasattr(expression, "flatten"):
            parts = (part for part in expression.flatten() if isinstance(part, models.F))
            names.update(str(getattr(part, "name", "")).split("__")[0] for part in parts)
    return names


def _hashable(values: Iterable[Any]) -> set[Any]:
    # A unique column of lists or JSON has no made-up values anyway.
    return {value for value in values if isinstance(value, Hashable)}


def _wants_another(row: Model, instance: Model | None, field: Field[Any, Any]) -> bool:
    # A foreign key's values differ between the two databases anyway: park it to be sure.
    return instance is None or is_foreign_key(field) or local_value(row, field) != local_value(instance, field)


#: How many values of a column are looked at, and how many made-up ones are tried.
_LOOKED_AT = 10_000
_TRIES = 200


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
