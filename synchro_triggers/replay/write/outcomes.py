"""What was done with the objects of a batch: counted, and remembered, in one place for all ways of writing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connections
from django.db.models import Model

from ...capture.keys import encode_key
from ...conf import local_alias
from ..identity.references import Identity
from ..plan.context import BatchResult
from ..plan.decisions import Action
from ..report import Told
from ..rows.read_ahead import ReadAhead
from ..rows.vendor import statements_of
from ..schema.shape import Shape
from ..tasks import At, ObjectTask


class Outcomes:
    """Notes outcomes.

    Args:
        result: the batch's counts and failures.
        identity: learns which remote row is which object, and forgets what is gone.
        rows: remote rows that were read ahead; those that were written are dropped.

    Attributes:
        report: of the batch.
        failed: the changes that could not be applied, with their errors.
        told_links: the conflicts of links that the batch has told.
        handed_on: rows of deleted objects, by who has them now.
        gone_before: objects whose rows the remote has had, and has no more, before anything is written.
        made_again: shape and local key of what was gone on the remote, and was made again.
    """

    def __init__(self, result: BatchResult, identity: Identity, rows: ReadAhead) -> None:
        self.report, self.failed, self.told_links = result.report, result.failed, result.told_links
        self.handed_on = result.handed_on
        self._identity, self._rows = identity, rows
        self.gone_before: set[At] = set()
        self.made_again: list[tuple[Shape, Any]] = []
        self._numbered: dict[type[Model], set[Any]] = {}

    def note(self, action: Action, shape: Shape, key: Any, remote_key: Any, *, logged: bool = True) -> None:
        """Note what was done with one object.

        Args:
            logged: whether LOCAL has changed it: what is only needed by others, and stays as it is, is not counted.
        """
        if logged or action is not Action.KEEP:
            superseded = action is Action.LEAVE and self._identity.is_superseded(shape.model, key)
            self.report.count(shape.label, (Action.KEEP if superseded else action).counted_as)
        if action is Action.CREATE:
            self._note_made_again(shape, [key])
        self._remember(action, shape, key, remote_key)

    def note_many(self, action: Action, shape: Shape, done: list[tuple[ObjectTask, Any]]) -> None:
        """Note the same of many objects of one model.

        Args:
            done: their tasks and remote keys.
        """
        if action is Action.LEAVE:
            for task, remote_key in done:
                self.note(action, shape, task.key, remote_key)
                self.succeed(task)
            return
        number = len(done) if action is not Action.KEEP else sum(task.change is not None for task, _ in done)
        if number:
            self.report.count(shape.label, action.counted_as, number)
        if action is Action.CREATE:
            self._note_made_again(shape, [task.key for task, _ in done])
        for task, remote_key in done:
            self._remember(action, shape, task.key, remote_key)
            self.succeed(task)

    def _note_made_again(self, shape: Shape, keys: Iterable[Any]) -> None:
        """Note which of some objects that were made just now had been there before; before they are learnt."""
        made = [(shape.root, key) for key in keys]
        gone_now = self._identity.were_there(set(made))
        if gone_now or self.gone_before:
            self.made_again.extend((shape, at[1]) for at in made if at in self.gone_before or at in gone_now)

    def _remember(self, action: Action, shape: Shape, key: Any, remote_key: Any) -> None:
        """Learn, or forget, which remote row is the object."""
        if action is Action.DELETE:
            self._rows.drop(shape.model, remote_key)
            self._identity.forget(shape.model, key)
            return
        if remote_key is None:  # of a conflict: it is gone there
            return
        self._identity.learn(shape.model, key, remote_key, made=action is Action.CREATE)
        if action is Action.LEAVE and not self._identity.is_superseded(shape.model, key):
            self._identity.lose(shape.model, key)
        elif action not in (Action.KEEP, Action.LEAVE):
            self._rows.drop(shape.model, remote_key)

    def note_made_anew(self, shape: Shape, key: Any, names: Iterable[str]) -> None:
        """Tell of an object that ``save()`` makes something else of, and something there again when it was mended."""
        told = f"save() of {self._identity.remote!r} makes {', '.join(names)} anew, and so does something else there "
        told += f"when {local_alias()!r}'s value is written again: it differs"
        self.report.remark(Told.DIFFERS, shape.label, encode_key(key), told)

    def succeed(self, task: ObjectTask) -> None:
        """Drop the failure of an object that has failed in an earlier round."""
        if task.change is not None:
            self.failed.pop(task.change, None)

    def note_given_keys(self, shape: Shape, keys: Iterable[Any]) -> None:
        """Note which keys of new rows were written by value, though the database would give them out."""
        if shape.automatic_key:
            self._numbered.setdefault(shape.root, set()).update(keys)

    def store(self) -> None:
        """Store what was learnt, and let the remote's next keys lie behind those that were given: with the batch."""
        self._identity.store()
        there = connections[self._identity.remote]
        statements_of(there).move_sequences_on(there, self._numbered)
