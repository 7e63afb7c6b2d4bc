"""Dates and times that are none: SQLite stores any text in their columns, and Django's converters read it as NULL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import connections
from django.db.models import Model

from ...capture.tables import kind_of
from ...vendors.vendor import database_of
from .selecting import rows_with

_TIMES = frozenset({"DateField", "DateTimeField", "TimeField"})


def names_of_times(model: type[Model], alias: str) -> list[str]:
    """Return the attributes that may be garbled: none but where a column holds anything."""
    if not database_of(connections[alias]).HOLDS_ANYTHING:
        return []
    return [field.attname for field in model._meta.concrete_fields if kind_of(field) in _TIMES]


def garbled_times(model: type[Model], alias: str, nulls: Mapping[str, Collection[Any]]) -> dict[str, list[Any]]:
    """Return which of the values that were read as NULL are none.

    Args:
        model: the model.
        alias: the database.
        nulls: attributes to the primary keys of the rows where they were NULL.
    """
    found = {}
    for name, keys in nulls.items():
        if keys and (there := rows_with(model, alias, pk=keys).filter(**{f"{name}__isnull": False})).exists():
            found[name] = list(there.values_list("pk", flat=True))
    return found
