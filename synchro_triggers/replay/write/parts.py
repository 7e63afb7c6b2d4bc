"""What those share who write one batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from ...django_inside.savepoints import Savepoints, require_unbroken
from ..identity.matching import Matching
from ..identity.references import Identity
from ..plan.context import BatchResult, RunContext
from ..plan.cycles import StandIns
from ..plan.remote_changes import RemoteChanges
from ..plan.targets import Targets
from ..rows.read_ahead import ReadAhead
from .clock import Clock
from .one_statements import Singles
from .outcomes import Outcomes
from .receivers import Observers, Writes


@dataclass(frozen=True)
class Parts:
    """The parts of one batch.

    Attributes:
        context: where and how to write.
        identity: which remote row is known to be which object.
        matching: finds that of those that are not known.
        targets: what the objects point to.
        stand_ins: values for references whose targets have no key yet.
        remote_changes: what the remote's own users have changed.
        rows: remote rows that were read ahead.
        result: what has been done.
        outcomes: notes what is being done.
        numbered: automatic keys that were written by value, by the model that has them.
        writes: what is written on the remote.
        savepoints, singles: for objects that are written one by one.
        observers: who would notice how objects are written.
        whole: all of the batch is wanted or nothing: where a bulk statement fails, the batch does.
        clock: how long the transaction may last.
    """

    context: RunContext
    identity: Identity
    matching: Matching
    targets: Targets
    stand_ins: StandIns
    remote_changes: RemoteChanges
    rows: ReadAhead
    result: BatchResult
    outcomes: Outcomes
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
        require_unbroken(self.context.remote)
        tables |= self.writes.tables()
        self.rows.forget(tables)
