"""Changes on their way to the remote: a batch in each transaction; what spoils a batch is found by halving it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from django.db import IntegrityError

from ...conf import local_alias
from ...exceptions import SynchroError
from ...faults.judge import ChangedMeanwhile, is_contended
from ...vendors.vendor import writing_on
from ..choices import Choices
from ..identity.storing import mark_as_former
from ..log.absent import without_a_row
from ..log.changes import Change, coalesce
from ..log.given_out_again import Former
from ..log.under_numbers import UnderNumbers
from ..plan.context import BatchResult, RunContext
from ..plan.refused import Transactions, groups, halves, transactions_of
from ..state.failures import describe, forget_failures, store_failure
from ..state.late import Reaching
from ..state.lease import Lease
from ..state.other_rows import left_behind
from ..tasks import ObjectTask
from .batch import Batch
from .by_columns import ByColumns
from .clock import Clock, Pace, pauses
from .late_checks import check_at_once, checks_late
from .ledger import Ledger
from .remote_transaction import RemoteTransaction

#: Changes that are tried together at the least where they may wait for one another: unique values that are swapped,
#: cycles of foreign keys.
_TOGETHER = 10_000

#: Objects in a row that somebody else may have locked before a run ends.
_LOCKED_AT_MOST = 10

#: How often a batch is begun anew at once that another run has changed something of meanwhile.
_AGAIN_AT_ONCE = 20

#: Seconds between two looks, while a run pauses, whether it shall end.
_LOOKS_UP = 0.1


class Interrupted(Exception):
    """The run ends between two transactions, because it was asked to."""


class StoppedAtFailure(Exception):
    """The run ends here: ``--on-error stop``."""


class _InVain(NamedTuple):
    """A transaction that was rolled back: why, and whether the remote had refused it at the commit."""

    error: Exception
    at_commit: bool


@dataclass
class BatchByBatch:
    """Applies the changes of one run.

    Attributes:
        context: where and how to write.
        choices: whether to stop at a failure, or in between.
        lease: is renewed in each transaction.
        pace: how many objects a transaction takes.
        ledger: where it is noted what has become of the changes.
        acquainted: refuses to create what may be on the remote already.
        formers: objects whose keys others have now, of the page that was read last.
    """

    context: RunContext
    choices: Choices
    lease: Lease
    pace: Pace
    ledger: Ledger
    acquainted: Callable[[Iterable[ObjectTask]], None]
    formers: Sequence[Former] = ()
    _unwritten: Reaching | None = field(default=None, init=False)

    @property
    def together(self) -> int:
        """How many changes are tried together where they may wait for one another."""
        return max(self.pace.most, _TOGETHER)

    def apply(self, changes: Sequence[Change], progress: Reaching | None = None, *, together: bool = False) -> None:
        """Apply changes, a transaction after the other; what there was no time for in one goes into the next.

        Args:
            changes: in the order of their first log rows.
            progress: how far the run has come in the window that they are of; ``None``: they do not move it on.
            together: they may wait for one another, and get nowhere in small parts.

        Raises:
            Interrupted: the run shall end. What was committed stays.
            StoppedAtFailure: one of them has failed, and the run shall end then.
            SynchroError: a database is lost, another run has taken over, or too much is locked.
        """
        self.context.gaps.note_sent(change.label for change in changes)
        left: list[Change] = []
        start, least = 0, 1
        while left or start < len(changes):
            size = self.together if together else max(self.pace.size, least)
            batch, left = left[:size], left[size:]
            more = size - len(batch)
            batch, start = [*batch, *changes[start : start + more]], start + more
            result = self._apply_batch(batch, progress)
            # Of a tree that is deleted, a smaller part may be the top: each of its objects would walk through the rest.
            left, least = [*result.left, *left], len(result.left) if result.hanging else 1

    def end_page(self, row: int, progress: Reaching | None) -> None:
        """Note that a page of log rows is done with, whether or not anything was applied; end the run if it shall.

        Args:
            row: the last one of the page: all before it was applied, or kept as a failure, or is not for this run.
            progress: as for ``apply()``. Without it the next run begins anew, so this one goes on, unless it is dry.

        Raises:
            Interrupted: the run shall end; the next one goes on behind the page.
        """
        if progress is not None:
            progress.reached = max(progress.reached, row)
            self._unwritten = progress
        if (progress is not None or self.context.dry_run) and self.choices.interrupted():
            self._end_here()

    def _end_here(self) -> NoReturn:
        """End the run, and say first how far it has come without a transaction."""
        if self._unwritten is not None:
            with writing_on(self.context.remote):
                self._renew(self._unwritten, self._unwritten.reached)
        raise Interrupted

    def retry(self) -> None:
        """Try what has failed in this run once more: what it waited for may have come after it."""
        failed = self.ledger.failed
        if failed and not self.context.dry_run:
            rest = left_behind(without_a_row(change for change in failed if change.other_rows and not change.deleted))
            self.apply(coalesce([*failed, *rest]), together=True)
            self.retry_refused()

    def retry_refused(self) -> None:
        """Try together what the remote has refused at the commit, and what may be right together."""
        refused = sorted(self.ledger.refused, key=lambda change: (change.first, change.label, change.key))
        for group in groups(refused):
            some = [change for change in group if self.ledger.has_failed(change)]
            result = self._apply_whole(some, None) if len(some) > 1 else None
            if result is not None and result.left:
                self.apply(result.left)

    # Smaller and smaller parts ---------------------------------------------------------------------

    def _apply_batch(self, changes: Sequence[Change], progress: Reaching | None) -> BatchResult:
        """Apply a batch as a whole, or, where that cannot be, in parts; return what was done of the whole."""
        if self.choices.interrupted():
            self._end_here()
        started = time.monotonic()
        result = self._apply_whole(changes, progress, pauses())
        if result is None:
            self._apply_in_halves(changes, progress, transactions_of(changes))
            return BatchResult()
        self.pace.note(len(changes) - len(result.left), time.monotonic() - started)
        return result

    def _apply_in_halves(
        self, changes: Sequence[Change], progress: Reaching | None, transactions: Transactions
    ) -> None:
        """Apply what cannot be applied as a whole: each half as a whole, or in halves again."""
        if len(changes) == 1:
            self._apply_alone(changes[0], progress)
            return
        for half in halves(changes, transactions):
            left: Sequence[Change] = half
            while left:
                result = self._apply_whole(left, progress) if len(left) > 1 else None
                if result is None:
                    self._apply_in_halves(left, progress, transactions)
                    break
                left = result.left

    def _apply_whole(
        self, changes: Sequence[Change], progress: Reaching | None, again_after: Iterable[float] = ()
    ) -> BatchResult | None:
        """Apply changes in one transaction, and note what has become of them; return ``None`` where that cannot be."""
        result = self._attempt(changes, progress, again_after)
        if isinstance(result, _InVain):
            return None
        self.pace.locked = 0
        self._note(changes, result)
        return result

    def _apply_alone(self, change: Change, progress: Reaching | None) -> None:
        """Apply one change, or keep it as a failure."""
        result = self._attempt([change], progress)
        locked = False
        if isinstance(result, _InVain) and result.at_commit and isinstance(result.error, IntegrityError):
            self.ledger.note_refusal(change)
            if checks_late(change, self.context.remote):  # a clash, of which somebody shall hear
                result = self._attempt([change], progress, at_once=True)
        if isinstance(result, _InVain):
            locked = is_contended(result.error)
            if result.at_commit:
                self.ledger.note_refusal(change)
            result = self._keep(change, self._locked(result.error) if locked else result.error)
        self.pace.locked = self.pace.locked + 1 if locked else 0
        self._note([change], result)
        if result.failed and self.choices.stop_at_failure:
            raise StoppedAtFailure
        for other in result.left:
            self._apply_alone(other, progress)

    def _locked(self, error: Exception) -> SynchroError:
        """Return what is said of an object that somebody else has locked.

        Raises:
            SynchroError: so are many others: there is no use in going on.
        """
        text = f"locked by somebody else's transaction for too long: {describe(error)}"
        in_a_row = self.pace.locked + 1
        if in_a_row >= _LOCKED_AT_MOST:
            raise SynchroError(
                f"{in_a_row} objects in a row are {text}. The run has ended; what was committed stays. Look "
                f"for transactions that stay open on {self.context.remote!r} (or {local_alias()!r}), and run it again."
            ) from error
        return SynchroError(text)

    def _keep(self, change: Change, error: Exception) -> BatchResult:
        remote, source = self.context.remote, self.context.source
        if not self.context.dry_run:
            with writing_on(remote):
                mark_as_former(remote, source, change)
                refused, again = self.ledger.was_refused(change), self.ledger.has_failed(change)
                store_failure(remote, source, change, error, again=again, with_others=refused)
        return BatchResult(failed={change: error})

    def _note(self, changes: Sequence[Change], result: BatchResult) -> None:
        if not (self.ledger.any_failed or result.failed or result.left):
            self.context.decisions.clear()  # nothing will be tried again
        self.context.told_links.update(result.told_links)
        self.context.left_there.update(result.left_there)
        self.ledger.note(changes, result)

    # One transaction -------------------------------------------------------------------------------

    def _attempt(
        self,
        changes: Sequence[Change],
        progress: Reaching | None,
        again_after: Iterable[float] = (),
        *,
        at_once: bool = False,
    ) -> BatchResult | _InVain:
        """Apply changes in one transaction.

        Args:
            progress: as for ``apply()``.
            again_after: seconds to wait before each further try, where somebody else's locks are in the way.
            at_once: unique values that are checked at the commit are checked at each statement.
        """
        pauses_left, at_once_left = [*again_after], _AGAIN_AT_ONCE
        while True:
            attempt = RemoteTransaction(self.context, self.pace.seconds)
            try:
                with attempt.open():
                    for change in changes if at_once else ():
                        check_at_once(change, self.context.remote)
                    result, reached = self._apply_now(attempt, changes, progress)
            except ChangedMeanwhile as error:
                at_once_left -= 1
                if at_once_left < 0:
                    return _InVain(error, attempt.at_commit)
                continue
            except Exception as error:
                if not pauses_left or not attempt.is_worth_another(error):
                    attempt.reraise_if_hopeless(error)
                    return _InVain(error, attempt.at_commit)
                self._pause(pauses_left.pop(0))
                continue
            if progress is not None:
                progress.reached, self._unwritten = max(progress.reached, reached), None
            return result

    def _pause(self, seconds: float) -> None:
        """Wait, unless the run shall end."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self.choices.interrupted():
                self._end_here()
            time.sleep(min(left, _LOOKS_UP))

    def _apply_now(
        self, attempt: RemoteTransaction, changes: Sequence[Change], progress: Reaching | None
    ) -> tuple[BatchResult, int]:
        """Apply changes in a transaction that is open, with references, failures and progress.

        Returns:
            What was done, and the log row up to which all has been dealt with.
        """
        context = self.context
        bounded = len(changes) > 1 and not context.dry_run
        clock = Clock(self.pace.seconds if bounded else None, self.choices.interrupted)
        self._renew(progress, changes[-1].first)
        if any(change.created for change in changes):
            context.redirects.look()
        under_numbers = UnderNumbers(changes, context.kept_keys)
        by_columns = ByColumns(context)
        left = by_columns.apply(under_numbers.changes, self.formers)
        batch = Batch(context, left, self.formers, clock=clock, acquainted=self.acquainted) if left else None
        # Where the run stops at a failure, what came before it is applied one by one.
        result = attempt.apply(batch, all_or_nothing=self.choices.stop_at_failure)
        result.report.add(by_columns.report)
        # Of an object that was logged under several labels, a merged change is what has failed.
        not_done = {(change.label, change.key) for change in (*result.failed, *result.left)}
        done = [change for change in under_numbers.changes if (change.label, change.key) not in not_done]
        forget_failures(context.remote, context.source, done)
        for change, error in result.failed.items():
            store_failure(context.remote, context.source, change, error, again=self.ledger.has_failed(change))
        reached = self._put_off(changes, result.left, progress)
        other = under_numbers.of_other_children(done) + result.other_children
        result.left += other
        self._keep_for_later(other, "its row of another child comes first")
        return result, reached

    def _keep_for_later(self, changes: Iterable[Change], why: str) -> None:
        """Keep changes like failures until their turn has come, in the next transaction or in the next run."""
        not_yet = SynchroError(f"not applied yet: {why}, and the run has ended since")
        for change in changes if not self.context.dry_run else ():
            store_failure(self.context.remote, self.context.source, change, not_yet, again=True)

    def _put_off(self, changes: Sequence[Change], left: Sequence[Change], progress: Reaching | None) -> int:
        """Write down, at the end of a transaction, up to which log row of the window all has been dealt with.

        What is left in between is kept like a failure until its turn has come, in the next transaction or in the next
        run: nothing is applied twice, also when the run is killed.
        """
        if progress is None:
            return 0
        waiting = set(left)
        reached = max((change.first for change in changes if change not in waiting), default=progress.reached)
        if left:
            self._renew(progress, reached)
        behind = [change for change in left if change.first <= max(reached, progress.reached)]
        never_were = [change for change in behind if change.created and change.deleted and change.certain]
        kept = [change for change in behind if change not in never_were]
        self._keep_for_later(kept, "the transaction's time was over")
        return reached

    def _renew(self, progress: Reaching | None, row: int) -> None:
        """Renew the lease, and say in the checkpoint that the run has come to a log row."""
        if not self.context.dry_run:
            self.lease.renew(**({} if progress is None else progress.fields(row)))
