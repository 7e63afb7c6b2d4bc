"""The loop: old failures first, then the window page by page, one remote transaction a batch."""

from __future__ import annotations

import datetime
import gc
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext

from ..capture import install
from ..capture.session import replaying_for
from ..capture.tables import captured_models, labels_of
from ..conf import LOCAL, chosen_remotes, get_settings
from ..exceptions import Refused, SynchroConfigurationError, SynchroError, TriggersNotReady
from ..models import Checkpoint
from ..reaching import clear_errors
from .absent import Absent
from .apply import Batch
from .changes import Change, FormerKey, coalesce, divided
from .checkpoint import load_checkpoint, progress_fields, received_fields
from .everything import every_object
from .failures import describe, forget_failures, load_failures, store_failure
from .identity import mark_as_former
from .lease import CheckpointMoved, Lease
from .local import without_a_row
from .node import node_id, require_original, require_same_history, require_tables
from .observed import rows_are_observed
from .own_changes import OwnChanges
from .report import FailedObject, SyncReport, Told
from .shape import gives_keys_again, model_of, root_of, shown_key
from .sight import require_sight
from .target import BatchBroken, BatchResult, Target, reraise_if_hopeless
from .window import Window, open_window, read_page

#: Log rows read at a time. They are grouped by object in the database.
PAGE_ROWS = 20_000

#: Objects that come to be, beyond those that go, before the garbage collector looks at them.
_COLLECTED_AFTER = 50_000

#: Log rows that a run without a lease may have at the most: it makes others wait instead of telling them who works.
_AT_ONCE = 100

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Choices:
    """What a caller chose for a run.

    Attributes:
        labels: only these models; ``None``: all, and the checkpoint moves.
        dry_run: write nothing.
        full: every object of the captured models, not only those that were logged.
        stop_at_failure: stop at the first object that cannot be applied.
        progress: called with log rows done and their total.
        interrupted: asked between two transactions: whether to end the run; the next one goes on from there.
    """

    labels: tuple[str, ...] | None = None
    dry_run: bool = False
    full: bool = False
    stop_at_failure: bool = False
    progress: Progress | None = None
    interrupted: Callable[[], bool] = lambda: False


def synchronize(
    remote: str | None = None,
    *,
    models: Iterable[str] | None = None,
    dry_run: bool = False,
    full: bool = False,
    on_error: str = "quarantine",
    progress: Progress | None = None,
) -> SyncReport:
    """See ``synchro_triggers.synchronize``, which this is."""
    if on_error not in {"quarantine", "stop"}:
        raise SynchroConfigurationError(f"on_error must be 'quarantine' or 'stop', not {on_error!r}.")
    remotes = required_remotes(remote)
    choices = Choices(None if models is None else labels_of(models), dry_run, full, on_error == "stop", progress)
    require_ready_triggers()
    started = time.monotonic()
    report = SyncReport(remotes=remotes, dry_run=dry_run)
    for alias in remotes:
        with clear_errors(LOCAL, alias):
            report.add(Run(alias, choices).perform())
    report.seconds = time.monotonic() - started
    return report


def required_remotes(remote: str | None) -> tuple[str, ...]:
    """Return the remotes to synchronise to.

    Raises:
        SynchroConfigurationError: there is none, or it is no alias.
    """
    remotes = chosen_remotes(remote)
    if not remotes:
        raise SynchroConfigurationError(
            "There is no remote to synchronise to: SYNCHRO_REMOTE is not set. Set it to an alias of DATABASES, "
            "or name one with --remote."
        )
    return remotes


def call_synchronize(**options: Any) -> str:
    """See ``synchro_triggers.call_synchronize``, which this is."""
    report = synchronize(**options)
    if report.failures:
        raise SynchroError(describe_failures(report))
    return message_of(report)


def message_of(report: SyncReport) -> str:
    """Return the translated message for a run."""
    if report.changed:
        return gettext("Synchronization performed successfully.")
    return gettext("No changes since last synchronization.")


def describe_failures(report: SyncReport, at_most: int = 5) -> str:
    """Return a line for each of the first failures, and how many more there are."""
    lines = [f"{failure.model} {failure.key}: {failure.error}" for failure in report.failures[:at_most]]
    if len(report.failures) > at_most:
        lines.append(f"... and {len(report.failures) - at_most} more")
    count = len(report.failures)
    head = "1 object could not be applied" if count == 1 else f"{count} objects could not be applied"
    between = " " if count == 1 else "\n  "
    return f"{head}; kept, tried again in the next run:{between}" + "\n  ".join(lines)


