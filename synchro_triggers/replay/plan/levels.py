"""What can be written many at a time, and in which steps: what an object points to is written a step earlier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from ..identity.references import Identity
from ..rows.values import local_value
from ..schema.shape import Shape, is_foreign_key, points_to_key, root_of, target_of
from ..tasks import At, ObjectTask
from .cycles import StandIns
from .targets import Targets


class Levels:
    """The steps in which the objects of a batch are written many at a time.

    Args:
        stand_ins: values for references whose targets are written later.
        is_announced: tells whether the signals of a model are sent a batch at a time.

    Attributes:
        later: of an object that is written before some that it points to, those.
    """

    def __init__(
        self, identity: Identity, targets: Targets, stand_ins: StandIns, is_announced: Callable[[Any], bool]
    ) -> None:
        self._identity, self._targets, self._stand_ins = identity, targets, stand_ins
        self._is_announced = is_announced
        self.later: dict[At, set[At]] = {}

    def divide(
        self, tasks: Sequence[ObjectTask], cut: set[tuple[At, At]], is_writable: Callable[[Shape], bool]
    ) -> list[list[ObjectTask]]:
        """Group tasks so that each one's new targets are in an earlier group; leave out what cannot be.

        Args:
            tasks: objects that LOCAL has, the targets of each before it.
            cut: who points to whom where a cycle was cut.
            is_writable: tells whether objects of a model can be written many at a time.
        """
        self.later = {}
        level_of: dict[At, int] = {}
        levels: list[list[ObjectTask]] = []
        for task in tasks:
            level = self._level(task, cut, level_of)
            if level is None or not is_writable(task.shape) or self._lacks_a_target(task):
                self.later.pop(task.at, None)
                continue
            level_of[task.at] = level
            if level == len(levels):
                levels.append([])
            levels[level].append(task)
        return levels

    def _level(self, task: ObjectTask, cut: set[tuple[At, At]], level_of: dict[At, int]) -> int | None:
        at = task.at
        level = 0
        for target in self._targets.of(task):
            if self._targets.is_there(target):
                continue
            below = level_of.get(target)
            if self._identity.known(*target) is not None:
                return None  # a child's row is to come to it, one by one
            if target in self._targets.missing:
                below = -1 if self._may_be_missing(task, target) else None
            elif target == at or (at, target) in cut:
                below = -1 if self._may_come_later(task, target) else None
                self.later.setdefault(at, set()).add(target)
            if below is None:
                return None
            level = max(level, below + 1)
        return level

    def are_targets_known(self, task: ObjectTask) -> bool:
        """Tell whether all that an object points to is there, missing, or written later; it may have failed."""
        later = self.later.get(task.at, ())
        return all(
            self._targets.is_there(target) or target in later or target in self._targets.missing
            for target in self._targets.of(task)
        )

    def foreign_keys_to(self, task: ObjectTask, target: At) -> list[Any]:
        """Return the foreign keys by which an object points to another one."""
        root, key = target
        return [
            foreign_key
            for foreign_key in task.shape.foreign_keys
            if root_of(target_of(foreign_key)[0]) is root
            and (value := local_value(task.instance, foreign_key)) is not None  # type: ignore[arg-type]
            and self._targets.key_of(foreign_key, value) == key
        ]

    def reluctance_to_cut(self, task: ObjectTask, target: At) -> int:
        """Tell how unwillingly an object is written before another one to which it points, where they form a cycle.

        Returns:
            0: nothing but references that may be NULL at first, or that nobody checks, lead there; 1: others do, or
            they lead to what is only a part of the target; 2: one is part of the primary key, or of a parent's: no
            value can stand for it, not even for a moment.
        """
        shape, targets = task.shape, self._targets
        leading = [
            (foreign_key, at)
            for foreign_key, at in targets.fields_and_targets(shape, task.instance)  # type: ignore[arg-type]
            if targets.comes_with(at) == target and is_foreign_key(foreign_key)
        ]
        if any(foreign_key not in shape.copied for foreign_key, _ in leading):
            return 2
        optional = all(
            at == target and (foreign_key.null or not getattr(foreign_key, "db_constraint", True))
            for foreign_key, at in leading
        )
        return 0 if optional else 1

    def _may_be_missing(self, task: ObjectTask, target: At) -> bool:
        """Tell whether nothing forbids that the object points to one that LOCAL does not have."""
        return not any(
            getattr(foreign_key, "db_constraint", True) or foreign_key not in task.shape.copied
            for foreign_key in self.foreign_keys_to(task, target)
        )

    def _may_come_later(self, task: ObjectTask, target: At) -> bool:
        """Tell whether the object can be written before one that it points to."""
        if self._is_announced(task.shape.model) or self._targets.is_held(task, target):
            return False
        return all(
            self._stand_ins.is_there_one(foreign_key, target[1]) and foreign_key in task.shape.copied
            for foreign_key in self.foreign_keys_to(task, target)
        )

    def _lacks_a_target(self, task: ObjectTask) -> bool:
        """Tell whether a ``to_field`` leads to nothing on LOCAL although it must not, or what it leads to is unknown.

        Of the former the remote may still have it; of the latter a callable has failed. So it is where a child's row
        is to come to what is brought along as another child.
        """
        if self._targets.cannot_be_told(task) or self._targets.is_there_as_another_child(task):
            return True
        return any(
            (value := local_value(task.instance, foreign_key)) is not None  # type: ignore[arg-type]
            and self._targets.key_of(foreign_key, value) is None
            for foreign_key in _checked_to_fields(task.shape)
        )


@cache
def _checked_to_fields(shape: Shape) -> tuple[Any, ...]:
    """Return the foreign keys to other fields than keys that have a constraint."""
    return tuple(
        field for field in shape.foreign_keys if not points_to_key(field) and getattr(field, "db_constraint", True)
    )
