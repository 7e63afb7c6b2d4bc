"""Rows of a table, all of them."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db.models import JSONField, Model, Q, QuerySet, Value

_NO_VALUE = "_synchro_no_value_of_"


def rows_of(model: type[Model], alias: str) -> QuerySet[Any]:
    """Return every row of a model on a database, past its managers: those may hide some (soft deletion)."""
    rows: QuerySet[Any] = QuerySet(model, using=alias)
    names = _json_names(model)
    return rows.annotate(**{f"{_NO_VALUE}{name}": Q(**{f"{name}__isnull": True}) for name in names}) if names else rows


def holds_json_null(instance: Model, field: JSONField) -> bool:
    """Tell JSON's null from the null of SQL, in a row of ``rows_of()``: Django reads ``None`` for either."""
    return instance.__dict__.get(f"{_NO_VALUE}{field.name}") is False and instance.__dict__[field.attname] is None


def json_null() -> Value:
    """Return what Django writes as JSON's null; it writes ``None`` as the null of SQL."""
    return Value(None, JSONField())


@cache
def _json_names(model: type[Model]) -> tuple[str, ...]:
    return tuple(field.name for field in model._meta.concrete_fields if isinstance(field, JSONField))