def require_ready_triggers() -> None:
    """Raise ``TriggersNotReady`` unless the triggers of LOCAL log everything that they should."""
    install.vendor_of(connections[LOCAL])
    with clear_errors(LOCAL):
        require_tables(LOCAL)
        require_original(LOCAL)
        require_sight(LOCAL)
        found = install.compare(LOCAL)
    install.require_tables(found, LOCAL)
    wrong = [line for line in found.describe() if not line.endswith("orphaned")]
    if wrong:
        raise TriggersNotReady(
            f"The triggers on {LOCAL!r} do not fit: {'; '.join(wrong)}. Changes may have been missed there. "
            f"Run `manage.py synchro_install_triggers --database {LOCAL}`."
        )


class _Interrupted(Exception):
    """The run ends between two transactions, because it was asked to."""


@dataclass
class _Stop(Exception):
    """The run ends here: ``--on-error stop``."""

    failures: list[FailedObject]


class Run:
    """Runs against one remote, one after the other."""

    def __init__(self, remote: str, choices: Choices) -> None:
        settings = get_settings()
        connections[remote].ensure_connection()
        require_tables(remote)
        require_sight(remote)
        self._choices = choices
        self._labels = choices.labels
        # The fence: whatever the log says, nothing else is written but as the target of one of these.
        self._listed = frozenset(model._meta.label for model in captured_models(settings.models))
        self._stop = choices.stop_at_failure
        self._progress = choices.progress
        self._size = settings.batch_size
        # What has failed may wait for one another: unique values to be swapped, cycles of foreign keys.
        self._together = max(settings.batch_size, 10_000)
        self._report = SyncReport()
        self._pending_failures: dict[tuple[str, str], tuple[Change, Exception]] = {}
        self._never_there: dict[tuple[str, str], Change] = {}
        self._absent = Absent()
        self._formers: list[tuple[type[Model], FormerKey]] = []
        self._target = Target(
            remote=remote,
            source=node_id(LOCAL),
            node=node_id(remote),
            policy=settings.conflict,
            kept_keys=settings.identity,
            logs=install.captures(remote),
            own_changes=OwnChanges(remote),
            batch_signals=settings.batch_signals,
            dry_run=choices.dry_run,
        )
        self._lease = Lease(remote, self._target.source)
        if self._target.source == self._target.node:
            raise Refused(
                f"{LOCAL!r} and {remote!r} are the same database, or one is a copy of the other: both carry the "
                f"identity {self._target.node}. Run `manage.py synchro_reset --new-identity` on the copy."
            )

    @property
    def source(self) -> str:
        """The node id of LOCAL."""
        return self._target.source

    @property
    def node(self) -> str:
        """The node id of the remote."""
        return self._target.node

    def perform(self) -> SyncReport:
        """Apply old failures, then the window, then what has failed on the way once more."""
        self._report = SyncReport()
        self._pending_failures = {}
        self._absent.close()
        if not self._target.dry_run:
            self._lease.acquire()
        try:
            with _heap_set_aside():
                self._apply_everything(timezone.now())
        except _Stop as stopped:
            self._report.fail(stopped.failures)
        except _Interrupted:
            pass  # the checkpoint says how far it came
        finally:
            if not self._target.dry_run:
                self._lease.release()
        self._report.fail(self._failed_objects())
        return self._report

    def perform_at_once(self, checkpoint: Checkpoint, window: Window) -> SyncReport | None:
        """Apply a small window in one transaction, which moves the checkpoint too: a run without a lease.

        It is for a follower, and for what needs no closer look: changes that nobody observes (a receiver may take
        its time) and of which none fails, on a remote that is as the follower has left it.

        Args:
            checkpoint: the remote's, as it was known last.
            window: what is new since then, opened with the checkpoint's ``last_row``.

        Returns:
            The report; ``None``: nothing was done, it takes ``perform()``.
        """
        if window.rows > _AT_ONCE or window.known_row != checkpoint.last_row:
            return None
        started = timezone.now()
        page = read_page(LOCAL, window, window.after, _AT_ONCE, without_origin=self.node)
        changes = self._divided(coalesce(page.changes))
        models = {model_of(change.label) for change in changes}
        if any(model is not None and rows_are_observed(model) for model in models):
            return None
        if any(change.label not in self._listed for change in changes):
            return None
        if not self._lease.is_free_at(checkpoint.position):
            return None
        self._report, self._pending_failures = SyncReport(), {}
        fields = received_fields(window, started)
        try:
            result = self._transaction(changes, lambda: self._lease.move_on(checkpoint.position, **fields), whole=True)
        except CheckpointMoved:
            return None
        except Exception as error:
            if not isinstance(error, BatchBroken):
                reraise_if_hopeless(error, self._target.remote)
            return None
        self._record(changes, result)
        self._tell_absent()
        return self._report

    def _apply_everything(self, started: datetime.datetime) -> None:
        checkpoint = load_checkpoint(self._target.remote, self._target.source)
        require_same_history(checkpoint, self._target.remote)
        labels = self._listed if self._labels is None else self._listed.intersection(self._labels)
        failures = load_failures(self._target.remote, self._target.source, sorted(labels))
        # What is gone now stays kept until the window that may say so has been applied: of what was never there, its
        # delete alone would look for a namesake.
        gone = frozenset(without_a_row(change for change in failures if not change.deleted))
        self._never_there = {
            (change.label, change.key): change for change in failures if change.created and change not in gone
        }
        self._absent.hold(gone)
        for batch in _batches([change for change in failures if change not in gone], self._together):
            self._apply(batch, None, 0)
        position, since = checkpoint.position, checkpoint.since
        if checkpoint.window_end:  # a run was cut off: its window comes first, then what has been logged since
            rest = self._open(position, since, end=checkpoint.window_end, after=checkpoint.window_after)
            self._apply_window(rest, started)
            position, since = rest.end, None
        self._apply_window(self._open(position, since), started, gone)
        self._tell_absent()
        if self._choices.full:
            for changes in every_object(self._labels, self._size):
                self._apply(changes, None, 0)
            self._retry_failures()
            self._absent.close()  # what has gone since its page was read is logged, for the next run

    def _tell_absent(self) -> None:
        """Name what LOCAL does not have although the log does not say that it was deleted."""
        for change in self._absent:
            reason = f"{LOCAL!r} does not have it, and did not log that it was deleted; left alone on the remote"
            self._report.remark(Told.VANISHED, change.label, change.key, reason)
        self._absent.close()

    def _divided(self, changes: Iterable[Change]) -> list[Change]:
        """Divide the changes of keys that were given out again; and add what was held back of their objects."""
        divided_: list[Change] = []
        self._formers = []
        for change in changes:
            change = self._absent.completed(change) or change
            model = model_of(change.label) if change.ended else None
            if model is not None and gives_keys_again(model, self._target.kept_keys):
                former, later = divided(change)
                divided_ += (former, later)
                self._formers.append((root_of(model), FormerKey(former.key)))
            else:
                divided_.append(change)
        return sorted(divided_, key=lambda change: (change.first, change.label, change.key))

    def _open(self, start: str, since: datetime.datetime | None, *, end: str = "", after: int = 0) -> Window:
        return open_window(LOCAL, start, end=end, after=after, since=since, without_origin=self._target.node)

    def _apply_window(self, window: Window, started: datetime.datetime, settled: Iterable[Change] = ()) -> None:
        """Apply a window page by page, then move the checkpoint behind it.

        Args:
            window: the window.
            started: when the run started.
            settled: kept failures of which nothing is left to do, where the window does not speak of them.
        """
        after, done = window.after, 0
        with _seen_objects(window.rows > PAGE_ROWS) as is_new:
            while window.last > after:
                page = read_page(LOCAL, window, after, PAGE_ROWS, without_origin=self._target.node, labels=self._labels)
                if not page.rows:
                    break
                changes = self._divided(
                    change
                    for change in coalesce(page.changes)
                    if (is_new(change) or self._absent.has(change)) and self._may_write(change)
                )
                for change in changes if self._never_there else ():
                    change.created |= (change.label, change.key) in self._never_there
                for batch in _batches(changes, self._size):
                    self._apply(batch, window, batch[-1].first)
                after, done = page.last, done + page.rows
                if self._progress is not None:
                    self._progress(done, window.rows)
        if self._progress is not None and 0 < done < window.rows:  # of one model, or what came from the remote
            self._progress(window.rows, window.rows)
        self._retry_failures()
        if self._labels is None and not self._target.dry_run:
            with transaction.atomic(using=self._target.remote):
                self._lease.renew(**received_fields(window, started))
                vanished = [change for change in settled if self._absent.has(change)]
                forget_failures(self._target.remote, self._target.source, vanished)

    def _may_write(self, change: Change) -> bool:
        """Tell whether a change is of a listed model, and remark one that is not: of an unlisted one, or forged."""
        if change.label in self._listed:
            return True
        self._report.remark(Told.SKIPPED, change.label, change.key, "it is not in SYNCHRO_MODELS")
        return False

    def _retry_failures(self) -> None:
        """Try what has failed in this run once more: what it waited for may have come after it."""
        if self._pending_failures and not self._target.dry_run:
            retried = coalesce(change for change, _ in self._pending_failures.values())
            for batch in _batches(retried, self._together):
                self._apply(batch, None, 0)

    # Batches --------------------------------------------------------------------------------------

    def _apply(self, changes: Sequence[Change], window: Window | None, after: int) -> None:
        """Apply a batch as a whole, or, where that cannot be, change by change."""
        if self._choices.interrupted():
            raise _Interrupted
        try:
            result = self._transaction(changes, lambda: self._renew(window, after))
        except _Stop:
            raise
        except Exception as error:
            if not isinstance(error, BatchBroken):
                reraise_if_hopeless(error, self._target.remote)
            for change in changes:
                self._apply_alone(change, window)
            return
        self._record(changes, result)

    def _apply_alone(self, change: Change, window: Window | None) -> None:
        try:
            result = self._transaction([change], lambda: self._renew(window, change.first))
        except _Stop:
            raise
        except BatchBroken as error:
            result = self._keep_failure(change, SynchroError(str(error)))
        except Exception as error:
            reraise_if_hopeless(error, self._target.remote)
            result = self._keep_failure(change, error)
        self._record([change], result)

    def _keep_failure(self, change: Change, error: Exception) -> BatchResult:
        result = BatchResult()
        result.failed[change] = error
        if not self._target.dry_run:
            with transaction.atomic(using=self._target.remote):
                mark_as_former(self._target.remote, self._target.source, change)
                store_failure(self._target.remote, self._target.source, change, error)
        if self._stop:
            raise _Stop([_failed_object(change, error)])
        return result

    def _renew(self, window: Window | None, after: int) -> None:
        if not self._target.dry_run:
            moves_on = window is not None and self._labels is None
            self._lease.renew(**(progress_fields(window, after) if moves_on and window else {}))

    def _transaction(self, changes: Sequence[Change], first: Callable[[], None], *, whole: bool = False) -> BatchResult:
        """Apply a batch in one transaction, with references, failures and progress.

        Args:
            changes: what to apply.
            first: locks the checkpoint's row, and writes the progress into it.
            whole: raise the first failure instead of keeping it.
        """
        remote, source = self._target.remote, self._target.source
        with replaying_for(remote, source):
            first()
            result = Batch(self._target, changes, formers=self._formers, whole=whole).apply()
            if result.failed and (self._stop or whole):
                raise _first_of(result.failed)  # rolls back: what came before it is applied one by one
            if whole:  # nothing was kept before it
                return result
            # Of an object that was logged under several labels, a merged change is what has failed.
            failed = {(change.label, change.key) for change in result.failed}
            forget_failures(remote, source, [each for each in changes if (each.label, each.key) not in failed])
            for change, error in result.failed.items():
                store_failure(remote, source, change, error)
            if self._target.dry_run:
                transaction.set_rollback(True, using=remote)
        return result

    def _record(self, changes: Sequence[Change], result: BatchResult) -> None:
        self._report.add(result.report)
        self._absent.hold(result.vanished)
        for change in changes if self._pending_failures else ():
            self._pending_failures.pop((change.label, change.key), None)
        for change, error in result.failed.items():
            self._pending_failures[change.label, change.key] = (change, error)

    def _failed_objects(self) -> list[FailedObject]:
        return [_failed_object(change, error) for change, error in self._pending_failures.values()]


