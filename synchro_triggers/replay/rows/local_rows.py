"""Rows of LOCAL, read past every manager."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Model

from ...conf import local_alias
from ...unnamed import unnamed_on
from ..schema.keys import FormerKey
from ..schema.left_out import absent
from ..schema.relations import links_to_children
from ..schema.shape import Shape
from .partly_readable import garbled_times
from .raw_keys import is_of_one_object
from .selecting import instances_of, rows_with


def load_instances(
    model: type[Model], keys: Iterable[Any], unreadable: dict[Any, Exception] | None = None
) -> dict[Any, Model]:
    """Read rows of LOCAL by primary key, past every manager; each as its most derived model.

    Args:
        keys: local keys.
        unreadable: takes the keys of rows that cannot be read, with the errors; without it, they are raised.
    """
    return {key: rows[-1] for key, rows in load_all_children(model, keys, unreadable).items()}


def load_all_children(
    model: type[Model], keys: Iterable[Any], unreadable: dict[Any, Exception] | None = None
) -> dict[Any, list[Model]]:
    """Read rows of LOCAL as ``load_instances`` does; what is several children at once, as each of them.

    What one child's row says, whom it points to above all, none of the others knows.
    """
    wanted = [key for key in dict.fromkeys(keys) if not isinstance(key, FormerKey)]
    if not wanted:
        return {}
    found: dict[Any, Model] = {row.pk: row for row in _read_rows(model, wanted, unreadable)}
    derived: dict[Any, list[Model]] = {}
    for link in links_to_children(model):
        child: type[Model] = link.model
        if child in absent():
            continue  # a child for both sides only when both have its table
        if link.primary_key:
            children = load_all_children(child, found, unreadable)
        else:  # a key of its own, or that of another parent
            children = _children_with_other_keys(child, link, list(found), unreadable)
        for key, rows in children.items():
            known = derived.setdefault(key, [])
            known += [row for row in rows if type(row) not in map(type, known)]  # they may have a child in common
    return {key: derived.get(key, [row]) for key, row in found.items()}


def _children_with_other_keys(
    child: type[Model], link: Any, keys: Sequence[Any], unreadable: dict[Any, Exception] | None
) -> dict[Any, list[Model]]:
    """Return the rows of a child whose key is not that of their parents, by the keys of the parents."""
    try:
        rows = list(rows_with(child, local_alias(), **{link.attname: keys}).values_list("pk", link.attname))
        parents = dict(rows)
        if None in parents:  # as Django reads a time that is none
            raise ValueError(f"the primary key of {child._meta.label} is no date or time")
    except Exception as error:
        if unreadable is None or not is_of_one_object(error):
            raise
        if len(keys) == 1:
            unreadable[keys[0]] = error
            return {}
        middle = len(keys) // 2
        first, second = (
            _children_with_other_keys(child, link, half, unreadable) for half in (keys[:middle], keys[middle:])
        )
        return first | second
    errors: dict[Any, Exception] | None = None if unreadable is None else {}
    found = load_all_children(child, parents, errors)
    if unreadable is not None:
        unreadable.update({parents[key]: error for key, error in (errors or {}).items()})
    return {parents[key]: children for key, children in found.items()}


def _read_rows(model: type[Model], keys: Sequence[Any], unreadable: dict[Any, Exception] | None) -> list[Any]:
    """Read rows; where one spoils the query, halve it until the guilty one is alone."""
    try:
        rows = instances_of(rows_with(model, local_alias(), pk=keys))
        for name in garbled_times(model, local_alias(), rows):
            raise ValueError(f"{name} is no date or time")
        return rows
    except Exception as error:
        if unreadable is None or not is_of_one_object(error):
            raise
        if len(keys) == 1:
            unreadable[keys[0]] = error
            return []
    middle = len(keys) // 2
    return [row for half in (keys[:middle], keys[middle:]) for row in _read_rows(model, half, unreadable)]


def rebuilt(shape: Shape, key: Any, old_values: dict[str, Any]) -> Model:
    """Return an instance of LOCAL as it was, from the values that a trigger stored; others are deferred."""
    parts = key if shape.composite_key and isinstance(key, tuple) else [key] * len(shape.key)
    values = {field.attname: part for field, part in zip(shape.key, parts, strict=True)} | old_values
    # from_db() takes values in the order of the fields.
    names = [field.attname for field in shape.model._meta.concrete_fields if field.attname in values]
    with unnamed_on(local_alias()):
        return shape.model.from_db(local_alias(), names, [values[name] for name in names])
