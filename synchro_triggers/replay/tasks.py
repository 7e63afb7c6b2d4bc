"""What is to be done: for one object, for the links of one owner, and what is still to be done for a batch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from .log.changes import Change
from .log.made import says_made
from .schema.link_shapes import LinkShape
from .schema.shape import Shape, root_of

#: Root model and key of an object, on either side.
At = tuple[type[Model], Any]


def at_of(row: Model) -> At:
    """Return root model and primary key of a row, or of an object."""
    return root_of(type(row)), row.pk


@dataclass
class ObjectTask:
    """One object to bring to the remote.

    Attributes:
        shape: its most derived model.
        key: its primary key at the root of its inheritance.
        change: what the log says; ``None``: nothing, another object needs this one.
        instance: the local row as it is now; ``None``: it is gone.
        keep_parents: the child row is gone, but its parent row is still there.
        at: root model and key, by which it is known whatever table has logged it.
    """

    shape: Shape
    key: Any
    change: Change | None
    instance: Model | None
    keep_parents: bool = False
    at: At = field(init=False, repr=False, compare=False)  # made once: each step of a batch asks for it

    def __post_init__(self) -> None:
        self.at = self.shape.root, self.key

    @property
    def position(self) -> int:
        """Upserts stand at the object's first log row, deletes at its last."""
        assert self.change is not None
        return self.change.first if self.instance is not None else self.change.last

    @property
    def is_made(self) -> bool:
        """Whether the log has seen the object being made."""
        return self.change is not None and says_made(self.change, self.shape.root)


@dataclass
class LinkTask:
    """Links of one owner in one automatic many-to-many table.

    Attributes:
        shape: the table.
        owner: local key of the object on the declaring side.
        targets: local keys at the other end, each with whether the link exists now, and its change.
        rows: of those links that exist, the keys of their rows.
        one_way: those of them whose mirrored link, in a symmetrical table, is in another state.
        mirrors: of the others, the changes that speak of the mirrored link, which is written with it.
    """

    shape: LinkShape
    owner: Any
    targets: dict[Any, tuple[bool, Change]] = field(default_factory=dict)
    rows: dict[Any, Any] = field(default_factory=dict)
    one_way: set[Any] = field(default_factory=set)
    mirrors: dict[Any, Change] = field(default_factory=dict)

    def changes_of(self, target: Any) -> list[Change]:
        """Return the changes that are done, or fail, with a link."""
        _, change = self.targets[target]
        return [change, self.mirrors[target]] if target in self.mirrors else [change]

    @property
    def position(self) -> int:
        return min(change.first for _, change in self.targets.values())


Task = ObjectTask | LinkTask


@dataclass
class Agenda:
    """The state of a batch that is being written.

    Attributes:
        pending: objects that wait for their turn in this round, by root model and local key.
        under_way: those that are being written, and are looking for the keys of others meanwhile.
        errors: what became of those that failed.
        changes: what LOCAL has logged of the objects of the batch that it has.
        cut: from whom to whom a reference was cut, so that a cycle of them has a beginning.
        of_link: what LOCAL has logged of the link that is being written, and needs its ends.
    """

    pending: dict[At, ObjectTask] = field(default_factory=dict)
    under_way: set[At] = field(default_factory=set)
    errors: dict[At, Exception] = field(default_factory=dict)
    cut: set[tuple[At, At]] = field(default_factory=set)
    changes: dict[At, Change] = field(default_factory=dict)
    of_link: Change | None = None

    def begin_round(self, tasks: Iterable[Task]) -> None:
        """Let the objects among the tasks that LOCAL has wait for their turn."""
        self.pending = {task.at: task for task in tasks if isinstance(task, ObjectTask) and task.instance is not None}

    def change_of(self, instance: Model) -> Change | None:
        """Return what LOCAL has logged of an object; of what is only brought along, that of whoever needs it."""
        change = self.changes.get(at_of(instance))
        if change is None:
            change = next((self.changes[at] for at in self.under_way if at in self.changes), self.of_link)
        return change

    def is_pending(self, task: ObjectTask) -> bool:
        """Tell whether an object that LOCAL has still waits for its turn."""
        return task.instance is not None and task.at in self.pending

    def waits_for(self, at: At, target: At) -> bool:
        """Tell whether an object cannot be written before one that points to it: it is cut off from it, or begun."""
        return target in self.under_way or (at, target) in self.cut
