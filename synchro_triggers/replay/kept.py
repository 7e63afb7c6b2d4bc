"""What earlier runs have kept is tried: a little before anything else, the rest as long as it holds nobody up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from .log.changes import Change
from .log.vanished import without_a_row
from .meeting.first_meeting import Meeting
from .plan.target import Target
from .state.due import DueFailures
from .state.failures import never_there
from .state.other_rows import left_behind, left_behind_by_failed
from .write.batch_by_batch import BatchByBatch
from .write.outcome import Outcome

#: Kept failures that are tried in the first go of what may take its time; more, once that has gone well.
_FIRST_GO = 1

#: The share of a run's time that may be lost on failures that stay, or, where it has nothing else to do, seconds.
_SHARE, _IDLE_SECONDS = 0.5, 1.0


class KeptObjects:
    """Tries kept failures, and notes how much time was lost on those that stay.

    Args:
        target: where to.
        due: which failures are due.
        batches: applies them.
        outcome: what has become of them.
        meeting: knows what may be on the remote already.
        forget: removes kept failures of which nothing is left to do.
    """

    def __init__(
        self,
        target: Target,
        due: DueFailures,
        batches: BatchByBatch,
        outcome: Outcome,
        meeting: Meeting,
        forget: Callable[[Sequence[Change]], None],
    ) -> None:
        self._target = target
        self._due = due
        self._batches = batches
        self._outcome = outcome
        self._meeting = meeting
        self._forget = forget
        self._seconds_lost = 0.0

    def apply_first(self) -> frozenset[Change]:
        """Try what comes before anything else.

        Returns:
            Those whose row is gone. They stay kept until the window that may say so has been applied: of what was never
            there, its delete alone would look for a namesake.
        """
        changes = self._due.first_changes
        gone = frozenset(without_a_row(change for change in changes if not change.deleted))
        self._outcome.absent.hold(gone)
        self._batches.apply(left_behind(gone), together=True)
        self._apply([change for change in changes if change not in gone])
        return gone

    def look_through(self, changes: Sequence[Change]) -> None:
        """Mark what the remote has never seen; apply what failures stand for of objects whose row is gone now.

        Args:
            changes: what is to be applied next.
        """
        if not self._due.kept:
            return
        if any(each.created for each in self._due.kept.values()):
            never = never_there(self._target.remote, self._target.source, changes)
            for change in changes:
                change.created |= (change.label, change.key) in never
        rest = left_behind_by_failed(self._target.remote, self._target.source, changes)
        self._batches.apply(rest, together=True)

    def apply_waiting(self, *, idle: bool) -> None:
        """Try what is due, or has been waiting for what has arrived now, as long as that does not hold others up.

        What succeeds is work like any other. What fails may take a share of the run's time, and no more.

        Args:
            idle: there was nothing else to do.
        """
        if not self._due.kept:
            return
        refused = bool(self._outcome.refused)
        others = self._due.ids_with_others() if refused else []
        ids = self._due.untried([*self._due.ids_of_arrived(), *self._due.first, *others])
        size, cost = _FIRST_GO, 0.0  # what the last go has cost: there must be time for another one like it
        while ids and (left := self._time_to_lose(idle)) > cost:
            applied = self._apply(self._still_there(self._due.load(ids[:size])))
            cost = left - self._time_to_lose(idle)
            if 2 * applied > size or cost < left / 8:
                size = min(self._batches.together, 4 * size)
            # What has come now may be what others wait for.
            ids = self._due.untried([*(self._due.ids_of_arrived() if applied else ()), *ids]) or self._due.ids()
        if refused:
            self._batches.retry_refused()
        failed = None if self._target.dry_run else len(self._outcome.failed)
        self._due.tell_waiting(self._outcome.report, failed)

    def _apply(self, changes: Sequence[Change]) -> int:
        """Apply changes; note how long it took if it was in vain, and return how many were applied."""
        started = time.monotonic()
        self._batches.apply(changes, together=True)
        applied = sum(not self._outcome.has_failed(change) for change in changes)
        if not applied:
            self._seconds_lost += time.monotonic() - started
        return applied

    def _time_to_lose(self, idle: bool) -> float:
        """Return how many seconds may still be lost on failures that stay."""
        if self._due.all_:
            return math.inf
        worked = time.monotonic() - self._outcome.began - self._seconds_lost
        return max(_SHARE * worked, _IDLE_SECONDS if idle else 0) - self._seconds_lost

    def _still_there(self, changes: Sequence[Change]) -> list[Change]:
        """Return those of which there is something to do; forget what is gone, and was not deleted by the log."""
        self._meeting.look_at(changes)
        if self._meeting.doubts():  # the next run will refuse to begin
            return []
        gone = without_a_row(change for change in changes if not change.deleted)
        self._outcome.absent.hold(gone)
        self._forget(gone)
        return [*left_behind(gone), *(change for change in changes if change not in set(gone))]
