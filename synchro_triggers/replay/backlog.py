"""The loop: what was kept first, then what is new, page by page, one remote transaction a batch."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from django.db import transaction

from ..conf import LOCAL, get_settings, local_alias
from ..models import Failure
from .choices import Choices
from .identity.names import settle_gone
from .kept import KeptObjects
from .log.changes import Change, coalesce
from .log.everything import every_object, objects_of
from .log.given_out_again import of_one_object_each
from .log.pages import Page, read_page
from .log.seen import seen_objects
from .log.window import Window
from .plan.context import RunContext
from .plan.fence import Fence
from .rows.own_rows import has_rows
from .state.checkpoint import Progress, received_fields
from .state.failures import forget_failures
from .state.late import Reaching
from .state.lease import Lease
from .tables import Late, Tables
from .write.batch_by_batch import BatchByBatch, Interrupted, StoppedAtFailure
from .write.ledger import Ledger

#: Log rows read at a time. They are grouped by object in the database.
PAGE_ROWS = 20_000


@dataclass(frozen=True)
class Backlog:
    """All that waits for a remote, as one run works it off.

    Attributes:
        context: where and how to write.
        choices: what the run is about.
        fence: which models may be written.
        lease: writes into the checkpoint what was received.
        batches: applies changes.
        tables: which models are left out, as one side lacks their tables.
        kept: what earlier runs have kept.
        ledger: what the run has come to so far.
    """

    context: RunContext
    choices: Choices
    fence: Fence
    lease: Lease
    batches: BatchByBatch
    tables: Tables
    kept: KeptObjects
    ledger: Ledger

    def apply(self, windows: Sequence[Window], started: datetime.datetime) -> None:
        """Apply old failures, then the windows, then what has failed on the way once more.

        Args:
            windows: at least one, the oldest first.
            started: when the run started.

        Raises:
            Interrupted, StoppedAtFailure, SynchroError: as ``BatchByBatch.apply()``.
        """
        gone = self.kept.apply_first(windows)
        for window in windows[:-1]:
            self._apply_window(window, started)
        self._apply_window(windows[-1], started, gone, last=True)
        self.kept.apply_waiting(idle=not any(window.rows for window in windows))
        self.ledger.tell_absent()
        if self.choices.full:
            self._apply_every_object(self.choices.labels)
            self.batches.retry()
            # What has gone since its page was read is not told of: it is logged, for the next run.
        self.ledger.tell_handed_on()
        self._note_what_is_whole()

    def _note_what_is_whole(self) -> None:
        """Note, at the end of a run of some models or of every object, what the remote has and knows now."""
        knowledge, labels, full = self.context.knowledge, self.choices.labels, self.choices.full
        if self.choices.dry_run or (labels is None and not full):
            return
        if labels is not None:
            labels = tuple(label for label in labels if label not in self.fence.absent)
        with transaction.atomic(using=self.context.remote):
            whole = knowledge.fill(labels, self.fence.absent) if full and not self.ledger.any_failed else {}
            self.lease.renew(**whole)
            if labels is None:
                knowledge.hand_on()
            else:
                knowledge.hand_on_models(labels)

    def _apply_window(
        self, window: Window, started: datetime.datetime, settled: Iterable[Change] = (), *, last: bool = False
    ) -> None:
        """Apply a window page by page, then move the checkpoint behind it.

        Args:
            window: the window.
            started: when the run started.
            settled: kept failures of which nothing is left to do, where the window does not speak of them.
            last: no other window follows.
        """
        knowledge = self.context.knowledge
        if last:
            knowledge.begin_window(window.end)
        progress = Progress(window, knowledge.came_with.number) if self.choices.moves_on else None
        self._apply_pages(window, self.choices.labels, progress)
        self.batches.retry()
        if self.choices.moves_on:
            numbers = {"number": knowledge.number, "passed": knowledge.passed} if last else {}
            fields = received_fields(window, started, **numbers)
            with self._last_transaction(fields) if last else self._transaction(fields):
                if last:
                    knowledge.hand_on()
                vanished = [change for change in settled if self.ledger.absent.has(change)]
                forget_failures(self.context.remote, self.context.source, vanished)

    @contextmanager
    def _transaction(self, fields: dict[str, object]) -> Iterator[None]:
        with transaction.atomic(using=self.context.remote):
            self.lease.renew(**fields)
            yield

    def _last_transaction(self, fields: dict[str, object]) -> AbstractContextManager[None]:
        """Return a transaction that gives the lease back, if the run writes nothing behind its last window."""
        fetches = local_alias() != LOCAL  # what was passed is noted at the end
        rest = self.kept.due.kept or self.ledger.any_failed or self.tables.waits_for_anything
        if fetches or rest or self.choices.full:
            return self._transaction(fields)
        # Nothing kept is left to forget, so that it may be one statement.
        return self.lease.last_transaction(alone=self.context.knowledge.has_nothing_to_hand_on, **fields)

    def apply_late(self, label: str, late: Late) -> dict[str, object]:
        """Apply what was left out of a model while one side had no table of it.

        Args:
            label: the model's.
            late: what that is.

        Returns:
            What says in the checkpoint that the remote lacks nothing of it any more.
        """
        is_rest = late.progress.has_begun
        if late.window is not None and late.progress.reached.key is None:
            self._apply_pages(late.window, [label], late.progress.of_log())
        if late.all_objects:
            self._apply_objects_of(label, late)
        self.batches.retry()
        if late.all_objects:
            failed = self.ledger.any_failed or (is_rest and self._keeps(label))
            return {} if failed else self.context.knowledge.fill([label])
        self.context.gaps.forget_labels([label])
        return {}

    def _keeps(self, label: str) -> bool:
        return has_rows(Failure, self.context.remote, source=self.context.source, model_label=label)

    def _apply_objects_of(self, label: str, late: Late) -> None:
        after = late.progress.reached
        pages = objects_of(label, get_settings().batch_size, after.key, as_written=after.as_written)
        for changes, as_written in pages:
            progress = late.progress.of_objects([change.key for change in changes], as_written=as_written)
            self.kept.keep_apart(changes)
            self.batches.apply(changes, progress)

    def _apply_every_object(self, labels: Sequence[str] | None) -> None:
        for changes in every_object(labels, get_settings().batch_size):
            self.kept.keep_apart(changes)
            self.batches.apply(changes)

    def _apply_pages(self, window: Window, labels: Sequence[str] | None, progress: Reaching | None) -> None:
        tell = self.choices.progress or (lambda done, of: None)
        after, done = window.after, 0
        with seen_objects(window.rows > PAGE_ROWS) as is_new:
            while window.last > after:
                page = self._read_page(window, after, labels)
                if not page.rows:
                    break
                to_say = [
                    change for change in coalesce(page.changes) if self._has_more_to_say(change, is_new=is_new(change))
                ]
                to_apply = [change for change in to_say if self._may_be_applied(change)]
                kept_out = [change for change in to_say if not self.fence.lets_through(change)]
                changes, self.batches.formers = of_one_object_each(to_apply, self.ledger.absent, self.context.kept_keys)
                if not self.context.dry_run:
                    settle_gone(self.context.source, changes, self.context.kept_keys)
                self.kept.prepare(changes)
                with self._telling(kept_out, progress):
                    self.batches.apply(changes, progress)
                after, done = page.last, done + page.rows
                tell(done, window.rows)
                if window.last > after:
                    self.batches.end_page(after, progress)
        if 0 < done < window.rows:  # of one model, or what came from the remote
            tell(window.rows, window.rows)

    def _read_page(self, window: Window, after: int, labels: Sequence[str] | None) -> Page:
        is_first = labels is None and after == window.after and window.rows <= PAGE_ROWS
        if is_first and (page := self.context.first_pages.whole(window)) is not None:
            return page
        node = self.context.node
        return read_page(local_alias(), window, after, PAGE_ROWS, without_origin=node, labels=labels)

    def _may_be_applied(self, change: Change) -> bool:
        if change.label not in self.fence.listed or change.label in self.fence.absent:
            self.tables.note_dropped(change.label)
            self.context.gaps.note_dropped(change.label)
        return self.fence.lets_through(change)

    @contextmanager
    def _telling(self, kept_out: Sequence[Change], progress: Reaching | None) -> Iterator[None]:
        """Tell what of a page is not let through; where the run ends in the page, not what the next one comes to."""
        try:
            yield
        except (Interrupted, StoppedAtFailure):
            if progress is not None:
                kept_out = [change for change in kept_out if change.last <= progress.reached]
            self.fence.tell_kept_out(kept_out, self.ledger.report)
            raise
        self.fence.tell_kept_out(kept_out, self.ledger.report)

    def _has_more_to_say(self, change: Change, *, is_new: bool) -> bool:
        """Tell whether there is something to do for an object, which an earlier page may have spoken of.

        It was written as it is now, unless a later page says that it is gone, or is another one under its key.
        """
        return is_new or change.deleted or change.ended > 0 or self.ledger.absent.has(change)
