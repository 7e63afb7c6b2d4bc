"""Unique values that objects want of one another: swaps and rotations.

A unique constraint is checked row by row, so two objects cannot exchange a unique value by being
saved one after the other. The values in the way are first replaced by free ones.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models, transaction
from django.db.models import Field, Model

from .rows import rows_of
from .shape import Shape, is_foreign_key
from .writing import local_value


def park_unique_values(remote: str, stuck: Sequence[tuple[Shape, Any, Model]]) -> bool:
    """Give remote rows that are in one another's way values that nobody has, without signals.

    Args:
        remote: the remote alias; a transaction must be open there.
        stuck: shape, remote key and local instance of objects that could not be saved.

    Returns:
        Whether anything was changed, so that another try makes sense.
    """
    parked = False
    for shape, remote_key, instance in stuck:
        row = rows_of(shape.model, remote).filter(pk=remote_key).first()
        if row is None or getattr(row, "pk", None) is None:
            continue
        values = {
            field.attname: value
            for field in unique_fields(shape)
            if _wants_another(row, instance, field) and (value := free_value(field)) is not _NONE_FREE
        }
        if values and not _is_parked(row, values):
            with transaction.atomic(using=remote):
                rows_of(shape.model, remote).filter(pk=remote_key).update(**values)
            parked = True
    return parked


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


def _wants_another(row: Model, instance: Model, field: Field[Any, Any]) -> bool:
    # A foreign key's values differ between the two databases anyway: park it to be sure.
    return is_foreign_key(field) or local_value(row, field) != local_value(instance, field)


_NONE_FREE = object()


def free_value(field: Field[Any, Any]) -> Any:
    """Return a value for the field that no row has, or ``_NONE_FREE`` where none can be made up."""
    if field.null:
        return None
    if is_foreign_key(field):
        return _NONE_FREE
    number = uuid.uuid4().int
    if isinstance(field, models.UUIDField):
        return uuid.uuid4()
    if isinstance(field, models.IntegerField):
        # Small enough for every integer column, and positive for the checked ones.
        return 20_000 + number % 12_000 if "Small" in type(field).__name__ else 1_000_000_000 + number % 1_000_000_000
    if isinstance(field, (models.CharField, models.TextField)):
        return uuid.uuid4().hex[: field.max_length or 32]
    if isinstance(field, models.DateTimeField):
        naive = datetime.datetime(1, 1, 2) + datetime.timedelta(seconds=number % 10**9)
        from django.utils import timezone

        return timezone.make_aware(naive, datetime.UTC) if models_use_timezones() else naive
    if isinstance(field, models.DateField):
        return datetime.date(1, 1, 2) + datetime.timedelta(days=number % 300_000)
    if isinstance(field, models.DecimalField):
        digits = (field.max_digits or 10) - (field.decimal_places or 0)
        return decimal.Decimal(-(number % 10**digits))
    if isinstance(field, models.FloatField):
        return -float(number % 10**12)
    return _NONE_FREE


def models_use_timezones() -> bool:
    from django.conf import settings

    return bool(settings.USE_TZ)


def _is_parked(row: Model, values: dict[str, Any]) -> bool:
    return all(value is None and row.__dict__.get(attname) is None for attname, value in values.items())
