"""The order of a batch: as logged, but what an object points to comes before it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from .local import LinkTask, ObjectTask
from .shape import Shape, root_of, target_of

Task = ObjectTask | LinkTask
At = tuple[Any, Any]


def in_order(
    tasks: Sequence[Task],
    brought_along: Iterable[ObjectTask],
    targets_of: Callable[[ObjectTask], Collection[At]],
    hanging_on: Callable[[ObjectTask], Collection[At]],
    may_be_cut: Callable[[ObjectTask, At], bool] | None = None,
) -> tuple[list[Task], set[tuple[At, At]]]:
    """Order the tasks of a batch.

    Args:
        tasks: in the order of the log.
        brought_along: objects that are not logged, but needed by others.
        targets_of: root model and key of each object that a task's object points to.
        hanging_on: root model and key of each deleted object that pointed to a task's deleted object.
        may_be_cut: whether a task's object can be written before one that it points to; ``None``: any can.

    Returns:
        The tasks, each once: the targets of an object before it, what pointed to a deleted one before that one,
        otherwise in the given order. Where foreign
        keys form a cycle, one of them is cut: from whom to whom is returned too. Links come after both their ends.
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
    if may_be_cut is not None:
        cut = _cuts(upserts, targets_of, may_be_cut)
        targets_of = _but(cut, targets_of)
    for task in tasks:
        if isinstance(task, ObjectTask) and task.instance is not None:
            ordered += _with_targets(task, upserts, targets_of, reached, cut)
            continue
        if isinstance(task, ObjectTask):
            if not task.keep_parents:
                ordered += _with_targets(task, gone, hanging_on, reached_gone, set())
                continue
        else:
            for start in _ends(task, upserts):
                ordered += _with_targets(start, upserts, targets_of, reached, cut)
        ordered.append(task)
    for task in brought:
        ordered += _with_targets(task, upserts, targets_of, reached, cut)
    return ordered, cut


def _but(cut: set[tuple[At, At]], targets_of: Callable[[ObjectTask], Collection[At]]) -> Any:
    """Return ``targets_of`` without what was cut."""
    known = frozenset(cut)

    def rest(task: ObjectTask) -> Collection[At]:
        at = (task.shape.root, task.key)
        return [target for target in targets_of(task) if (at, target) not in known]

    return rest if known else targets_of


def _cuts(
    upserts: dict[At, ObjectTask],
    targets_of: Callable[[ObjectTask], Collection[At]],
    may_be_cut: Callable[[ObjectTask, At], bool],
) -> set[tuple[At, At]]:
    """Return who shall be written before whom it points to, so that no cycle is left that could be cut."""
    group = _groups(upserts, targets_of)
    return {
        (at, target)
        for at, task in upserts.items()
        for target in targets_of(task)
        if target != at and group.get(target, -1) == group[at] and may_be_cut(task, target)
    }


def _groups(upserts: dict[At, ObjectTask], targets_of: Callable[[ObjectTask], Collection[At]]) -> dict[At, int]:
    """Number the objects so that those have the same number that lead to one another (Tarjan, 1972; with a stack)."""
    group: dict[At, int] = {}
    order: dict[At, int] = {}
    lowest: dict[At, int] = {}
    path: list[At] = []
    for start in upserts:
        if start in order:
            continue
        walk = [(start, iter(targets_of(upserts[start])))]
        order[start] = lowest[start] = len(order)
        path.append(start)
        while walk:
            at, targets = walk[-1]
            following = None
            for target in targets:
                if target not in upserts or target in group:
                    continue
                if target not in order:
                    following = target
                    break
                lowest[at] = min(lowest[at], order[target])
            if following is not None:
                order[following] = lowest[following] = len(order)
                path.append(following)
                walk.append((following, iter(targets_of(upserts[following]))))
                continue
            walk.pop()
            if walk:
                lowest[walk[-1][0]] = min(lowest[walk[-1][0]], lowest[at])
            if lowest[at] == order[at]:
                number = len(group)
                while at not in group:
                    group[path.pop()] = number
    return group


def _with_targets(
    start: ObjectTask,
    upserts: dict[At, ObjectTask],
    targets_of: Callable[[ObjectTask], Collection[At]],
    reached: set[At],
    cut: set[tuple[At, At]],
) -> list[Task]:
    """Return the object's unreached targets, deepest first, and the object; with a stack, chains may be long."""
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
                cut.add((at, target))
            elif target in upserts and target not in reached:
                following = target
                break
        if following is None:
            ordered.append(task)
            open_.discard(at)
            stack.pop()
        else:
            reached.add(following)
            open_.add(following)
            stack.append((following, upserts[following], iter(targets_of(upserts[following]))))
    return ordered


def _ends(task: LinkTask, upserts: dict[At, ObjectTask]) -> list[ObjectTask]:
    keys = [(root_of(task.shape.source_model), task.owner)]
    keys += [(root_of(task.shape.target_model), key) for key, (exists, _) in task.targets.items() if exists]
    return [upserts[at] for at in keys if at in upserts]


def models_in_order(shapes: Sequence[Shape]) -> list[Shape]:
    """Order models so that those a model points to come before it, as far as there is no cycle."""
    by_root = {shape.root: shape for shape in shapes}
    ordered: dict[Shape, None] = {}
    under_way: set[Shape] = set()

    def visit(shape: Shape) -> None:
        if shape in ordered or shape in under_way:
            return
        under_way.add(shape)
        for foreign_key in shape.foreign_keys:
            target = by_root.get(root_of(target_of(foreign_key)[0]))
            if target is not None:
                visit(target)
        ordered[shape] = None

    for shape in shapes:
        visit(shape)
    return list(ordered)
