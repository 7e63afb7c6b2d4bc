"""Foreign keys whose values may find no row: those of types that a database stores in more ways than one."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db.models import Model

from ...capture.tables import kind_of
from .shape import Shape, shape_of
from .stored_types import plain_type


def is_findable(foreign_key: Any, value: Any) -> bool:
    """Tell whether an object can be found by what a foreign key holds: not by lists and the like, nor by JSON."""
    if value is None or plain_type(foreign_key) is not None:
        return True
    return is_hashable(value) and kind_of(foreign_key) != "JSONField"


def why_not_findable(instance: Model) -> str | None:
    """Return what is to be told of an object whose targets cannot be looked up; ``None``: they can."""
    for field in _doubtful_foreign_keys(shape_of(type(instance))):
        if not is_findable(field, value := instance.__dict__.get(field.attname)):
            return not_findable(field, value)
    return None


def not_findable(foreign_key: Any, value: Any) -> str:
    """Return what is to be told of a foreign key whose value is not ``is_findable``."""
    label = foreign_key.remote_field.model._meta.label
    return f"its {foreign_key.name}, {label} {value!r}, is of a type that no object can be found by"


@cache
def _doubtful_foreign_keys(shape: Shape) -> tuple[Any, ...]:
    links = (parent.link for parent in shape.other_parents)
    return tuple(field for field in (*shape.foreign_keys, *links) if plain_type(field) is None)


def is_hashable(key: Any) -> bool:
    """Tell whether a key can be looked up."""
    try:
        hash(key)
    except TypeError:
        return False
    return True
