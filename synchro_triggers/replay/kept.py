"""What earlier runs have kept is tried: a little before anything else, the rest as long as it holds nobody up."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from django.db import transaction

from ..vendors.vendor import writing_on
from .log.absent import without_a_row
from .log.changes import Change
from .log.window import Window
from .meeting.first_meeting import Meeting
from .plan.context import RunContext
from .state.due import DueFailures
from .state.failed_deletes import given_out_in, part_from_failed_deletes
from .state.failures import forget_failures, never_there
from .state.other_rows import left_behind, left_behind_by_failed
from .write.batch_by_batch import BatchByBatch
from .write.ledger import Ledger

#: Kept failures that are tried in the first go of what may take its time; more, once that has gone well.
_FIRST_GO = 1

#: The share of a run's time that may be lost on failures that stay, or, where it has nothing else to do, seconds.
_SHARE, _IDLE_SECONDS = 0.5, 1.0


@dataclass
class KeptObjects:
    """Tries kept failures, and notes how much time was lost on those that stay.

    Attributes:
        context: where and how to write.
        due: which failures are due.
        batches: applies them.
        ledger: what has become of them.
        meeting: knows what may be on the remote already.
    """

    context: RunContext
    due: DueFailures
    batches: BatchByBatch
    ledger: Ledger
    meeting: Meeting
    _seconds_lost: float = 0.0
    _imagined: dict[tuple[str, str], str] = field(default_factory=dict)

    def apply_first(self, windows: Sequence[Window]) -> frozenset[Change]:
        """Try what comes before anything else.

        Args:
            windows: what comes next. A delete of a child under whose key it speaks of another object comes after it.

        Returns:
            Those whose row LOCAL does not have any more. They stay kept until the window has been applied, which may
            hold their delete: without the failure, the delete of an object that has never reached the remote would look
            for another one there with the same natural key.
        """
        changes = self.due.first_changes
        if later := given_out_in(windows, changes, self.context.kept_keys):
            self.due.put_off(later)
            changes = [change for change in changes if change not in later]
        gone = frozenset(without_a_row(change for change in changes if not change.deleted))
        self.ledger.absent.hold(gone)
        self.batches.apply(left_behind(gone), together=True)
        self._apply([change for change in changes if change not in gone])
        return gone

    def prepare(self, changes: Sequence[Change]) -> None:
        """Bring what is kept to changes that are to be applied next.

        Those of objects that the remote has never seen are marked as created. Where an object was deleted, the rows
        that it had in parents' tables and that are still there are applied before them.
        """
        self.keep_apart(changes)
        if not self.due.kept:
            return
        if any(each.created for each in self.due.kept.values()):
            never = never_there(self.context.remote, self.context.source, changes)
            for change in changes:
                change.created |= (change.label, change.key) in never
        rest = left_behind_by_failed(self.context.remote, self.context.source, changes)
        self.batches.apply(rest, together=True)

    def keep_apart(self, changes: Sequence[Change]) -> None:
        """Take deletes that have failed for those of other objects where their keys were given out again since."""
        may_be_there = any(each.number > each.created for each in self.due.kept.values())
        if not may_be_there and not self.ledger.any_failed:
            return
        context = self.context
        with writing_on(context.remote, dry_run=context.dry_run):
            parted = part_from_failed_deletes(
                context.remote, context.source, changes, context.kept_keys, dry_run=context.dry_run
            )
            if parted and not context.dry_run:
                self.batches.lease.renew()
        for (label, key), (_, former, _) in parted.items():
            self.ledger.rename(label, key, former)
            if context.dry_run:
                self._imagined[label, key] = former
        self.batches.formers = [*parted.values(), *self.batches.formers]

    def apply_waiting(self, *, idle: bool) -> None:
        """Try what is due, or has been waiting for what has arrived now, as long as that does not hold others up.

        What succeeds is work like any other. What fails may take a share of the run's time, and no more.

        Args:
            idle: there was nothing else to do.
        """
        if not self.due.kept:
            return
        refused = bool(self.ledger.refused)
        others = self.due.ids_with_others() if refused else []
        ids = self.due.untried([*self.due.ids_of_arrived(), *self.due.first, *others])
        size, cost = _FIRST_GO, 0.0  # seconds that the last go has lost: there must be time for another one like it
        while ids and (left := self._time_to_lose(idle)) > cost:
            before = self._seconds_lost
            applied = self._apply(self._still_there(self._load(ids[:size])))
            cost = self._seconds_lost - before
            if 2 * applied > size or cost < left / 8:
                size = min(self.batches.together, 4 * size)
            # What has come now may be what others wait for.
            ids = self.due.untried([*(self.due.ids_of_arrived() if applied else ()), *ids]) or self.due.ids()
        if refused:
            self.batches.retry_refused()
        failed = None if self.context.dry_run else len(self.ledger.failed)
        self.due.tell_waiting(self.ledger.report, failed)

    def _load(self, ids: Sequence[int]) -> list[Change]:
        """Return kept changes, in a dry run under the keys that they would have now."""
        changes = self.due.load(ids)
        if not self._imagined:
            return changes
        return [replace(each, key=self._imagined.get((each.label, each.key), each.key)) for each in changes]

    def _apply(self, changes: Sequence[Change]) -> int:
        """Apply changes; note how long it took if it was in vain, and return how many were applied."""
        started = time.monotonic()
        self.batches.apply(changes, together=True)
        applied = sum(not self.ledger.has_failed(change) for change in changes)
        if not applied:
            self._seconds_lost += time.monotonic() - started
        return applied

    def _time_to_lose(self, idle: bool) -> float:
        """Return how many seconds may still be lost on failures that stay."""
        if self.due.all_:
            return math.inf
        worked = time.monotonic() - self.ledger.began - self._seconds_lost
        return max(_SHARE * worked, _IDLE_SECONDS if idle else 0) - self._seconds_lost

    def _forget(self, gone: Sequence[Change]) -> None:
        """Remove kept failures of which nothing is left to do."""
        if gone and self.batches.choices.moves_on:
            with transaction.atomic(using=self.context.remote):
                self.batches.lease.renew()
                forget_failures(self.context.remote, self.context.source, gone)

    def _still_there(self, changes: Sequence[Change]) -> list[Change]:
        """Return those of which something is left to do; forget those whose row is gone without a logged delete."""
        self.meeting.look_at(changes)
        if self.meeting.doubts():  # the next run will refuse to begin
            return []
        gone = without_a_row(change for change in changes if not change.deleted)
        self.ledger.absent.hold(gone)
        self._forget(gone)
        return [*left_behind(gone), *(change for change in changes if change not in set(gone))]
