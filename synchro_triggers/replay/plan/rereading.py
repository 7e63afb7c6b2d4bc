"""Objects that LOCAL's users have changed after the run's window, read once more: what is read is of one version.

The run brings an object as it is when it is read. What is written upon that must be known to have seen it, so the
object goes with the version of its last change, which the next window will speak of again. The row and the log are read
by two statements; they belong together where the log says the same before and after the row was read.

A link has no version. One that was removed in the window and made again after it is removed now, and made by the next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ...conf import local_alias
from ...faults.judge import ChangedMeanwhile
from ..log.later_changes import LaterChange, LaterChanges
from ..rows.local_rows import load_instances
from ..schema.family import family_of
from ..schema.findable import why_not_findable
from ..schema.keys import FormerKey
from ..tasks import At, LinkTask, ObjectTask

#: How often an object is read at the most that is changed all the time.
_TRIES = 20


def read_changed_again(tasks: Collection[ObjectTask | LinkTask], later: LaterChanges) -> None:
    """Let each object that is there, and its change, tell of one version.

    Args:
        tasks: those of a batch, whose objects were read.
        later: what LOCAL's users have changed since the run's window was opened.
    """
    later.look()
    if not later.any:
        return
    for task in tasks:
        if isinstance(task, LinkTask):
            _leave_to_the_next_window(task, later)
    known = {id(task): task for task in tasks if isinstance(task, ObjectTask) and _is_there(task)}
    waiting = [(task, last) for task in known.values() if (last := _later_change(task, later)) is not None]
    for _ in range(_TRIES):
        if not waiting:
            return
        rows = {id(task): load_instances(task.shape.model, [task.key], {}).get(task.key) for task, _ in waiting}
        later.look()
        changed = []
        for task, last in waiting:
            now = _later_change(task, later)
            row = rows[id(task)]
            if now is not None and now != last:
                changed.append((task, now))
            elif row is not None and type(row) is task.shape.model and why_not_findable(row) is None:
                assert task.change is not None
                task.instance = row
                task.change.own, task.change.logged_at = last.id, last.time
        waiting = changed


def require_one_state(tasks: Iterable[ObjectTask], later: LaterChanges) -> None:
    """Refuse to go on with objects that another run has brought to LOCAL while they were read.

    Their rows may be of the state before that, and what their references say of the one after it.

    Args:
        tasks: all of a batch, and what comes along with it, of which rows and references were read.
        later: as for ``read_changed_again()``.

    Raises:
        ChangedMeanwhile: there is one.
    """
    later.look()
    if not later.received:
        return
    tasks = list(tasks)
    here = ((family_of(task.shape), task.key) for task in tasks if task.instance is not None)
    gone = ((family_of(task.shape), task.key) for task in tasks if task.instance is None)
    apart = later.have_brought(here) or later.have_brought(gone, gone=True)
    later.forget_received()
    if apart:
        raise ChangedMeanwhile(f"a run to {local_alias()!r} has brought some of these objects while they were read")


def last_rows_of(targets: Iterable[ObjectTask], later: LaterChanges) -> dict[At, int]:
    """Return by which log rows LOCAL's users have changed last what comes along, where they have since the window.

    Args:
        targets: what objects of a batch point to, read after those were.
        later: as for ``read_changed_again()``, which was called before they were read.
    """
    if not later.any:
        return {}
    before = {task.at: (task, last) for task in targets if (last := later.of(family_of(task.shape), task.key))}
    if before:
        later.look()
    # What was changed just now may have been read before or after; the next window speaks of it.
    return {at: last.id for at, (task, last) in before.items() if later.of(family_of(task.shape), task.key) == last}


def _leave_to_the_next_window(task: LinkTask, later: LaterChanges) -> None:
    """Let links be gone that were removed and have been made again since: nobody there has seen that yet."""
    for target, key in task.rows.items():
        _, change = task.targets[target]
        last = later.of([task.shape.through], key) if change.deleted else None
        if last is not None and not last.updated:
            task.targets[target] = False, change


def _is_there(task: ObjectTask) -> bool:
    return task.instance is not None and task.change is not None and not isinstance(task.key, FormerKey)


def _later_change(task: ObjectTask, later: LaterChanges) -> LaterChange | None:
    """Return the object's last change, if its change in the window is another one, and it is the same object still."""
    assert task.change is not None
    last = later.of(family_of(task.shape), task.key)
    if last is None or not last.updated or last.id <= max(task.change.own, task.change.last):
        return None
    return last
