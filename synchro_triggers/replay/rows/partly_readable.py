"""Rows of which Python cannot read a value, such as ``infinity``: what can be read of them.

SQLite stores any text in a column of dates or times, and Django's converters read what is none as NULL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connections
from django.db.models import Field, JSONField, Model

from ...capture.tables import kind_of
from ...vendors.vendor import database_of
from .json_text import annotation_of
from .raw_keys import is_of_one_object
from .selecting import instances_of, rows_with


def read_in_part(model: type[Model], alias: str, keys: Sequence[Any]) -> list[Any]:
    """Read rows by primary key; values that cannot be read are deferred.

    Args:
        keys: the keys, all of which can be read.

    Returns:
        The rows that are there, in no order.
    """
    try:
        return instances_of(rows_with(model, alias, pk=keys))
    except Exception as error:
        if not is_of_one_object(error):
            raise
    if len(keys) == 1:
        readable = [field for field in model._meta.concrete_fields if _is_readable(model, alias, keys, field)]
        rows = rows_with(model, alias, pk=keys).only(*(field.attname for field in readable))
        rows.query.set_annotation_mask(annotation_of(field) for field in readable if isinstance(field, JSONField))
        return list(rows)
    middle = len(keys) // 2
    return [row for half in (keys[:middle], keys[middle:]) for row in read_in_part(model, alias, half)]


def _is_readable(model: type[Model], alias: str, keys: Sequence[Any], field: Field[Any, Any]) -> bool:
    try:
        list(rows_with(model, alias, pk=keys).values_list(field.attname, *_texts_of(field)))
    except Exception as error:
        if not is_of_one_object(error):
            raise
        return False
    return True


def _texts_of(field: Field[Any, Any]) -> list[str]:
    return [annotation_of(field)] if isinstance(field, JSONField) else []


def was_read(instance: Model, field: Field[Any, Any]) -> bool:
    """Tell whether a value of an instance could be read."""
    return field.attname in instance.__dict__


def is_read(instance: Model) -> bool:
    """Tell whether all values of an instance could be read."""
    return all(was_read(instance, field) for field in instance._meta.concrete_fields)


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
