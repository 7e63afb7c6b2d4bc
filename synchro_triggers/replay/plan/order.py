"""The order of a batch: as logged, but what an object points to comes before it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from django.db.models import Model

from ..schema.shape import root_of
from ..tasks import LinkTask, ObjectTask

Task = ObjectTask | LinkTask
At = tuple[Any, Any]
"""Where an object stands: root model and key."""


def at_of(row: Model) -> At:
    """Return root model and primary key of a row, or of an object."""
    return root_of(type(row)), row.pk


def in_order(
    tasks: Sequence[Task],
    brought_along: Iterable[ObjectTask],
    targets_of: Callable[[ObjectTask], Collection[At]],
    hanging_on: Callable[[ObjectTask], Collection[At]],
    reluctance: Callable[[ObjectTask, At], int] = lambda task, target: 0,
) -> tuple[list[Task], set[tuple[At, At]]]:
    """Order the tasks of a batch.

    Args:
        tasks: in the order of the log.
        brought_along: objects that are not logged, but needed by others.
        targets_of: root model and key of each object that a task's object points to.
        hanging_on: root model and key of each deleted object that pointed to a task's deleted object.
        reluctance: how unwillingly a task's object is written before one that it points to: a task, and the root model
            and key of what it points to. Nought: it may point to nothing until then. Asked only where foreign keys
            form a cycle.

    Returns:
        The tasks, each once: the targets of an object before it, what pointed to a deleted one before that one,
        otherwise in the given order. Where foreign keys form a cycle, one of them is cut, the one of the least
        reluctance: from whom to whom is returned too. Links come after both their ends.
    """
    brought = list(brought_along)
    upserts = {
        (task.shape.root, task.key): task
        for task in (*brought, *tasks)
        if isinstance(task, ObjectTask) and task.instance is not None
    }
    gone = {
        (task.shape.root, task.key): task for task in tasks if isinstance(task, ObjectTask) and task.instance is None
    }
    ordered: list[Task] = []
    cut: set[tuple[At, At]] = set()
    reached: set[At] = set()
    reached_gone: set[At] = set()
    for task in tasks:
        if isinstance(task, ObjectTask) and task.instance is not None:
            ordered += _with_targets(task, upserts, targets_of, reached, cut, reluctance)
            continue
        if isinstance(task, ObjectTask):
            if not task.keep_parents:
                ordered += _with_targets(task, gone, hanging_on, reached_gone, set())
                continue
        else:
            for start in _ends(task, upserts):
                ordered += _with_targets(start, upserts, targets_of, reached, cut, reluctance)
        ordered.append(task)
    for task in brought:
        ordered += _with_targets(task, upserts, targets_of, reached, cut, reluctance)
    return ordered, cut


def _with_targets(
    start: ObjectTask,
    upserts: dict[At, ObjectTask],
    targets_of: Callable[[ObjectTask], Collection[At]],
    reached: set[At],
    cut: set[tuple[At, At]],
    reluctance: Callable[[ObjectTask, At], int] = lambda task, target: 0,
) -> list[Task]:
    """Return the object's unreached targets, deepest first, and the object; with a stack, chains may be long.

    Where a cycle is cut further up than where it closes, what lies between is left for later: it is reached again from
    elsewhere, or begun with.
    """
    at = (start.shape.root, start.key)
    if at in reached:
        return []
    reached.add(at)
    first = targets_of(start)
    if not first:
        return [start]
    ordered: list[Task] = []
    stack = [(at, start, iter(first))]
    open_: set[At] = {at}
    while stack:
        at, task, targets = stack[-1]
        following = None
        for target in targets:
            if target in open_:
                height = _cut_at(stack, target, reluctance)
                cut.add((stack[height][0], stack[height + 1][0] if height + 1 < len(stack) else target))
                for left, *_ in stack[height + 1 :]:
                    reached.discard(left)
                    open_.discard(left)
                del stack[height + 1 :]
                if stack[-1][0] != at:
                    break
            elif target in upserts and target not in reached and (at, target) not in cut:
                following = target
                break
        if stack[-1][0] != at:
            continue
        if following is None:
            ordered.append(task)
            open_.discard(at)
            stack.pop()
        else:
            reached.add(following)
            open_.add(following)
            stack.append((following, upserts[following], iter(targets_of(upserts[following]))))
    return ordered


def _cut_at(
    stack: Sequence[tuple[At, ObjectTask, Any]], target: At, reluctance: Callable[[ObjectTask, At], int]
) -> int:
    """Return whose reference on the way from ``target``, and back to it, is cut: by its place in the stack.

    Of equals it is the one that is nearest to where the cycle closes.
    """
    following, least, chosen = target, None, len(stack) - 1
    for height in range(len(stack) - 1, -1, -1):
        at, task, _ = stack[height]
        found = reluctance(task, following)
        if least is None or found < least:
            least, chosen = found, height
        if at == target or least == 0:
            break
        following = at
    return chosen


def _ends(task: LinkTask, upserts: dict[At, ObjectTask]) -> list[ObjectTask]:
    keys = [(root_of(task.shape.source_model), task.owner)]
    keys += [(root_of(task.shape.target_model), key) for key, (exists, _) in task.targets.items() if exists]
    return [upserts[at] for at in keys if at in upserts]
