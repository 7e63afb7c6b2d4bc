"""The loop: old failures first, then the window page by page, one remote transaction a batch."""

from __future__ import annotations

import datetime
import math
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from django.db import Error, connections, transaction
from django.db.models import Model
from django.utils.translation import gettext

from ..capture import install
from ..capture.own_tables import Schema, require_own_tables
from ..capture.session import replaying_for
from ..capture.tables import captured_models, labels_of
from ..capture.trigger import Trigger
from ..conf import LOCAL, chosen_remotes, get_settings
from ..exceptions import SynchroConfigurationError, SynchroError, TriggersNotReady, worst_of
from ..faults.judge import is_contended
from ..key_texts import printable_key, stored_key
from ..models import Checkpoint
from ..moment import as_utc
from ..reaching import clear_errors
from ..unnamed import unnamed_on
from .absent import Absent
from .apply import Batch
from .changes import Change, FormerKey, coalesce, divided
from .checkpoint import load_checkpoint, note_place, progress_fields, received_fields
from .clock import Clock
from .contention import RowLocks, pauses, short_waits_on_local, wait_shortly
from .everything import every_object
from .exits import apart_from_a_run, exits_as_errors
from .failures import (
    Kept,
    concern_failures,
    describe,
    forget_failures,
    ids_of_arrived,
    ids_of_due,
    ids_with_others,
    kept_by_label,
    load_failures,
    never_there,
    store_failure,
)
from .given_again import note_given_again
from .identity import mark_as_former
from .lease import CheckpointMoved, Lease
from .links_of_numbers import with_links_of_numbers
from .local import without_a_row
from .meeting import Meeting
from .mysql import short_waits
from .node import (
    is_elsewhere,
    met_another,
    note_met,
    require_no_transaction,
    require_original,
    require_same_history,
    require_two_databases,
    require_two_nodes,
)
from .observed import rows_are_observed
from .older_rows import describe_older_rows
from .other_rows import left_behind, left_behind_by_failed
from .other_spellings import OtherSpellings
from .own_changes import OwnChanges
from .redirects import Redirects
from .refused import Transactions, groups, halves, transactions_of
from .report import FailedObject, SyncReport, Told
from .savepoints import require_unbroken
from .shape import gives_keys_again, model_of, root_of, shown_key
from .sight import require_sight
from .target import BatchResult, Target, commits_noticed, reraise_if_lost
from .utc import times_in_utc
from .window import Window, open_window, read_page

#: Log rows read at a time. They are grouped by object in the database.
PAGE_ROWS = 20_000

#: Log rows that a run without a lease may have at the most: it makes others wait instead of telling them who works.
_AT_ONCE = 100

#: Kept failures that are tried before anything else; where there are more, they come after what is new.
_FEW_FAILURES = 20

#: Kept failures whose ids are read at a time.
_DUE_AT_A_TIME = 1_000

#: Kept failures that are tried at first, and the share of a run's time that may be lost on them, or, where it has
#: nothing else to do, seconds.
_FIRST_KEPT, _SHARE, _IDLE_SECONDS = 1, 0.5, 1.0