def _first_of(failed: dict[Change, Exception]) -> Exception:
    return failed[min(failed, key=lambda change: change.first)]


def _failed_object(change: Change, error: Exception) -> FailedObject:
    return FailedObject(change.label, shown_key(change.label, change.key), describe(error))


def _batches(changes: Sequence[Change], size: int) -> Iterator[Sequence[Change]]:
    for start in range(0, len(changes), size):
        yield changes[start : start + size]


@contextmanager
def _heap_set_aside() -> Iterator[None]:
    """Keep the collector of cyclic garbage from walking, time and again, through all that is there.

    A run makes and drops millions of objects, nearly none of them cyclic. Each full collection looks at the whole
    program, which took a fifth of a run's time; those of the run's own objects took a tenth.
    """
    if gc.get_freeze_count():  # somebody else has done it, and will want it to stay so
        yield
        return
    first, *others = gc.get_threshold()
    gc.freeze()
    if first:
        gc.set_threshold(max(first, _COLLECTED_AFTER), *others)
    try:
        yield
    finally:
        gc.set_threshold(first, *others)
        gc.unfreeze()


@contextmanager
def _seen_objects(spans_pages: bool) -> Iterator[Callable[[Change], bool]]:
    """Yield a predicate that is true for each object once in a run.

    A run's pages are read one by one, and an object may be logged in many of them. What was seen is kept in
    a private SQLite file, which spills to disk: the memory does not grow with the number of objects.
    """
    if not spans_pages:
        yield lambda change: True
        return
    with closing(sqlite3.connect("", isolation_level=None)) as seen:
        seen.execute("PRAGMA journal_mode = OFF")
        seen.execute("CREATE TABLE object (label, key, PRIMARY KEY (label, key)) WITHOUT ROWID")
        seen.execute("BEGIN")

        def is_new(change: Change) -> bool:
            cursor = seen.execute("INSERT OR IGNORE INTO object VALUES (?, ?)", (change.label, change.key))
            return cursor.rowcount == 1

        yield is_new
