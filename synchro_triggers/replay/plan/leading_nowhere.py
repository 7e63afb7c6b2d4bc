"""Columns that hold keys of what neither side has: nowhere is nowhere, whatever the numbers.

What speaks of a deleted object, as a history does, holds its old key on both sides. LOCAL no longer knows which one
that was on the remote: there, a key that leads nowhere stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Model

from ..rows.held_keys import held_key
from ..rows.values import local_value, same_value
from ..schema.key_columns import KeyColumn
from ..schema.shape import Shape, root_of
from ..tasks import ObjectTask
from .targets import Targets


def leads_nowhere(targets: Targets, task: ObjectTask) -> bool:
    """Tell whether a local object holds a key of what LOCAL does not have."""
    return task.instance is not None and any(_columns_leading_nowhere(targets, task.shape, task.instance))


def staying_nowhere(
    targets: Targets, shape: Shape, instance: Model, row: Model, values: dict[str, Any], remote: str
) -> dict[str, Any]:
    """Return the keys of a remote row that lead nowhere there, where those of its local object do so on LOCAL.

    Args:
        targets: of the batch.
        shape, instance: the local object.
        row: its row on the remote.
        values: what it would have there, by attribute names.
        remote: the alias.
    """
    found: dict[str, Any] = {}
    for column in _columns_leading_nowhere(targets, shape, instance):
        told_by: Any = column.told_by
        if told_by is not None and not same_value(told_by, local_value(row, told_by), values[told_by.attname]):
            continue
        there = held_key(column, row, remote)
        if there is not None and targets.is_nobodys_there(there):
            found[column.field.attname] = row.__dict__[column.field.attname]
            targets.leads_nowhere_as_before(instance, column.field)
    return found


def _columns_leading_nowhere(targets: Targets, shape: Shape, instance: Model) -> Iterator[KeyColumn]:
    for column in shape.key_columns:
        target = held_key(column, instance)
        if target is not None and targets.is_missing((root_of(target[0]), target[1])):
            yield column
