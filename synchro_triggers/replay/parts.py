"""What those share who write one batch, and which remote row an object is for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from ..conf import LOCAL
from .conflict_lookup import RemoteChanges
from .identity import Identity
from .order import At
from .rows import ReadAhead, rows_of
from .savepoints import Savepoints
from .shape import Shape
from .single import Singles
from .target import BatchResult, Target
from .targets import Targets
from .writing import Writes


@dataclass(frozen=True)
class Parts:
    """The parts of one batch.

    Attributes:
        target: where to.
        identity: which remote row is which object.
        targets: what the objects point to.
        remote_changes: what the remote's own users have changed.
        rows: remote rows that were read ahead.
        result: what has been done.
        logged: root model and key of each object that the batch is about.
        numbered: models whose automatic keys were written by value.
        writes: what is written on the remote.
        savepoints, singles: for objects that are written one by one.
        whole: all of the batch is wanted or nothing: where a bulk statement fails, the batch does.
    """

    target: Target
    identity: Identity
    targets: Targets
    remote_changes: RemoteChanges
    rows: ReadAhead
    result: BatchResult
    logged: frozenset[At]
    numbered: set[type[Model]]
    writes: Writes
    savepoints: Savepoints
    singles: Singles
    whole: bool

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
        kept = self.identity.find_by_primary_key(shape, key)
        if kept is not None and self.identity.existing(shape.root, [kept]):
            return kept if not self.belongs_to_another(shape, kept, key) else None
        return None

    def belongs_to_another(self, shape: Shape, remote_key: Any, key: Any) -> bool:
        """Tell whether a remote row is known to be another object, which lives or is still to be dealt with."""
        other = self.identity.claimed_by(shape.model, remote_key)
        if other is None or other == key:
            return False
        return (shape.root, other) in self.logged or rows_of(shape.root, LOCAL).filter(pk=other).exists()

    def leave_alone(self, shape: Shape, key: Any, remote_key: Any) -> None:
        """Count a conflict that the remote has won."""
        self.result.report.count(shape.label, "conflicts")
        if remote_key is not None:
            self.identity.learn(shape.model, key, remote_key)
