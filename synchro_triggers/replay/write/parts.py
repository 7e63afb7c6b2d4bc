"""What those share who write one batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import Model

from ...exceptions import ObjectNotApplied
from ..errors import BatchBroken
from ..identity.matching import Matching
from ..identity.references import Identity
from ..plan.remote_changes import RemoteChanges
from ..plan.target import BatchResult, Target
from ..plan.targets import Targets
from ..rows.read_ahead import ReadAhead
from ..rows.savepoints import Savepoints, require_unbroken
from ..schema.shape import Shape, is_foreign_key, points_to_key, root_of, shape_of
from .clock import Clock
from .one_statements import Singles
from .receivers import Observers, Writes
from .unique_values import free_values


@dataclass(frozen=True)
class Unfinished:
    """A reference to an object further up in a cycle, to be set when that one has got its key.

    Attributes:
        field: the field that holds the key: a foreign key, or the object id of a generic one.
        model, key: the local target.
        value: what the field holds on LOCAL.
    """

    field: Any
    model: type[Model]
    key: Any
    value: Any

    def value_for(self, remote_key: Any) -> Any:
        """Return what the field shall hold when the target has that key on the remote."""
        if not is_foreign_key(self.field):
            return self.value if remote_key == self.key else self.field.to_python(remote_key)
        return remote_key if points_to_key(self.field) else self.value


@dataclass(frozen=True)
class Parts:
    """The parts of one batch.

    Attributes:
        target: where to.
        identity: which remote row is known to be which object.
        matching: finds that of those that are not known.
        targets: what the objects point to.
        remote_changes: what the remote's own users have changed.
        rows: remote rows that were read ahead.
        result: what has been done.
        numbered: automatic keys that were written by value, by the model that has them.
        writes: what is written on the remote.
        savepoints, singles: for objects that are written one by one.
        observers: who would notice how objects are written.
        whole: all of the batch is wanted or nothing: where a bulk statement fails, the batch does.
        clock: how long the transaction may last.
    """

    target: Target
    identity: Identity
    matching: Matching
    targets: Targets
    remote_changes: RemoteChanges
    rows: ReadAhead
    result: BatchResult
    numbered: dict[type[Model], set[Any]]
    writes: Writes
    savepoints: Savepoints
    singles: Singles
    observers: Observers
    whole: bool
    clock: Clock

    @contextmanager
    def hearing_receivers(self) -> Iterator[set[str | None]]:
        """Call receivers in the block; forget what was read ahead of tables to which they write.

        Yields:
            A set that holds, after the block, the quoted names of those tables; ``None``: one cannot tell which.

        Raises:
            DatabaseError: one has spoilt the transaction, and has not raised.
        """
        self.writes.begin()
        tables: set[str | None] = set()
        yield tables
        require_unbroken(self.target.remote)
        tables |= self.writes.tables()
        self.rows.forget(tables)

    def stand_in(self, foreign_key: Any, model: type[Model], key: Any, value: Any, *, unheard: bool) -> Any:
        """Return a value for a foreign key until its target, further up in a cycle, has got its key.

        It is nothing, if it may be NULL: no receiver shall see a target that is not there. Where foreign keys are
        checked at the commit, the target need not exist: else it is the key that it will keep, else a value that no
        key is. What nobody hears of has the key that it will keep from the beginning, which saves a write.

        Args:
            foreign_key: the field.
            model, key: its local target.
            value: what it holds on LOCAL.
            unheard: no receiver hears of the object that points.

        Raises:
            BatchBroken: there is no such value.
            ObjectNotApplied: the remote would not take it.
        """
        if checked_at_once(self.target.remote, foreign_key):
            if foreign_key.null:
                return None
            raise ObjectNotApplied(
                f"its {foreign_key.name} points to {model._meta.label} {key!r}, which cannot come before it (a cycle), "
                f"and may not be NULL: {self.target.remote!r} checks foreign keys at once, not at the commit. Let one "
                "foreign key of the cycle be null=True, or db_constraint=False there"
            )
        if foreign_key.null and not unheard:
            return None
        if not points_to_key(foreign_key):
            return value
        kept = self.matching.translation.kept_key(shape_of(root_of(model)), key)
        if kept is not None:
            return kept
        if foreign_key.null:
            return None
        if isinstance(key, int):
            return -key - 1
        made_up = next(free_values(foreign_key, set()), None)
        if made_up is None:
            raise BatchBroken("a cycle of foreign keys cannot be closed: no made-up key fits")
        return made_up

    def may_stand_in(self, foreign_key: Any, key: Any) -> bool:
        """Tell whether there is a value for a foreign key until its target has got its key."""
        if checked_at_once(self.target.remote, foreign_key):
            return bool(foreign_key.null)
        return foreign_key.null or isinstance(key, int)

    def leave_alone(self, shape: Shape, key: Any, remote_key: Any) -> None:
        """Count a conflict that the remote has won."""
        self.result.report.count(shape.label, "conflicts")
        if remote_key is not None:
            self.identity.learn(shape.model, key, remote_key)
            self.identity.lose(shape.model, key)


def checked_at_once(alias: str, foreign_key: Any) -> bool:
    """Tell whether a database checks a foreign key with each statement: MySQL and MariaDB know no other way."""
    return not can_wait_for_the_commit(alias) and getattr(foreign_key, "db_constraint", True)


def can_wait_for_the_commit(alias: str) -> bool:
    """Tell whether a database can check foreign keys at the commit."""
    return connections[alias].features.can_defer_constraint_checks
