"""What is still to be done for the objects of a batch, what is under way, and what has failed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..tasks import At, ObjectTask, Task


@dataclass
class Agenda:
    """The state of a batch that is being written.

    Attributes:
        pending: objects that wait for their turn in this round, by root model and local key.
        under_way: those that are being written, and are looking for the keys of others meanwhile.
        errors: what became of those that failed.
        cut: from whom to whom a reference was cut, so that a cycle of them has a beginning.
    """

    pending: dict[At, ObjectTask] = field(default_factory=dict)
    under_way: set[At] = field(default_factory=set)
    errors: dict[At, Exception] = field(default_factory=dict)
    cut: set[tuple[At, At]] = field(default_factory=set)

    def begin_round(self, tasks: Iterable[Task]) -> None:
        """Let the objects among the tasks that LOCAL has wait for their turn."""
        self.pending = {task.at: task for task in tasks if isinstance(task, ObjectTask) and task.instance is not None}

    def is_pending(self, task: ObjectTask) -> bool:
        """Tell whether an object that LOCAL has still waits for its turn."""
        return task.instance is not None and task.at in self.pending

    def waits_for(self, at: At, target: At) -> bool:
        """Tell whether an object cannot be written before one that points to it: it is cut off from it, or begun."""
        return target in self.under_way or (at, target) in self.cut
