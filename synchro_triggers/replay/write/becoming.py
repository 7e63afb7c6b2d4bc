"""What stays as it is in rows of parents that are on the remote already, when a child's row comes to them.

``save()`` of the new child writes its parents' rows as well. Where one has a key of its own, what the remote's users
have changed there since the two last met is a conflict over that row alone: if the remote wins, the child is made all
the same, and the row keeps its values. It keeps them, too, where the log does not speak of the child, which is only
brought along. Skipped fields are the remote's own anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from ..log.changes import Change
from ..rows.selecting import rows_of
from ..rows.values import differing, local_value
from ..schema.shape import OtherParent, Shape, parents_of, shape_of
from .parts import Parts

Values = dict[str, Any]


@dataclass
class Staying:
    """What stays.

    Attributes:
        values: of the parents' rows, by attribute name.
        lost: shapes and local keys of parents over which the remote has won.
        unmade: one of them is gone there, so that no child can be made.
    """

    values: Values = field(default_factory=dict)
    lost: list[tuple[Shape, Any]] = field(default_factory=list)
    unmade: bool = False

    def count_lost(self, parts: Parts) -> None:
        """Count the conflicts that the remote has won."""
        for parent, _ in self.lost:
            parts.result.report.count(parent.label, "conflicts")

    def remember_lost(self, parts: Parts, shape: Shape, key: Any) -> None:
        """Remember it of the child and its parents, when they are known there: a full run shall not ask anew."""
        for each, local_key in [*self.lost, (shape, key)] if self.lost else ():
            parts.identity.lose(each.model, local_key)


def what_stays(
    parts: Parts, shape: Shape, instance: Model, change: Change | None, remote_key: Any, values: Values
) -> Staying:
    """Decide what a new child leaves as it is on the remote.

    Args:
        parts: of the batch.
        shape, instance: the local object.
        change: what LOCAL logged; ``None``: the object is only brought along.
        remote_key: the key of the parents' rows that share the child's, or ``None``: there are none.
        values: what it shall be there, and its parents' keys.

    Raises:
        Exception: what the rule of ``SYNCHRO_CONFLICT`` has raised.
    """
    staying = Staying()
    fields = shape.skipped if change is not None else (*shape.skipped, *shape.copied)
    for model, row in _rows_there(parts, parents_of(shape.model), remote_key):
        staying.values |= _values_of(fields, model, row)
    for parent in shape.other_parents:
        _look_at(parts, shape, parent, local_value(instance, parent.link), change, values, staying)
    return staying


def _look_at(
    parts: Parts, shape: Shape, parent: OtherParent, key: Any, change: Change | None, values: Values, staying: Staying
) -> None:
    """Decide about one parent with a key of its own, which has that local key."""
    each, remote_key = shape_of(parent.model), values[parent.link.attname]
    rows = _rows_there(parts, [each.model, *parents_of(each.model)], remote_key)
    theirs: Values = {}
    for model, row in rows:
        staying.values |= _values_of(shape.skipped, model, row)
        theirs |= _values_of(shape.copied, model, row)
    if change is None:
        staying.values |= theirs
        return
    if rows and not differing(rows[0][1], {name: values[name] for name in theirs}):
        return
    conflict = parts.remote_changes.find_in_parent(each, key, remote_key if rows else None, change)
    if conflict is not None and parts.remote_changes.remote_wins(conflict, change, deleted=not rows):
        staying.lost.append((each, key))
        staying.values |= theirs
        staying.unmade |= not rows


def _rows_there(parts: Parts, models: Sequence[type[Model]], remote_key: Any) -> list[tuple[type[Model], Model]]:
    """Return the tables that have a row, and an instance of the most derived one, which is locked now.

    Args:
        parts: of the batch.
        models: a parent and its parents, which share its key, the nearest first.
        remote_key: that key, or ``None``.
    """
    for number, model in enumerate(models if remote_key is not None else ()):
        rows = rows_of(model, parts.context.remote).filter(pk=remote_key)
        if (row := parts.context.locks.taken(rows).first()) is not None:
            return [(each, row) for each in models[number:]]
    return []


def _values_of(fields: Iterable[Any], model: type[Model], row: Model) -> Values:
    return {each.attname: local_value(row, each) for each in fields if each.model is model}
