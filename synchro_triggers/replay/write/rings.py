"""Rings of objects that are all deleted, each of which protects the next one on the remote.

LOCAL has emptied one of the keys before it deleted them; of that the log of a deleted object says nothing any more. So
a key that may be NULL is emptied on the remote, too, where both its ends are about to go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Model

from ..plan.cascades import protecting_keys
from ..rows.selecting import rows_of
from ..schema.shape import concrete_of
from ..tasks import At, ObjectTask, at_of
from .known import Known

Hanging = Mapping[At, Sequence[At]]
"""Deleted objects, and the deleted ones that point to each of them: these go first."""


class Rings:
    """Finds and cuts the rings of a batch.

    Args:
        gone: its deleted objects.

    Attributes:
        hanging: which of these point to which on the remote.
    """

    def __init__(self, known: Known, gone: Iterable[ObjectTask]) -> None:
        self._identity, self._remote_changes, self._rows = known.identity, known.remote_changes, known.rows
        self._gone = {task.at: task for task in gone}
        self.hanging: Hanging = {}

    def cut(self, row: Model, protecting: Iterable[Model]) -> bool:
        """Empty keys by which rows protect one that is to be deleted, where they cannot go before it.

        Where the remote's users have changed such a row, and win, it stays, and nothing is emptied.

        Returns:
            Whether there was any.
        """
        at, found = self._claimed(row), False
        for other in protecting if at is not None else ():
            claimed = self._claimed(other)
            task = self._gone.get(claimed) if claimed is not None else None
            if task is None or task.change is None or not self.are_one(claimed, at):
                continue
            rows = rows_of(concrete_of(type(other)), self._identity.remote).filter(pk=other.pk)
            there = rows.get()
            fields = [field for field in protecting_keys(there, row) if field.null]
            if fields and not self._stays(task, other.pk, there):
                rows.update(**{field.attname: None for field in fields})
                found = True
        if found:
            self._rows.clear()
        return found

    def _stays(self, task: ObjectTask, remote_key: Any, row: Model) -> bool:
        assert task.change is not None
        asked = task.shape, task.key, remote_key, task.change
        conflict = self._remote_changes.find(*asked)
        if conflict is None:
            return False
        decision = self._remote_changes.settling.decide(
            self._remote_changes.with_sides(conflict, *asked, here=None, there=row)
        )
        return isinstance(decision, Exception) or decision.winner != "local"

    def _claimed(self, row: Model) -> At | None:
        root, remote_key = at_of(row)
        key = self._identity.claimed_by(root, remote_key)
        return None if key is None else (root, key)

    def are_one(self, one: Any, other: Any) -> bool:
        """Tell whether the delete of an object waits for that of another one, which waits for it."""
        seen, waiting = {one}, [one]
        while waiting:
            for each in self.hanging.get(waiting.pop(), ()):
                if each == other:
                    return True
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)
        return False
