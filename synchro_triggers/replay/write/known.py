"""What a batch knows of the remote: which row is which object, what is in it, and who has changed it; read ahead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from django.db.models import Model

from ..identity.matching import Matching
from ..identity.references import Identity
from ..log.changes import Change
from ..plan.by_field import ByField
from ..plan.context import RunContext
from ..plan.counters import Counters
from ..plan.remote_changes import RemoteChanges
from ..plan.targets import Targets
from ..plan.unseen import Unseen
from ..rows.read_ahead import ReadAhead
from ..rows.selecting import rows_of
from ..rows.values import differing, local_value
from ..schema.findable import is_findable
from ..schema.shape import Shape, root_of, target_of
from ..tasks import At, LinkTask, ObjectTask, Task
from .receivers import Receivers


class Known:
    """What one batch knows of the remote.

    Attributes:
        remote: the alias.
        identity: which remote row is known to be which object.
        matching: finds that of those that are not known.
        targets: what the objects point to, and whether the remote has it.
        counters: what counters shall hold there.
        by_field: which fields each side has changed, of objects that are merged by field.
        remote_changes: what the remote's own users have changed.
        unseen: what hangs on objects that the other side has deleted without having seen it.
        renamed: values of objects that cannot have their own on the remote, by attribute names.
        rows: remote rows that were read ahead.
    """

    def __init__(
        self, context: RunContext, identity: Identity, changes: Sequence[Change], tasks: Sequence[Task]
    ) -> None:
        self._context, self._tasks = context, tasks
        self.remote, self.identity = context.remote, identity
        self.matching = Matching(identity, context.spellings)
        self.targets = Targets(identity, tasks)
        self.counters = Counters(context, identity)
        self.by_field = ByField(context, identity, self.counters)
        self.remote_changes = RemoteChanges(context, identity, changes, self.by_field)
        self.unseen = Unseen(context, identity, self.remote_changes)
        self.renamed: dict[At, dict[str, Any]] = {}
        self.rows = ReadAhead(context.remote, context.locks)

    @cached_property
    def of_batch(self) -> frozenset[At]:
        """The objects of the batch."""
        return frozenset(task.at for task in self._tasks if isinstance(task, ObjectTask))

    # Many, in a few queries -------------------------------------------------------------------------

    def read_ahead(self, receivers: Receivers) -> None:
        """Read references and remote rows of the batch.

        The rows are locked before anybody asks who has changed them: what others commit meanwhile is seen, and what
        they do later waits for the end of the batch. Locks are taken in one order, for other runs' sake.
        """
        objects = [task for task in self._tasks if isinstance(task, ObjectTask)]
        # One by one, rows with fields of the remote's own are read a second time, each when its turn has come, and
        # locked then: receivers may take their time until then.
        self.rows.locked_later |= {
            task.shape.model
            for task in objects
            if task.instance is not None and task.shape.skipped and receivers.notice(task)
        }
        self._read_references(receivers)
        rows: dict[type[Model], list[Any]] = {}
        for task in objects:
            if _is_row_wanted(receivers, task):
                remote_key = self.identity.known(task.shape.model, task.key)
                if remote_key is None and self.identity.keeps_key(task.shape):
                    remote_key = self.matching.keys_there.kept_key(task.shape, task.key)
                if remote_key is not None:
                    rows.setdefault(task.shape.model, []).append(remote_key)
        for model, remote_keys in sorted(rows.items(), key=lambda item: item[0]._meta.label):
            self.rows.load(model, remote_keys)

    def look_what_changed(self) -> None:
        """Read what the remote's users have changed in the rows, which are locked now."""
        self.remote_changes.look()
        if self._context.logs:
            self.identity.watch(self._context.users_changes)
        self.counters.expect(task for task in self._tasks if isinstance(task, ObjectTask))
        objects = [task for task in self._tasks if isinstance(task, ObjectTask)]
        self.remote_changes.load(objects)
        self.look_for_copies(objects)

    def look_for_copies(self, objects: Iterable[ObjectTask]) -> None:
        """Look which of the objects, whose references were read, the remote's users have deleted as copies."""
        self.remote_changes.look_for_copies(objects, self.matching.natural_keys.lookups)

    def _read_references(self, receivers: Receivers) -> None:
        ends: dict[type[Model], set[Any]] = {}
        objects: dict[tuple[Shape, bool], set[Any]] = {}
        for task in self._tasks:
            if isinstance(task, LinkTask):
                ends.setdefault(root_of(task.shape.source_model), set()).add(task.owner)
                ends.setdefault(root_of(task.shape.target_model), set()).update(task.targets)
            else:
                objects.setdefault((task.shape, _is_row_wanted(receivers, task)), set()).add(task.key)
        for (shape, with_rows), wanted in sorted(objects.items(), key=lambda item: (item[0][0].label, item[0][1])):
            rows_to = self.rows if with_rows and shape.model is shape.root else None
            self.identity.load(shape.root, wanted, rows_to, locks=self._context.locks)
        for root, wanted in ends.items():
            self.identity.load(root, wanted)

    def hanging_on_others(self, gone: Iterable[ObjectTask]) -> dict[At, list[At]]:
        """Return which of some deleted objects pointed to another one on the remote, by the latter.

        They go first, so that a cascade has little to do: Django's goes as deep as the chain is long.
        """
        gone = list(gone)
        known = self.identity.known
        at_remote = {(task.shape.root, known(task.shape.model, task.key)): task.at for task in gone}
        hanging: dict[At, list[At]] = {}
        for task in gone:
            at = task.at
            row = self.rows.peek(task.shape.model, known(task.shape.model, task.key))
            for foreign_key in task.shape.foreign_keys if row is not None else ():
                value = getattr(row, foreign_key.attname)
                if not is_findable(foreign_key, value):
                    continue
                target = at_remote.get((root_of(target_of(foreign_key)[0]), value), at)
                if target != at:
                    hanging.setdefault(target, []).append(at)
        return hanging

    # One object -------------------------------------------------------------------------------------

    def find(self, shape: Shape, instance: Model) -> tuple[Any, Model | None]:
        """Return the key of the remote row that is an object of LOCAL, and the row, which will be changed."""
        remote_key = self.matching.match(shape, instance)
        return remote_key, None if remote_key is None else self.rows.take(shape.model, remote_key)

    def locked(self, shape: Shape, remote_key: Any) -> Model | None:
        """Return a remote row, locked, as it is this moment."""
        rows = rows_of(shape.model, self.remote).filter(pk=remote_key)
        row: Model | None = self._context.locks.taken(rows).first()
        return row

    def read_again(self, shape: Shape, row: Model) -> Model | None:
        """Return a row that was not locked, locked now; notice whether somebody has changed it since it was read."""
        current = self.locked(shape, row.pk)
        read = {copied.attname: local_value(row, copied) for copied in shape.copied}
        if current is None or differing(current, read):
            self.remote_changes.read_again(shape, row.pk)
        return current


def _is_row_wanted(receivers: Receivers, task: ObjectTask) -> bool:
    """Tell whether the remote row must be read; deletes in bulk need it only for foreign keys, and for parents."""
    shape = task.shape
    if task.instance is not None or shape.foreign_keys or shape.model is not shape.root:
        return True
    return receivers.notice(task)
