"""What a task does, whoever queues it: a run with one remote that ends in time, and tells only what may pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..exceptions import DatabaseUnreachable, RunUnderWay, SynchroError
from ..masking import without_credentials
from ..replay.choices import Deadline as Deadline
from ..replay.synchronizing import synchronize

#: What passes by itself, so that it is worth to try again: another run, a database that is down.
PASSING = (RunUnderWay, DatabaseUnreachable)

#: Seconds that a task works before it leaves the rest to the next one, so that no remote keeps others waiting.
SECONDS = 300.0


@dataclass(frozen=True)
class Done:
    """What a task has done: plain values, which any queue can keep.

    Attributes:
        remote: the alias.
        created, updated, deleted, unchanged, conflicts, failed: how many objects (see ``SyncReport``).
        waiting: how many are kept that were not tried.
        seconds: how long it took.
        is_cut: its time was over, and it has left the rest to the next one.
    """

    remote: str
    created: int
    updated: int
    deleted: int
    unchanged: int
    conflicts: int
    failed: int
    waiting: int
    seconds: float
    is_cut: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def goes_on(models: Sequence[str] | None, full: bool) -> bool:
    """Tell whether a run that is ended goes on next time from where it was; otherwise it begins anew."""
    return not full and models is None


def run_remote(
    remote: str,
    by: str,
    *,
    models: Sequence[str] | None = None,
    full: bool = False,
    pull: bool = False,
    both: bool = False,
    deadline: Deadline,
) -> Done:
    """Synchronise with one remote.

    Args:
        remote: the alias.
        by: who begins the run, for its record.
        models, full, pull, both: see ``synchro_triggers.synchronize``.
        deadline: when it is over, the run ends in order, and what was committed stays.

    Raises:
        SynchroError: see ``synchro_triggers.synchronize``; without what opens a database, since queues keep errors.
    """
    try:
        report = synchronize(remote, models=models, full=full, pull=pull, both=both, by=by, interrupted=deadline)
    except SynchroError as error:
        raise type(error)(without_credentials(str(error))) from None
    return Done(
        remote=remote,
        created=report.created,
        updated=report.updated,
        deleted=report.deleted,
        unchanged=report.unchanged,
        conflicts=report.conflicts,
        failed=report.failed,
        waiting=report.waiting,
        seconds=round(report.seconds, 3),
        is_cut=deadline.is_over,
    )
