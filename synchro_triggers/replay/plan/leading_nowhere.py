"""Columns that hold keys of what neither side has: nowhere is nowhere, whatever the numbers.

What speaks of a deleted object, as a history does, holds its old key on both sides. LOCAL no longer knows which one
that was on the remote: there, a key that leads nowhere stays as it is. A key that an object may get there yet is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Model

from ..rows.held_keys import held_key
from ..rows.values import local_value, same_value
from ..schema.key_columns import KeyColumn
from ..schema.shape import Shape, root_of
from ..tasks import At, ObjectTask
from .targets import Targets


def leads_nowhere(targets: Targets, task: ObjectTask) -> bool:
    """Tell whether a local object holds a key of what LOCAL does not have."""
    return task.instance is not None and any(_columns_leading_nowhere(targets, task.shape, task.instance))


def staying_nowhere(
    targets: Targets, shape: Shape, drafts: Sequence[tuple[Model, Model, Mapping[str, Any]]], remote: str
) -> list[dict[str, Any]]:
    """Return, for each draft, the keys of its remote row that lead nowhere there, where its local object's do here.

    Args:
        targets: of the batch.
        shape: of all of them.
        drafts: local objects, their rows on the remote, and what these would have there, by attribute names.
        remote: the alias, which is asked once for each model that they lead to.
    """
    held: list[list[tuple[KeyColumn, At]]] = []
    wanted: dict[type[Model], set[Any]] = {}
    for instance, row, values in drafts:
        held.append([])
        for column in _columns_leading_nowhere(targets, shape, instance):
            told_by: Any = column.told_by
            if told_by is not None and not same_value(told_by, local_value(row, told_by), values[told_by.attname]):
                continue
            if (there := held_key(column, row, remote)) is not None:
                held[-1].append((column, (root_of(there[0]), there[1])))
                wanted.setdefault(root_of(there[0]), set()).add(there[1])
    somebodys: set[At] = set()
    for root, keys in wanted.items():
        taken = targets.those_there(root, keys)
        somebodys.update((root, key) for key in taken | targets.those_to_come(root, keys - taken))
    staying: list[dict[str, Any]] = []
    for (instance, row, _), columns in zip(drafts, held, strict=True):
        nowhere = [column.field for column, at in columns if at not in somebodys]
        for field in nowhere:
            targets.leads_nowhere_as_before(instance, field)
        staying.append({field.attname: row.__dict__[field.attname] for field in nowhere})
    return staying


def _columns_leading_nowhere(targets: Targets, shape: Shape, instance: Model) -> Iterator[KeyColumn]:
    for column in shape.key_columns:
        target = held_key(column, instance)
        if target is not None and targets.is_missing((root_of(target[0]), target[1])):
            yield column
