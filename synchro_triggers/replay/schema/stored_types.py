"""Values that need no preparation on their way to a driver: which types a field hands on as they are. Pure."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Collection
from types import NoneType
from typing import Any

from django.conf import settings as django_settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from ...exact_text import ExactCharField, ExactTextField
from ...vendors.vendor import database_of

#: Fields that hand these types on as they are. Asking them for each value costs more than sending it.
_AS_THEY_ARE: dict[type[Any], type[Any]] = {
    models.CharField: str,
    ExactCharField: str,
    ExactTextField: str,
    models.EmailField: str,
    models.SlugField: str,
    models.TextField: str,
    models.URLField: str,
    models.BooleanField: bool,
    models.FloatField: float,
    models.AutoField: int,
    models.BigAutoField: int,
    models.SmallAutoField: int,
    models.IntegerField: int,
    models.BigIntegerField: int,
    models.SmallIntegerField: int,
    models.PositiveIntegerField: int,
    models.PositiveBigIntegerField: int,
    models.PositiveSmallIntegerField: int,
}


def need_no_preparation(field: Any, values: Collection[Any], connection: BaseDatabaseWrapper) -> bool:
    """Tell whether the field's own preparation would return each of the values as it is.

    Args:
        field: a concrete field; of a foreign key, its target decides.
        values: values as an instance holds them; ``None`` among them does not matter.
        connection: to the database that gets them.
    """
    stored = _stored_type(field)
    kind = _AS_THEY_ARE.get(stored) or database_of(connection).AS_THEY_ARE.get(stored)
    if kind is None or not set(map(type, values)) <= {kind, NoneType}:
        return False
    if kind is datetime.datetime:  # a naive one is warned of and made aware where time zones are used
        return {value.tzinfo is not None for value in values if value is not None} <= {django_settings.USE_TZ}
    if kind is decimal.Decimal:  # what is none is refused
        return all(value.is_finite() for value in values if value is not None)
    return True


def plain_type(field: Any) -> type[Any] | None:
    """Return the type of the field's values if no database makes it change them, else ``None``."""
    return _AS_THEY_ARE.get(_stored_type(field))


def _stored_type(field: Any) -> type[Any]:
    while type(field) in {models.ForeignKey, models.OneToOneField}:
        field = field.target_field
    return type(field)


def has_placeholder(field: Any) -> bool:
    """Tell whether a field's values need SQL of their own around them."""
    if type(field) is models.BinaryField:  # whose is the usual one, on the vendors that we write statements for
        return False
    return hasattr(field, "get_placeholder") or hasattr(field, "get_placeholder_sql")
