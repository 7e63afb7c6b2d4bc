"""Reading references and remote rows of a whole batch ahead, in a few queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Model

from ..plan.order import At, Task
from ..schema.findable import is_findable
from ..schema.shape import Shape, root_of, target_of
from ..tasks import LinkTask, ObjectTask
from .parts import Parts


def read_ahead(parts: Parts, tasks: Sequence[Task]) -> None:
    """Read references and remote rows of a batch.

    The rows are locked before anybody asks who has changed them: what others commit meanwhile is seen, and what they do
    later waits for the end of the batch. Locks are taken in one order, for other runs' sake.
    """
    objects = [task for task in tasks if isinstance(task, ObjectTask)]
    # One by one, rows with fields of the remote's own are read a second time, each when its turn has come, and locked
    # then: receivers may take their time until then.
    parts.rows.locked_later |= {
        task.shape.model
        for task in objects
        if task.instance is not None and task.shape.skipped and parts.observers.notice(task)
    }
    _read_references(parts, tasks)
    rows: dict[type[Model], list[Any]] = {}
    for task in objects:
        if _is_row_wanted(parts, task):
            remote_key = parts.identity.known(task.shape.model, task.key)
            if remote_key is None and parts.identity.keeps_key(task.shape):
                remote_key = parts.matching.keys_there.kept_key(task.shape, task.key)
            if remote_key is not None:
                rows.setdefault(task.shape.model, []).append(remote_key)
    for model, remote_keys in sorted(rows.items(), key=lambda item: item[0]._meta.label):
        parts.rows.load(model, remote_keys)


def _read_references(parts: Parts, tasks: Sequence[Task]) -> None:
    ends: dict[type[Model], set[Any]] = {}
    objects: dict[tuple[Shape, bool], set[Any]] = {}
    for task in tasks:
        if isinstance(task, LinkTask):
            ends.setdefault(root_of(task.shape.source_model), set()).add(task.owner)
            ends.setdefault(root_of(task.shape.target_model), set()).update(task.targets)
        else:
            objects.setdefault((task.shape, _is_row_wanted(parts, task)), set()).add(task.key)
    for (shape, with_rows), wanted in sorted(objects.items(), key=lambda item: (item[0][0].label, item[0][1])):
        rows_to = parts.rows if with_rows and shape.model is shape.root else None
        parts.identity.load(shape.root, wanted, rows_to, locks=parts.context.locks)
    for root, wanted in ends.items():
        parts.identity.load(root, wanted)


def _is_row_wanted(parts: Parts, task: ObjectTask) -> bool:
    """Tell whether the remote row must be read; deletes in bulk need it only for foreign keys, and for parents."""
    shape = task.shape
    if task.instance is not None or shape.foreign_keys or shape.model is not shape.root:
        return True
    return parts.observers.notice(task)


def hanging_on_others(parts: Parts, gone: Iterable[ObjectTask]) -> dict[At, list[At]]:
    """Return which deleted objects of the batch pointed to another deleted one on the remote.

    They go first, so that a cascade has little to do: Django's goes as deep as the chain is long.

    Args:
        parts: of the batch; the rows have been read ahead.
        gone: the deleted objects.
    """
    gone = list(gone)
    known = parts.identity.known
    at_remote = {(task.shape.root, known(task.shape.model, task.key)): task.at for task in gone}
    hanging: dict[At, list[At]] = {}
    for task in gone:
        at = task.at
        row = parts.rows.peek(task.shape.model, known(task.shape.model, task.key))
        for foreign_key in task.shape.foreign_keys if row is not None else ():
            value = getattr(row, foreign_key.attname)
            if not is_findable(foreign_key, value):
                continue
            target = at_remote.get((root_of(target_of(foreign_key)[0]), value), at)
            if target != at:
                hanging.setdefault(target, []).append(at)
    return hanging