#: Objects in a row that somebody else may have locked before a run ends.
_LOCKED_AT_MOST = 10

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
        retry: try all that is kept, whatever its pause, and however long it takes.
        interrupted: asked between two transactions: whether to end the run; the next one goes on from there.
    """

    labels: tuple[str, ...] | None = None
    dry_run: bool = False
    full: bool = False
    stop_at_failure: bool = False
    progress: Progress | None = None
    retry: bool = False
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
    with apart_from_a_run():
        return _synchronize(remotes, choices)


def retry_failures(remote: str | None = None) -> SyncReport:
    """Synchronise, and try all that is kept, whatever its pause."""
    return _synchronize(required_remotes(remote), Choices(retry=True))


def _synchronize(remotes: tuple[str, ...], choices: Choices) -> SyncReport:
    dry_run = choices.dry_run
    new_partitions = require_ready_triggers(remotes, dry_run=dry_run)
    started = time.monotonic()
    report = SyncReport(remotes=remotes, dry_run=dry_run)
    if new_partitions:
        report.warn(describe_partitions(new_partitions, dry_run=dry_run))
    problems: list[SynchroError] = []
    for alias in remotes:
        try:
            with clear_errors(LOCAL, alias):
                report.add(Run(alias, choices).perform())
        except SynchroError as error:  # the others are not to wait for it
            problems.append(error)
    report.seconds = time.monotonic() - started
    if problems:
        worst = worst_of(problems)
        if len(problems) < len(remotes):
            worst.report = report
        raise worst
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


def message_of_success(report: SyncReport) -> str:
    """Return the translated message for a run.

    Raises:
        SynchroError: objects could not be applied; the message names them.
    """
    if report.failures or report.waiting:
        raise SynchroError(describe_failures(report))
    return message_of(report)


def message_of(report: SyncReport) -> str:
    """Return the translated message for a run."""
    if report.changed:
        return gettext("Synchronization performed successfully.")
    return gettext("No changes since last synchronization.")


def describe_failures(report: SyncReport, at_most: int = 5) -> str:
    """Return a line for each of the first failures, and how many more there are."""
    if not report.failures:
        return _describe_waiting(report)
    lines = [f"{report.name_of(failure)}: {failure.error}" for failure in report.failures[:at_most]]
    if len(report.failures) > at_most:
        lines.append(f"... and {len(report.failures) - at_most} more")
    count = len(report.failures)
    head = "1 object could not be applied" if count == 1 else f"{count} objects could not be applied"
    between = " " if count == 1 else "\n  "
    if report.waiting:
        between, lines = "\n  ", [*lines, _describe_waiting(report)]
    return f"{head}; kept, tried again in the next run:{between}" + "\n  ".join(lines)


def _describe_waiting(report: SyncReport) -> str:
    kept = "1 object" if report.waiting == 1 else f"{report.waiting:,} objects"
    until = f"{report.next_attempt:%Y-%m-%d %H:%M:%S} UTC" if report.next_attempt else "by the next run"
    return (
        f"{kept} that could not be applied before: not tried now, the next attempt is due {until} "
        "(`manage.py synchro_failures --retry`: at once)"
    )


def require_ready_triggers(remotes: Iterable[str], *, dry_run: bool = False) -> list[str]:
    """Raise ``Refused`` unless LOCAL is an original, none of the remotes, and its triggers log what they should.

    Partitions come by the calendar, with nobody there to install triggers: they get them here.

    Returns:
        The partitions that had no triggers.
    """
    install.require_capture(LOCAL)
    if not dry_run:
        require_no_transaction()
    for alias in remotes:
        with suppress(Error):  # one that cannot be reached is told of when its turn comes
            require_two_databases(alias)
    with clear_errors(LOCAL):
        found = install.compare(LOCAL)
        require_original(LOCAL)
        require_sight(LOCAL)
    install.require_tables(found, LOCAL)
    expected: tuple[Trigger, ...] = ()
    if found.new_partitions:
        with clear_errors(LOCAL):
            expected = found.new_partitions if dry_run else install.cover_new_partitions(LOCAL)
    missing = tuple(trigger for trigger in found.missing if trigger not in expected)
    wrong = replace(found, missing=missing, orphaned=()).describe()
    if wrong:
        raise TriggersNotReady(
            f"The triggers on {LOCAL!r} do not fit: {'; '.join(wrong)}. Changes may have been missed there. "
            f"Run `manage.py synchro_install_triggers --database {LOCAL}`."
        )
    return sorted({trigger.table for trigger in expected})


def describe_partitions(new: Iterable[str], *, dry_run: bool = False) -> str:
    """Return what is to be told of partitions that had no triggers."""
    return (
        f"Partitions without triggers: {', '.join(new)}. "
        + ("They get them in a run. " if dry_run else "They have them now, and all their rows are looked at. ")
        + "Rows that were deleted there by name of the partition are not known."
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
        self._choices = choices
        self._labels = choices.labels
        # The fence: whatever the log says, nothing else is written but as the target of one of these.
        listed = captured_models(settings.models)
        self._listed = frozenset(model._meta.label for model in listed)
        chosen = self._listed if choices.labels is None else self._listed.intersection(choices.labels)
        require_own_tables(remote)
        self._schema = Schema(remote, [model for model in listed if model._meta.label in chosen])
        require_sight(remote)
        source, node = require_two_nodes(remote)
        self._stop = choices.stop_at_failure
        self._progress = choices.progress
        self._pace = _Pace(settings.batch_size, settings.batch_seconds)
        # What has failed may wait for one another: unique values to be swapped, cycles of foreign keys.
        self._together = max(settings.batch_size, 10_000)
        self._report = SyncReport()
        self._pending_failures: dict[tuple[str, str], tuple[Change, Exception]] = {}
        self._reached = 0
        self._locked = 0
        self._began = self._at_commit = False
        self._refused: set[tuple[str, str]] = set()
        self._kept: dict[str, Kept] = {}
        self._tried: set[int] = set()
        self._began_at = self._lost_time = 0.0
        self._absent = Absent()
        self._formers: list[tuple[type[Model], FormerKey, int]] = []
        self._target = Target(
            remote=remote,
            source=source,
            node=node,
            policy=settings.conflict,
            kept_keys=settings.identity,
            logs=install.captures(remote),
            own_changes=OwnChanges(remote),
            redirects=Redirects(remote),
            spellings=OtherSpellings(remote),
            locks=RowLocks(remote, wanted=not choices.dry_run),
            batch_signals=settings.batch_signals,
            dry_run=choices.dry_run,
        )
        self._lease = Lease(remote, self._target.source)
        self._meeting = Meeting(self._target, self._listed)

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
        self._report = SyncReport(remote=self._target.remote)
        self._began_at, self._lost_time = time.monotonic(), 0.0
        self._kept, self._tried = {}, set()
        self._pending_failures = {}
        self._refused = set()
        self._absent.close()
        self._formers = []
        self._target.told_links.clear()
        self._target.spellings.forget()
        self._target.given_again.clear()
        self._warn_when_blind()
        if is_elsewhere(self._target.remote):
            self._report.warn(
                f"The identity of {self._target.remote!r} was made in another place. If it is a copy of a database "
                "that is still in use, run `manage.py synchro_reset --new-identity --database "
                f"{self._target.remote}`; if it was moved, the same with --keep-identity."
            )
        if not self._target.dry_run:
            self._lease.acquire()
        try:
            self._target.redirects.look()
            with times_in_utc(LOCAL, self._target.remote):
                self._apply_everything(datetime.datetime.now(datetime.UTC))
        except _Stop as stopped:
            self._report.fail(stopped.failures)
        except _Interrupted:
            pass  # the checkpoint says how far it came
        finally:
            if not self._target.dry_run:
                self._lease.release()
        self._report.fail(self._failed_objects())
        return self._report

    def _warn_when_blind(self) -> None:
        """Warn where the rule for conflicts asks what the remote's users have changed, and nothing there tells."""
        remote, policy = self._target.remote, self._target.policy
        if self._target.logs or policy == "local":
            return
        question = "who is newer" if policy == "newest" else "what its users have changed"
        rule = repr(policy) if isinstance(policy, str) else "a rule of your own"
        self._report.warn(
            f"{remote!r} has no triggers, so nobody can tell {question} there: what its users change is overwritten, "
            f"although SYNCHRO_CONFLICT is {rule}. Run `manage.py synchro_install_triggers --database {remote}`, or "
            "set SYNCHRO_CONFLICT = 'local'."
        )

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
        started = datetime.datetime.now(datetime.UTC)
        page = read_page(LOCAL, window, window.after, _AT_ONCE, without_origin=self.node)
        changes = self._divided(coalesce(page.changes))
        models = {model_of(change.label) for change in changes}
        if any(model is not None and rows_are_observed(model) for model in models):
            return None
        if any(change.forged or change.label not in self._listed for change in changes):
            return None
        if self._schema.lagging({change.label for change in changes}):
            return None
        if not self._lease.is_free_at(checkpoint.position):
            return None
        self._report, self._pending_failures = SyncReport(remote=self._target.remote), {}
        self._target.told_links.clear()
        self._target.spellings.forget()
        fields = received_fields(window, started)
        try:
            waits = partial(concern_failures, self._target.remote, self._target.source, changes)
            moves_on = partial(self._lease.move_on, checkpoint.position, waits, **fields)
            with times_in_utc(LOCAL, self._target.remote):
                if self._may_be_there_already(changes):
                    return None
                result = self._transaction(changes, moves_on, whole=True)
        except CheckpointMoved:
            return None
        except Exception as error:
            reraise_if_lost(error, self._target.remote)
            return None
        self._record(changes, result)
        self._tell_absent()
        return self._report

    def _may_be_there_already(self, changes: Sequence[Change]) -> bool:
        self._meeting.look_at(changes)
        return bool(self._meeting.doubts())

    def _apply_everything(self, started: datetime.datetime) -> None:
        checkpoint = load_checkpoint(self._target.remote, self._target.source)
        require_same_history(checkpoint, self._target.remote)
        if self._target.logs:
            last_check = checkpoint.last_check
            self._target.own_changes.reach_back(as_utc(last_check) if last_check else None)
        labels = self._listed if self._labels is None else self._listed.intersection(self._labels)
        self._kept = kept_by_label(self._target.remote, self._target.source)
        for label, kept in self._kept.items():
            if reason := self._why_not(label):
                self._report.warn(f"{kept.number} kept failures of {label} are not tried: {reason}.")
        due = self._ids_of_due(labels, _FEW_FAILURES + 1)
        failures = self._load_failures(due) if self._choices.retry or len(due) <= _FEW_FAILURES else []
        windows = self._windows(checkpoint)
        self._require_acquaintance(checkpoint, windows, failures, labels)
        self._tell_older_rows(checkpoint)
        if self._choices.full or due or any(window.rows for window in windows):
            self._note_given_again(checkpoint)
        if not self._target.dry_run:
            note_place(checkpoint, self._target.remote)
            if not checkpoint.position:
                note_met(self._target.remote, self._target.node)
        # What is gone now stays kept until the window that may say so has been applied: of what was never there, its
        # delete alone would look for a namesake.
        gone = frozenset(without_a_row(change for change in failures if not change.deleted))
        self._absent.hold(gone)
        self._apply_in_batches(left_behind(gone), self._together)
        self._apply_kept([change for change in failures if change not in gone])
        for window in windows[:-1]:
            self._apply_window(window, started)
        self._apply_window(windows[-1], started, gone)
        if self._kept:
            self._apply_waiting(due, labels, idle=not any(window.rows for window in windows))
            self._tell_waiting(labels)
        self._tell_absent()
        if self._choices.full:
            for changes in every_object(self._labels, self._pace.most):
                self._apply_in_batches(changes)
            self._retry_failures()
            self._absent.close()  # what has gone since its page was read is logged, for the next run

    def _tell_older_rows(self, checkpoint: Checkpoint) -> None:
        """Warn, in the first run to a remote, of rows that no log will bring there."""
        if checkpoint.position or self._choices.full or self._labels is not None:
            return  # a first run that was cut off has none yet
        if older := describe_older_rows(self._target.remote, self._target.source):
            self._report.warn(older)

    def _note_given_again(self, checkpoint: Checkpoint) -> None:
        """Look which numbers the remote's users have given out again, where no run looks through the whole log."""
        target = self._target
        if target.logs and target.own_changes.back_to is not None:
            found = note_given_again(target.remote, checkpoint, target.kept_keys, dry_run=target.dry_run)
            if target.dry_run:  # otherwise the references say so, as long as it is so
                target.given_again.update(found)

    def _tell_absent(self) -> None:
        """Name what LOCAL does not have although the log does not say that it was deleted."""
        for change in self._absent:
            reason = f"{LOCAL!r} does not have it, and did not log that it was deleted; left alone on the remote"
            self._report.remark(Told.VANISHED, change.label, printable_key(change.key), reason)
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
                self._formers.append((root_of(model), FormerKey(former.key), later.begun))
            else:
                divided_.append(change)
        return sorted(divided_, key=lambda change: (change.first, change.label, change.key))

    def _windows(self, checkpoint: Checkpoint) -> list[Window]:
        """Return what is to be applied: the rest of a run that was cut off, and what has been logged since."""
        position, since = checkpoint.position, checkpoint.since
        if not checkpoint.window_end:
            return [self._open(position, since)]
        rest = self._open(position, since, end=checkpoint.window_end, after=checkpoint.window_after)
        return [rest, self._open(rest.end, None)]

    def _require_acquaintance(
        self, checkpoint: Checkpoint, windows: Iterable[Window], failures: Sequence[Change], labels: Collection[str]
    ) -> None:
        """Refuse to go on where a table lags, or an object that would be created may be on the remote already."""
        anew = not checkpoint.position and met_another(self._target.remote, self._target.node)
        meeting = self._meeting = Meeting(self._target, labels, anew=anew)
        meeting.look_at(failures)
        for window in windows:
            meeting.look_through(window)
        self._schema.require(labels if self._choices.full else meeting.spoken_of)
        if self._choices.full:
            meeting.look_at_everything()
        meeting.refuse_doubts()

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
        self._reached = window.after
        with _seen_objects(window.rows > PAGE_ROWS) as is_new:
            while window.last > after:
                page = read_page(LOCAL, window, after, PAGE_ROWS, without_origin=self._target.node, labels=self._labels)
                if not page.rows:
                    break
                changes = self._divided(
                    change
                    for change in coalesce(page.changes)
                    if self._has_more_to_say(change, is_new(change)) and self._may_write(change)
                )
                if self._kept:
                    self._look_for_kept(changes)
                self._apply_in_batches(changes, window=window)
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

    def _look_for_kept(self, changes: Sequence[Change]) -> None:
        """Mark what the remote has never seen; apply what failures stand for of objects whose row is gone now."""
        if any(each.created for each in self._kept.values()):
            never = never_there(self._target.remote, self._target.source, changes)
            for change in changes:
                change.created |= self._at(change) in never
        rest = left_behind_by_failed(self._target.remote, self._target.source, changes)
        self._apply_in_batches(rest, self._together)

    def _has_more_to_say(self, change: Change, is_new: bool) -> bool:
        """Tell whether there is something to do for an object, which an earlier page may have spoken of.

        It was written as it is now, unless a later page says that it is gone, or is another one under its key.
        """
        return is_new or change.deleted or change.ended > 0 or self._absent.has(change)

    def _may_write(self, change: Change) -> bool:
        """Tell whether a change is of a listed model, and remark one that is not: of an unlisted one, or forged."""
        reason = self._why_not(change.label)
        if not reason and change.forged:
            reason = "its row in the log has an operation or a time that no trigger writes"
        if reason:
            self._report.remark(Told.SKIPPED, printable_key(change.label), printable_key(change.key), reason)
        return not reason

    def _why_not(self, label: str) -> str:
        """Return why nothing of this label may be written, or ``''``."""
        if label in self._listed:
            return ""
        return "it is not in SYNCHRO_MODELS" if model_of(label) is not None else "there is no such model"

    def _retry_failures(self) -> None:
        """Try what has failed in this run once more: what it waited for may have come after it."""
        if self._pending_failures and not self._target.dry_run:
            failed = [change for change, _ in self._pending_failures.values()]
            rest = left_behind(without_a_row(change for change in failed if change.other_rows and not change.deleted))
            self._apply_in_batches(coalesce([*failed, *rest]), self._together)
            self._apply_refused()

    # What is kept ---------------------------------------------------------------------------------

    def _has_failed(self, change: Change) -> bool:
        """Tell whether this run has tried an object in vain before."""
        return self._at(change) in self._pending_failures

    def _ids_of_due(self, labels: Collection[str], at_most: int) -> list[int]:
        if not any(each.due or self._choices.retry for label, each in self._kept.items() if label in labels):
            return []
        limit = None if self._choices.retry else at_most + len(self._tried)
        found = ids_of_due(self._target.remote, self._target.source, labels, limit, all_=self._choices.retry)
        return [id_ for id_ in found if id_ not in self._tried]

    def _load_failures(self, ids: Sequence[int]) -> list[Change]:
        self._tried.update(ids)
        return load_failures(self._target.remote, ids)

    def _apply_kept(self, changes: Sequence[Change]) -> int:
        """Try what is kept; note how long it took if it was in vain, and return how many were applied."""
        started = time.monotonic()
        self._apply_in_batches(changes, self._together)
        applied = sum(not self._has_failed(change) for change in changes)
        if not applied:
            self._lost_time += time.monotonic() - started
        return applied

    def _apply_waiting(self, due: list[int], labels: Collection[str], *, idle: bool) -> None:
        """Try what is due, or has been waiting for what has arrived now, as long as that does not hold others up.

        What succeeds is work like any other. What fails may take a share of the run's time, and no more.

        Args:
            due: ids of some that are due.
            labels: what may be tried.
            idle: there was nothing else to do.
        """
        refused = any(self._at(change) in self._refused for change, _ in self._pending_failures.values())
        if refused:
            due = [*due, *ids_with_others(self._target.remote, self._target.source)]
        arrived, size = self._arrived(), _FIRST_KEPT
        due = [id_ for id_ in dict.fromkeys([*arrived, *due]) if id_ not in self._tried]
        cost = 0.0  # of the last try: there must be time for another one like it
        while due and (left := self._time_to_lose(idle)) > cost:
            applied = self._apply_kept(self._those_there(self._load_failures(due[:size])))
            cost = left - self._time_to_lose(idle)
            if 2 * applied > size or cost < left / 8:
                size = min(self._together, 4 * size)
            # What has come now may be what others wait for.
            due = [id_ for id_ in [*(self._arrived() if applied else ()), *due] if id_ not in self._tried]
            due = due or self._ids_of_due(labels, _DUE_AT_A_TIME)
        if refused:
            self._apply_refused()

    def _arrived(self) -> list[int]:
        if not any(each.waiting for each in self._kept.values()):
            return []
        return sorted(ids_of_arrived(self._target.remote, self._target.source) - self._tried)

    def _time_to_lose(self, idle: bool) -> float:
        if self._choices.retry:
            return math.inf
        worked = time.monotonic() - self._began_at - self._lost_time
        return max(_SHARE * worked, _IDLE_SECONDS if idle else 0) - self._lost_time

    def _those_there(self, changes: Sequence[Change]) -> list[Change]:
        """Return those of which there is something to do; forget what is gone, and was not deleted by the log."""
        self._meeting.look_at(changes)
        if self._meeting.doubts():  # the next run will refuse to begin
            return []
        gone = without_a_row(change for change in changes if not change.deleted)
        self._absent.hold(gone)
        if gone and self._labels is None and not self._target.dry_run:
            with transaction.atomic(using=self._target.remote):
                self._lease.renew()
                forget_failures(self._target.remote, self._target.source, gone)
        return [*left_behind(gone), *(change for change in changes if change not in set(gone))]

    def _tell_waiting(self, labels: Collection[str]) -> None:
        """Put into the report what is kept and was not tried."""
        kept = self._kept
        tried = len(self._tried)
        if not self._target.dry_run:
            kept = kept_by_label(self._target.remote, self._target.source)
            tried = len(self._pending_failures)
        those = [each for label, each in kept.items() if label in labels]
        waiting = sum(each.number for each in those) - tried
        if waiting > 0:
            pauses = [each.next_at for each in those if each.next_at is not None]
            self._report.wait(waiting, min(pauses, default=None))

    # Batches --------------------------------------------------------------------------------------

    def _apply_in_batches(
        self, changes: Sequence[Change], together: int | None = None, *, window: Window | None = None
    ) -> None:
        """Apply changes, a transaction after the other; what there was no time for in one goes into the next.

        Args:
            changes: in the order of their first log rows.
            together: how many belong together, where that is more than a batch.
            window: which they are of.
        """
        left: list[Change] = []
        start, least = 0, 1
        while left or start < len(changes):
            # What waits for one another gets nowhere in smaller parts; where it does not wait, the time cuts it.
            size = together or max(self._pace.size, least)
            batch, left = left[:size], left[size:]
            more = size - len(batch)
            batch, start = [*batch, *changes[start : start + more]], start + more
            result = self._apply(batch, window, batch[-1].first)
            # Of a tree that is deleted, a smaller part may be the top: each of its objects would walk through the rest.
            left, least = [*result.left, *left], len(result.left) if result.hanging else 1

    def _apply(self, changes: Sequence[Change], window: Window | None, after: int) -> BatchResult:
        """Apply a batch as a whole, or, where that cannot be, change by change; return what was done."""
        if self._choices.interrupted():
            raise _Interrupted
        started = time.monotonic()
        try:
            result = self._try_again(changes, window, after)
        except _Stop:
            raise
        except Exception as error:
            self._reraise_if_hopeless(error)
            result = None
        if result is None:
            self._apply_in_halves(changes, window, transactions_of(changes))
            return BatchResult()
        self._locked = 0
        self._pace.note(len(changes) - len(result.left), time.monotonic() - started)
        self._record(changes, result)
        return result

    def _apply_in_halves(self, changes: Sequence[Change], window: Window | None, transactions: Transactions) -> None:
        """Apply what cannot be applied as a whole: each half as a whole, or in halves again."""
        if len(changes) == 1:
            self._apply_alone(changes[0], window)
            return
        for half in halves(changes, transactions):
            left: Sequence[Change] = half
            while left:
                result = self._apply_once(left, window) if len(left) > 1 else None
                if result is None:
                    self._apply_in_halves(left, window, transactions)
                    break
                self._locked = 0
                self._record(left, result)
                left = result.left

    def _apply_once(self, changes: Sequence[Change], window: Window | None) -> BatchResult | None:
        """Apply changes as a whole; return ``None`` where that cannot be."""
        try:
            return self._transaction(changes, lambda: self._renew(window, changes[-1].first), window=window)
        except _Stop:
            raise
        except Exception as error:
            self._reraise_if_hopeless(error)
            return None

    def _apply_refused(self) -> None:
        """Try together what the remote has refused at the commit, and what may be right together."""
        refused = [change for change, _ in self._pending_failures.values() if self._at(change) in self._refused]
        for group in groups(sorted(refused, key=lambda change: (change.first, change.label, change.key))):
            some = [change for change in group if self._at(change) in self._pending_failures]
            if len(some) > 1 and (result := self._apply_once(some, None)) is not None:
                self._record(some, result)

    @staticmethod
    def _at(change: Change) -> tuple[str, str]:
        return change.label, change.key

    def _try_again(self, changes: Sequence[Change], window: Window | None, after: int) -> BatchResult:
        """Apply a batch in a transaction; where somebody else's locks are in the way, some more times."""
        for pause in pauses():
            try:
                return self._transaction(changes, lambda: self._renew(window, after), window=window)
            except Exception as error:
                if not self._is_locked_there(error):
                    raise
            time.sleep(pause)
        return self._transaction(changes, lambda: self._renew(window, after), window=window)

    def _is_locked_there(self, error: Exception) -> bool:
        """Tell whether an error is worth another try: SQLite has waited long enough for a transaction to begin."""
        return is_contended(error) and (self._began or connections[self._target.remote].vendor != "sqlite")

    def _reraise_if_hopeless(self, error: Exception) -> None:
        """Let through what ends the run: a database is lost, or the remote's file is locked as a whole."""
        reraise_if_lost(error, self._target.remote)
        if is_contended(error) and not self._is_locked_there(error):
            raise error

    def _apply_alone(self, change: Change, window: Window | None) -> None:
        failed: Exception | None = None
        try:
            result = self._transaction([change], lambda: self._renew(window, change.first), window=window)
        except _Stop:
            raise
        except Exception as error:
            self._reraise_if_hopeless(error)
            failed = error
        locked = failed is not None and is_contended(failed)
        if self._at_commit and failed is not None:
            self._refused.add(self._at(change))
        if failed is not None:
            result = self._keep_failure(change, self._locked_there(failed) if locked else failed)
        self._locked = self._locked + 1 if locked else 0
        self._record([change], result)

    def _locked_there(self, error: Exception) -> SynchroError:
        """Return what is said of an object that somebody else has locked.

        Raises:
            SynchroError: so are many others: there is no use in going on.
        """
        text = f"locked by somebody else's transaction for too long: {describe(error)}"
        if self._locked + 1 >= _LOCKED_AT_MOST:
            raise SynchroError(
                f"{self._locked + 1} objects in a row are {text}. The run has ended; what was committed stays. Look "
                f"for transactions that stay open on {self._target.remote!r} (or {LOCAL!r}), and run it again."
            ) from error
        return SynchroError(text)

    def _keep_failure(self, change: Change, error: Exception) -> BatchResult:
        result = BatchResult()
        result.failed[change] = error
        if not self._target.dry_run:
            with transaction.atomic(using=self._target.remote):
                mark_as_former(self._target.remote, self._target.source, change)
                refused = self._at(change) in self._refused
                again = self._has_failed(change)
                store_failure(self._target.remote, self._target.source, change, error, again=again, with_others=refused)
        if self._stop:
            raise _Stop([_failed_object(change, error)])
        return result

    def _renew(self, window: Window | None, after: int) -> None:
        if not self._target.dry_run:
            moves_on = window is not None and self._labels is None
            if moves_on and window:
                # What was put off once comes in smaller batches, behind what has been done already.
                self._lease.renew(**progress_fields(window, max(after, self._reached)))
            else:
                self._lease.renew()

    def _transaction(
        self, changes: Sequence[Change], first: Callable[[], None], *, window: Window | None = None, whole: bool = False
    ) -> BatchResult:
        """Apply a batch in one transaction, with references, failures and progress.

        Args:
            changes: what to apply.
            first: locks the checkpoint's row, and writes the progress into it.
            window: which they are of.
            whole: raise the first failure instead of keeping it.
        """
        remote, source = self._target.remote, self._target.source
        self._began = self._at_commit = False
        bounded = len(changes) > 1 and not whole and not self._target.dry_run
        with (
            commits_noticed(remote),
            exits_as_errors(),
            short_waits(remote, self._pace.seconds),
            unnamed_on(remote),
            replaying_for(remote, source),
            short_waits_on_local(self._pace.seconds),
        ):
            self._began = True
            clock = Clock(self._pace.seconds if bounded else None)
            if not self._target.dry_run:
                wait_shortly(remote, self._pace.seconds)
            first()
            acquainted = self._meeting.require_acquaintance
            all_ = with_links_of_numbers(changes, self._target.kept_keys)
            batch = Batch(self._target, all_, self._formers, whole=whole, clock=clock, acquainted=acquainted)
            result = batch.apply()
            require_unbroken(remote)
            if result.failed and (self._stop or whole):
                raise _first_of(result.failed)  # rolls back: what came before it is applied one by one
            if whole:  # nothing was kept before it
                return result
            # Of an object that was logged under several labels, a merged change is what has failed.
            failed = {(change.label, change.key) for change in (*result.failed, *result.left)}
            forget_failures(remote, source, [each for each in all_ if (each.label, each.key) not in failed])
            for change, error in result.failed.items():
                store_failure(remote, source, change, error, again=self._has_failed(change))
            reached = self._put_off(changes, result.left, window)
            if self._target.dry_run:
                transaction.set_rollback(True, using=remote)
            self._at_commit = True
        self._at_commit = False
        self._reached = max(self._reached, reached)
        return result

    def _put_off(self, changes: Sequence[Change], left: Sequence[Change], window: Window | None) -> int:
        """Write down, at the end of a transaction, up to which log row of the window all has been dealt with.

        What is left in between is kept like a failure until its turn has come, in the next transaction or in the next
        run: nothing is applied twice, also when the run is killed.
        """
        if window is None or self._labels is not None or self._target.dry_run:
            return 0
        waiting = set(left)
        reached = max((change.first for change in changes if change not in waiting), default=self._reached)
        if left:
            self._renew(window, reached)
        for change in left:
            never_was = change.created and change.deleted and change.certain
            if change.first <= max(reached, self._reached) and not never_was:
                not_yet = SynchroError("not applied yet: the transaction's time was over, and the run has ended since")
                store_failure(self._target.remote, self._target.source, change, not_yet, again=True)
        return reached

    def _record(self, changes: Sequence[Change], result: BatchResult) -> None:
        if not self._pending_failures and not result.failed and not result.left:
            self._target.decisions.clear()  # nothing will be tried again
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
    return FailedObject(change.label, printable_key(shown_key(change.label, change.key)), describe(error))


class _Pace:
    """How many objects a transaction takes, so that it lasts no longer than it may.

    Attributes:
        most: as many as that, if they take little time.
        seconds: how long a transaction may last.
        size: as many as that next time.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds, self.size = most, seconds, most

    def note(self, number: int, took: float) -> None:
        """Learn from a transaction that took so many seconds for so many objects."""
        if took > self.seconds:
            self.size = max(1, min(self.most, int(number * self.seconds / took)))
        elif took < self.seconds / 2:
            self.size = min(self.most, 2 * self.size)


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
            cursor = seen.execute("INSERT OR IGNORE INTO object VALUES (?, ?)", (change.label, stored_key(change.key)))
            return cursor.rowcount == 1

        yield is_new
