"""Dates and times that are none: SQLite stores any text in their columns, and Django's converters read it as NULL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connections
from django.db.models import Model

from ...capture.tables import kind_of
from ...vendors.vendor import database_of
from .selecting import rows_with

_TIMES = frozenset({"DateField", "DateTimeField", "TimeField"})


def garbled_times(
    model: type[Model], alias: str, rows: Iterable[Any], names: Sequence[str] = ()
) -> dict[str, list[Any]]:
    """Return by attribute the keys of the rows in which a date or time was read as NULL, and is none.

    Args:
        rows: instances of the model; or tuples of what ``names`` says, of which the first is the primary key.
    """
    found = {}
    for name in _times_of(model) if database_of(connections[alias]).HOLDS_ANYTHING else ():
        if not names:
            keys = [row.pk for row in rows if row.__dict__.get(name, "") is None]
        else:
            keys = [row[0] for row in rows if row[names.index(name)] is None] if name in names else []
        if keys and (there := rows_with(model, alias, pk=keys).filter(**{f"{name}__isnull": False})).exists():
            found[name] = list(there.values_list("pk", flat=True))
    return found


@cache
def _times_of(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields if kind_of(field) in _TIMES]
