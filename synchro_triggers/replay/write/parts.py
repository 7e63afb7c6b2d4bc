"""What those share who write one batch, and which remote row an object is for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from ...conf import LOCAL
from ...django_inside.savepoints import Savepoints, require_unbroken
from ..identity.references import Identity
from ..plan.cycles import StandIns
from ..plan.order import At
from ..plan.remote_changes import RemoteChanges
from ..plan.target import BatchResult, Target
from ..plan.targets import Targets
from ..rows.read_ahead import ReadAhead
from ..rows.selecting import rows_of
from ..schema.keys import FormerKey
from ..schema.shape import Shape, shape_of
from .clock import Clock
from .one_statements import Singles
from .outcomes import Outcomes
from .receivers import Observers, Writes


@dataclass(frozen=True)
class Parts:
    """The parts of one batch.

    Attributes:
        target: where to.
        identity: which remote row is which object.
        targets: what the objects point to.
        stand_ins: values for references whose targets have no key yet.
        remote_changes: what the remote's own users have changed.
        rows: remote rows that were read ahead.
        result: what has been done.
        outcomes: notes what is being done.
        logged: root model and key of each object that the batch is about.
        numbered: automatic keys that were written by value, by the model that has them.
        writes: what is written on the remote.
        savepoints, singles: for objects that are written one by one.
        observers: who would notice how objects are written.
        whole: all of the batch is wanted or nothing: where a bulk statement fails, the batch does.
        clock: how long the transaction may last.
    """

    target: Target
    identity: Identity
    targets: Targets
    stand_ins: StandIns
    remote_changes: RemoteChanges
    rows: ReadAhead
    result: BatchResult
    outcomes: Outcomes
    logged: frozenset[At]
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

    def match(self, shape: Shape, instance: Model) -> Any:
        """Return the key of the remote row that is this object, or ``None``."""
        key = instance.pk
        self.identity.load(shape.model, [key])
        known = self.identity.known(shape.model, key)
        if known is not None:
            return known
        found = self.identity.find_by_natural_key(instance)
        if found is not None and not self.belongs_to_another(shape, found, key):
            return found
        return self.match_kept_key(shape, key)

    def match_kept_key(self, shape: Shape, key: Any) -> Any:
        """Return the key of the remote row that is an object by a key that is the same on both sides, or ``None``."""
        kept = self.identity.find_by_primary_key(shape, key)
        if kept is not None and self.identity.existing(shape.root, [kept]):
            return kept if not self.belongs_to_another(shape, kept, key) else None
        return None

    def match_parent(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of a parent's row that is part of an object, or ``None``: it will be given one."""
        self.identity.load(model, [key])
        known = self.identity.known(model, key)
        if known is not None:
            return known
        parent = rows_of(model, LOCAL).filter(pk=key).first()
        found = self.match(shape_of(model), parent) if parent is not None else None
        return found if found is not None else self.identity.find_by_primary_key(shape_of(model), key)

    def belongs_to_another(self, shape: Shape, remote_key: Any, key: Any) -> bool:
        """Tell whether a remote row is known to be another object, which lives or is still to be dealt with."""
        other = self.identity.claimed_by(shape.model, remote_key)
        if other is None or other == key:
            return False
        if isinstance(other, FormerKey) or self.identity.is_going(shape.model, other):
            return False  # its object is gone: who has its natural key now has the row
        return (shape.root, other) in self.logged or rows_of(shape.root, LOCAL).filter(pk=other).exists()
