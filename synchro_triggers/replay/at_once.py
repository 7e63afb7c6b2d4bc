"""A follower's small window, applied in one transaction that moves the checkpoint too: a run without a lease."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from ..conf import local_alias
from ..models import Checkpoint
from .errors import BatchBroken, reraise_if_lost
from .identity.names import settle_gone
from .log.absent import Absent
from .log.changes import Change, coalesce
from .log.given_out_again import Former, of_one_object_each
from .log.pages import read_page
from .log.under_numbers import UnderNumbers
from .log.window import Window
from .meeting.first_meeting import Meeting
from .plan.context import BatchResult, RunContext
from .plan.fence import Fence
from .report import SyncReport
from .rows.utc import times_in_utc
from .schema.common_columns import fields_with
from .schema.observed import rows_are_observed
from .schema.shape import model_of
from .state.checkpoint import received_fields
from .state.failures import concern_failures
from .state.lease import CheckpointMoved, Lease
from .state.left_out import TABLE, require_left_out
from .state.node import has_same_history_there
from .write.batch import Batch
from .write.ledger import Ledger
from .write.remote_transaction import RemoteTransaction

#: Log rows that such a window may have at the most: others wait for its transaction instead of being told who works.
_AT_MOST = 100


@dataclass(frozen=True)
class AtOnce:
    """Applies what needs no closer look.

    That is: changes that nobody observes (a receiver may take its time) and of which none fails, on a remote that is
    as the follower has left it.

    Attributes:
        context: where and how to write.
        fence: which models may be written.
        lease: tells whether another run is under way, and moves the checkpoint.
        meeting: knows what may be on the remote already.
        seconds: how long the transaction waits for a lock.
    """

    context: RunContext
    fence: Fence
    lease: Lease
    meeting: Meeting
    seconds: float

    # Long: each reason to leave it to a run with a lease is looked at before anything is written, in this order.
    def apply(self, checkpoint: Checkpoint, window: Window) -> SyncReport | None:
        """Apply a window.

        Args:
            checkpoint: the remote's, as it was known last.
            window: what is new since then, opened with the checkpoint's ``last_row``.

        Returns:
            The report; ``None``: nothing was done, it takes a run with a lease.
        """
        if window.rows > _AT_MOST or window.known_row != checkpoint.last_row or _waits_for_columns(checkpoint):
            return None
        context = self.context
        if not has_same_history_there(context.remote, context.node):
            return None
        page = read_page(local_alias(), window, window.after, _AT_MOST, without_origin=context.node)
        changes, formers = of_one_object_each(coalesce(page.changes), Absent(), context.kept_keys)
        if not self._may_be_applied(changes) or not self.lease.is_free_at(checkpoint.position):
            return None
        under_numbers = UnderNumbers(changes, context.kept_keys)
        if under_numbers.of_other_children():  # they take another transaction
            return None
        moves_on = self._begin(checkpoint, window, changes)
        try:
            with times_in_utc(local_alias(), context.remote):
                self.meeting.look_at(changes)
                result = None if self.meeting.doubts() else self._transaction(under_numbers.changes, formers, moves_on)
        except CheckpointMoved:
            return None
        except Exception as error:
            reraise_if_lost(error, context.remote)
            return None
        if result is None:
            return None
        context.decisions.clear()  # nothing will be tried again
        ledger = Ledger(context.remote)
        ledger.note(changes, result)
        ledger.tell_absent()
        ledger.tell_handed_on()
        return ledger.report

    def _begin(self, checkpoint: Checkpoint, window: Window, changes: Sequence[Change]) -> Callable[[], None]:
        """Note what a run notes before it writes; return what moves the checkpoint behind the window."""
        context, started = self.context, datetime.datetime.now(datetime.UTC)
        settle_gone(context.source, changes, context.kept_keys)
        context.begin_run()
        context.gaps.begin(checkpoint)
        context.gaps.note_sent(change.label for change in changes)
        context.knowledge.close_window(window)
        if context.knowledge.number is not None:
            context.later.begin(window.end)
            context.knowledge.begin_at_once(window.end)
        waits = partial(concern_failures, context.remote, context.source, changes)
        fields = received_fields(window, started, context.knowledge.number, context.knowledge.passed)
        return partial(self.lease.move_on, checkpoint.position, waits, **fields)

    def _transaction(
        self, changes: Sequence[Change], formers: Sequence[Former], moves_on: Callable[[], None]
    ) -> BatchResult:
        """Apply all of the changes, or raise what the first of them has failed with."""
        attempt = RemoteTransaction(self.context, self.seconds)
        with attempt.open():
            self.context.knowledge.look_there()  # what it knew before the checkpoint says that it has received this too
            moves_on()
            acquainted = self.meeting.require_acquaintance
            batch = Batch(self.context, changes, formers, whole=True, acquainted=acquainted)
            result = attempt.apply(batch, all_or_nothing=True)
            if result.other_children:
                raise BatchBroken("what was brought along is several children at once: they take another transaction")
            self.context.knowledge.hand_on()
            return result

    def _may_be_applied(self, changes: Sequence[Change]) -> bool:
        """Tell whether nobody observes the changes, and each may be written as it was logged."""
        models = {model_of(change.label) for change in changes}
        if any(model is not None and rows_are_observed(model) for model in models):
            return False
        if any(change.forged or change.label not in self.fence.listed for change in changes):
            return False
        labels = {change.label for change in changes}
        schema = self.fence.schema
        return not (schema.absent() or schema.there.lagging(labels) or any(schema.missing(labels)))


def _waits_for_columns(checkpoint: Checkpoint) -> bool:
    """Tell whether the remote may lack columns, tables, or what they hold; not of those that the models do not know."""
    left_out = require_left_out(checkpoint.left_out)
    return any(
        fields_with(label, columns) or (TABLE in columns and model_of(label) is not None)
        for label, columns in left_out.items()
    )
