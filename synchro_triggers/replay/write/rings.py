"""Rings of objects that are all deleted, each of which protects the next one on the remote.

LOCAL has emptied one of the keys before it deleted them; of that the log of a deleted object says nothing any more. So
a key that may be NULL is emptied on the remote, too, where both its ends are about to go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Model

from ..plan.cascades import protecting_keys
from ..plan.order import At, at_of
from ..rows.selecting import rows_of
from ..schema.shape import concrete_of
from ..tasks import ObjectTask
from .parts import Parts

Hanging = Mapping[At, Sequence[At]]
"""Deleted objects, and the deleted ones that point to each of them: these go first."""


class Rings:
    """Finds and cuts the rings of a batch.

    Args:
        parts: the batch's parts.
        hanging: returns which deleted objects point to which.
        deletes: returns the task of a deleted object, if it is one of the batch.
    """

    def __init__(
        self, parts: Parts, hanging: Callable[[], Hanging], deletes: Callable[[At], ObjectTask | None]
    ) -> None:
        self._parts, self._hanging, self._deletes = parts, hanging, deletes

    def cut(self, row: Model, protecting: Iterable[Model]) -> bool:
        """Empty keys by which rows protect one that is to be deleted, where they cannot go before it.

        Where the remote's users have changed such a row, and win, it stays, and nothing is emptied.

        Args:
            row: the remote row.
            protecting: the rows.

        Returns:
            Whether there was any.
        """
        at, found = self._claimed(row), False
        for other in protecting if at is not None else ():
            claimed = self._claimed(other)
            task = self._deletes(claimed) if claimed is not None else None
            if task is None or task.change is None or not self.are_one(claimed, at):
                continue
            rows = rows_of(concrete_of(type(other)), self._parts.context.remote).filter(pk=other.pk)
            fields = [field for field in protecting_keys(rows.get(), row) if field.null]
            if fields and not self._may_stay(task, other.pk):
                rows.update(**{field.attname: None for field in fields})
                found = True
        if found:
            self._parts.rows.clear()
        return found

    def _may_stay(self, task: ObjectTask, remote_key: Any) -> bool:
        """Tell whether the remote wins the conflict over an object, or the rule cannot tell."""
        assert task.change is not None
        conflict = self._parts.remote_changes.find(task.shape, task.key, remote_key, task.change)
        return conflict is not None and self._parts.remote_changes.decide(conflict) is not False

    def _claimed(self, row: Model) -> At | None:
        root, remote_key = at_of(row)
        key = self._parts.identity.claimed_by(root, remote_key)
        return None if key is None else (root, key)

    def are_one(self, one: Any, other: Any) -> bool:
        """Tell whether the delete of an object waits for that of another one, which waits for it."""
        hanging, seen, waiting = self._hanging(), {one}, [one]
        while waiting:
            for each in hanging.get(waiting.pop(), ()):
                if each == other:
                    return True
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)
        return False
