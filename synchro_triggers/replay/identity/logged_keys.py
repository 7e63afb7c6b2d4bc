"""What LOCAL's log says of keys: whose is gone, and whose a key was before it was given out again."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from typing import Any

from django.db.models import Model

from ...conf import local_alias
from ..rows.utc import zone_of
from ..schema.keys import FormerKey
from ..schema.shape import gives_keys_again, model_of, read_key, root_of
from ..tasks import At, ObjectTask


class LoggedKeys:
    """The log's word on the keys of a batch; without ``expect()`` it says nothing.

    Args:
        kept_keys: labels of models with the option ``identity: 'pk'``.

    Attributes:
        formers: root model and key, as the log has it, to the key of the object that had it before.
        ended: root models and keys of objects that are gone, to the rows that say so, where the log surely does.
    """

    def __init__(self, kept_keys: Collection[str]) -> None:
        self._kept_keys = kept_keys
        self.formers: dict[At, FormerKey] = {}
        self.ended: dict[At, int] = {}
        self._tasks: dict[At, bool] = {}
        self._inserted: dict[At, int] = {}
        self._last: dict[At, int] = {}
        self._begun: dict[At, int] = {}

    def expect(self, tasks: Iterable[ObjectTask], formers: Iterable[tuple[type[Model], FormerKey, int]]) -> None:
        """Take note of what the log says of keys.

        Args:
            tasks: the batch's objects.
            formers: root models and keys of objects whose keys were given out again, whether in this batch or not; and
                the ids of the inserts that gave them out.
        """
        for root, former, begun in formers:
            at = root, number_of(root, former)
            self.formers[at], self._begun[at] = former, begun
            self.ended[root, former] = former.ended
        for task in tasks:
            change, at = task.change, task.at
            self._tasks[at] = self._tasks.get(at, False) or (task.instance is None and not task.keep_parents)
            if isinstance(task.key, FormerKey):
                self.formers[task.shape.root, number_of(task.shape.root, task.key)] = task.key
                self.ended[at] = task.key.ended
            elif change is not None and change.logged:
                self._last[at] = max(change.last, change.read_until)
                surely = change.deleted and change.certain and task.instance is None and not task.keep_parents
                if surely and gives_keys_again(task.shape.root, self._kept_keys):
                    self.ended[at] = change.last
                inserted = change.created and not change.ended and model_of(change.label) is task.shape.root
                if inserted and gives_keys_again(task.shape.root, self._kept_keys):
                    self._inserted[at] = change.first
            elif change is not None and change.read_until:  # its insert is logged further on, but no further than this
                self._begun[at] = change.read_until

    def note_last(self, model: type[Model], rows: Mapping[Any, int]) -> None:
        """Take note of the ids of the last log rows that speak of keys: the objects that have them now are newer."""
        root = root_of(model)
        self._last.update({(root, key): last for key, last in rows.items()})

    def is_of_batch(self, root: type[Model], key: Any) -> bool:
        """Tell whether the batch is about an object."""
        return (root, key) in self._tasks

    def is_going(self, model: type[Model], key: Any) -> bool:
        """Tell whether the log says that an object of the batch is gone."""
        return self._tasks.get((root_of(model), key), False)

    def with_sharers(self, root: type[Model], keys: set[Any]) -> set[Any]:
        """Return keys, and those of the objects that had the same ones before or have them now."""
        if not self.formers:
            return keys
        found = keys | {number_of(root, key) for key in keys if isinstance(key, FormerKey)}
        return found | {former for key in found if (former := self.formers.get((root, key))) is not None}

    def whose(self, root: type[Model], key: Any, logged: int | None, known: Container[At]) -> Any:
        """Return the key of the object that a reference under a key speaks of.

        Args:
            root, key: under which it is stored.
            logged: the id of the last log row that spoke of the object when the reference was stored.
            known: objects that have references already.

        Returns:
            ``None``: an object that the key was taken from, although the log does not say that it was deleted.
        """
        former = self.formers.get((root, key))
        if former is not None and (root, former) not in known and (logged or 0) < former.ended:
            return former
        inserted = self._inserted.get((root, key))
        return None if inserted is not None and logged is not None and logged < inserted else key

    def until(self, root: type[Model], key: Any) -> int | None:
        """Return the id of the last log row that speaks of an object; ``None``: it is not known by the log."""
        last, former = self._last.get((root, key)), self.formers.get((root, key))
        # The insert itself may be read by another run, where this one is cut off: it is not to take it for another's.
        return self._begun.get((root, key), former.ended) if last is None and former is not None else last


def number_of(root: type[Model], former: FormerKey) -> Any:
    """Return the key, as the log has it, that is another object's now."""
    return read_key(root, former.number, zone_of(local_alias()))
