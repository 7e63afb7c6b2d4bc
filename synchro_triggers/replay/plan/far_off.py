"""Numbers that no automatic key is: they stand for keys of what is not there. Pure."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models import CharField, Model, TextField

from ..schema.key_columns import KeyColumn
from ..schema.shape import is_foreign_key, key_column_at, points_to_key, root_of, target_of


def numbered(root: type[Model]) -> type[Model]:
    """Return the model to whose objects the database gives the numbers that are a model's keys."""
    key = root._meta.pk
    while is_foreign_key(key) and points_to_key(key):
        root = root_of(target_of(key)[0])
        key = root._meta.pk
    return root


def far_off(field: Any, key: int, root: type[Model]) -> int | None:
    """Return a number that no automatic key is, another one for each key; ``None``: the field has no room for it.

    In what is serialised there is room for what the target's own key can be.
    """
    column = key_column_at(field)
    field = field if column is None or column.rewrite is None else numbered(root)._meta.pk
    while is_foreign_key(field):
        field = field.target_field
    if isinstance(field, CharField | TextField):
        return -key if field.max_length is None or len(str(-key)) <= field.max_length else None
    lowest, highest = BaseDatabaseOperations.integer_field_ranges.get(field.get_internal_type(), (0, 0))
    if lowest <= -key <= highest:
        return -key
    return highest - key if highest > key else None


def as_written(field: Any, value: Any, key: Any) -> Any:
    """Return a key as a field holds it that has the value, or as it is written in what is serialised there."""
    return type(value)(key) if type(value) in (int, str) else field.to_python(key)


def until_it_comes(column: KeyColumn, model: type[Model], key: Any, value: Any) -> Any:
    """Return what a column holds until its target, further up in a cycle, has got its key: what leads nowhere.

    Args:
        column: it holds the key.
        model, key: the local target.
        value: the key as it is written on LOCAL.
    """
    if column.rewrite is None and column.field.null:
        return None
    number = far_off(column.field, key, root_of(model)) if isinstance(key, int) else None
    return value if number is None else as_written(column.field, value, number)
