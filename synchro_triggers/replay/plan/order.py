"""The order of a batch: as logged, but what an object points to comes before it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from ..schema.shape import root_of
from ..tasks import At, LinkTask, ObjectTask, Task


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
        reluctance: how unwillingly a task's object is written before one that it points to; 0: it may point to nothing
            until then. Asked only where foreign keys form a cycle.

    Returns:
        The tasks, each once: the targets of an object before it, what pointed to a deleted one before that one,
        otherwise in the given order; links after both their ends. And from whom to whom a cycle of foreign keys was
        cut: where the reluctance is the least.
    """
    brought = list(brought_along)
    objects = [task for task in (*brought, *tasks) if isinstance(task, ObjectTask)]
    upserts = _Walk({task.at: task for task in objects if task.instance is not None}, targets_of, reluctance)
    gone = _Walk({task.at: task for task in objects if task.instance is None}, hanging_on)
    ordered: list[Task] = []
    for task in tasks:
        if isinstance(task, LinkTask):
            ordered += [each for start in _ends(task, upserts.tasks) for each in upserts.to(start)]
            ordered.append(task)
        elif task.instance is not None:
            ordered += upserts.to(task)
        elif task.keep_parents:
            ordered.append(task)
        else:
            ordered += gone.to(task)
    for task in brought:
        ordered += upserts.to(task)
    return ordered, upserts.cut


def hanging_on(
    those: Collection[At], tasks: Collection[ObjectTask], targets_of: Callable[[ObjectTask], Collection[At]]
) -> set[At]:
    """Return root model and key of those of the tasks that point to some objects, or to what does.

    Args:
        those: the objects, by root model and key; they are among what is returned.
    """
    hanging, size = set(those), -1
    while len(hanging) > size:
        size = len(hanging)
        hanging |= {task.at for task in tasks if not hanging.isdisjoint(targets_of(task))}
    return hanging


_Stack = list[tuple[At, ObjectTask, Iterator[At]]]
"""The way to the object that is walked to: each with its task, and those of its targets that were not looked at."""


class _Walk:
    """Walks to objects by way of their targets, each once.

    Where a cycle is cut further up than where it closes, what lies between is left for later: it is reached again from
    elsewhere, or begun with.

    Attributes:
        tasks: the objects.
        cut: from whom to whom a reference was cut.
    """

    def __init__(
        self,
        tasks: dict[At, ObjectTask],
        targets_of: Callable[[ObjectTask], Collection[At]],
        reluctance: Callable[[ObjectTask, At], int] = lambda task, target: 0,
    ) -> None:
        self.tasks, self._targets_of, self._reluctance = tasks, targets_of, reluctance
        self._reached: set[At] = set()
        self.cut: set[tuple[At, At]] = set()

    def to(self, start: ObjectTask) -> list[Task]:
        """Return the object's unreached targets, deepest first, and the object; with a stack, chains may be long."""
        if start.at in self._reached:
            return []
        self._reached.add(start.at)
        first = self._targets_of(start)
        if not first:
            return [start]
        ordered: list[Task] = []
        stack: _Stack = [(start.at, start, iter(first))]
        open_: set[At] = {start.at}
        while stack:
            at, task, _ = stack[-1]
            following = self._following(stack, open_)
            if stack[-1][0] != at:  # a cycle was cut further up
                continue
            if following is None:
                ordered.append(task)
                open_.discard(at)
                stack.pop()
            else:
                self._reached.add(following)
                open_.add(following)
                target = self.tasks[following]
                stack.append((following, target, iter(self._targets_of(target))))
        return ordered

    def _following(self, stack: _Stack, open_: set[At]) -> At | None:
        """Return the next unreached target of the last object on the way; cut the cycles that close there."""
        at, _, targets = stack[-1]
        for target in targets:
            if target in open_:
                height = _cut_at(stack, target, self._reluctance)
                self.cut.add((stack[height][0], stack[height + 1][0] if height + 1 < len(stack) else target))
                for left, *_ in stack[height + 1 :]:
                    self._reached.discard(left)
                    open_.discard(left)
                del stack[height + 1 :]
                if stack[-1][0] != at:
                    return None
            elif target in self.tasks and target not in self._reached and (at, target) not in self.cut:
                return target
        return None


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
