"""A run, one way between LOCAL and a remote: what must be so before it writes anything, and who does the rest.

A run goes from here (what is to be done, and is anything in doubt?) to ``backlog`` (kept failures, then what is new,
page by page), to ``write.batch_by_batch`` (a batch in each transaction) and ``write.batch``. A follower's small window
takes a short cut: ``at_once``.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, nullcontext

from django.db import connections

from ..capture import install
from ..capture.catalog import Catalogs
from ..capture.own_tables import require_own_tables
from ..conf import LOCAL, get_settings, local_alias
from ..models import Checkpoint
from ..moment import as_utc
from .at_once import AtOnce
from .backlog import Backlog
from .choices import Choices
from .columns import Columns
from .identity.given_again import note_given_again
from .kept import KeptObjects
from .log.changes import Change
from .log.noted_changes import note_users_changes
from .log.pages import FirstPages
from .log.users_changes import UsersChanges
from .log.window import Window, current_position, open_window, position_since
from .meeting.first_meeting import Meeting
from .meeting.in_parts import look_in_parts
from .meeting.older_rows import describe_older_rows
from .plan.context import RunContext
from .plan.fence import Fence
from .readiness import (
    describe_blindness,
    describe_other_place,
)
from .report import SyncReport
from .rows.other_spellings import OtherSpellings
from .rows.read_ahead import RowLocks
from .rows.redirects import Redirects
from .rows.utc import times_in_utc
from .state.account import note_passed
from .state.checkpoint import load_checkpoint, note_place, wait_for_those_under_way
from .state.due import DueFailures
from .state.gaps import Gaps
from .state.knowledge import RunKnowledge
from .state.lease import Lease
from .state.node import (
    Located,
    have_met,
    met_another,
    note_met,
    require_remembered,
    require_same_history,
    require_same_history_there,
    two_nodes,
)
from .state.runs import NO_RECORD, RunRecord
from .state.sight import require_sight
from .state.succession import meet_successors
from .tables import Late, Tables
from .write.batch_by_batch import BatchByBatch, Interrupted, StoppedAtFailure
from .write.clock import Pace
from .write.ledger import Ledger


def _require_nodes(remote: str, choices: Choices, catalogs: Catalogs) -> tuple[Located, Located]:
    """Return what LOCAL and a remote say of themselves, once they know one another.

    Raises:
        Refused: they are one node, or one of them has forgotten the other.
    """
    own, there = two_nodes(remote, catalogs)
    if (own.row.succeeds or there.row.succeeds) and not choices.dry_run:
        meet_successors(remote)
        own, there = two_nodes(remote)
    if not choices.way_back:
        require_remembered(remote, own, there)
    return own, there


class Run:
    """Runs against one remote, one after the other; what is held here outlives a run.

    Args:
        remote: the alias.
        choices: what the runs are about.
        catalogs: those that were looked at just now; the first run follows at once.

    Raises:
        Refused: tables of this package are missing there, it hides rows, or it has LOCAL's identity.
    """

    # Long: what a run holds is made here, one after the other.
    def __init__(self, remote: str, choices: Choices, catalogs: Catalogs | None = None) -> None:
        settings = get_settings()
        connections[remote].ensure_connection()
        self._choices = choices
        self._is_just_looked_at = catalogs is not None
        self._catalogs = catalogs = catalogs or Catalogs()
        self._fence = Fence(remote, choices.labels, catalogs)
        catalogs.ask(remote, "own tables", lambda: require_own_tables(remote))
        require_sight(remote, catalogs)
        own, there = _require_nodes(remote, choices, catalogs)
        source, node = own.row.node_id, there.row.node_id
        self._places: tuple[Located, Located] | None = (own, there)
        logs = install.captures(remote, catalogs)
        gaps = Gaps(remote, logs=logs, catalogs=catalogs)
        self._context = RunContext(
            remote=remote,
            source=source,
            node=node,
            policy=settings.conflict,
            rules=settings.rules,
            by_field=settings.merged_by_field,
            counters=settings.counters,
            uniques=settings.uniques,
            kept_keys=settings.identity,
            logs=logs,
            users_changes=UsersChanges(remote),
            redirects=Redirects(remote),
            spellings=OtherSpellings(remote),
            locks=RowLocks(remote, wanted=not choices.dry_run),
            knowledge=RunKnowledge(remote, source, node, gaps),
            gaps=gaps,
            first_pages=FirstPages(node),
            batch_signals=settings.batch_signals,
            dry_run=choices.dry_run,
            after_the_other_way=("full" if choices.full else "logged") if choices.after_the_other_way else "",
        )
        self._pace = Pace(settings.batch_size, settings.batch_seconds)
        self._lease = Lease(remote, source, gaps.fields)
        self._meeting = Meeting(self._context, self._fence.listed)
        self._columns = Columns(self._context, self._fence)
        self._tables = Tables(self._context, self._fence, self._columns)

    @property
    def source(self) -> str:
        """The node id of LOCAL."""
        return self._context.source

    @property
    def node(self) -> str:
        """The node id of the remote."""
        return self._context.node

    def end_of_window(self, mark: str) -> str:
        """Return where a small window ends that is opened now; what LOCAL knows by then is read before.

        Args:
            mark: as for ``position_since()``.
        """
        if self._context.knowledge.number is None:  # nobody asks
            return position_since(local_alias(), mark)
        self._context.knowledge.look()
        return current_position(local_alias())

    def perform_at_once(
        self, checkpoint: Checkpoint, window: Window, record: RunRecord | None = None
    ) -> SyncReport | None:
        """Apply a small window in one transaction, if that is possible: see ``AtOnce.apply()``."""
        self._look_again()
        at_once = AtOnce(self._context, self._fence, self._lease, self._meeting, self._pace.seconds)
        report = at_once.apply(checkpoint, window)
        if report is not None and record is not None:
            record.meet(self.source, self.node)
            record.end(report)
        return report

    def perform(self, record: RunRecord | None = None) -> SyncReport:
        """Make a run: see what is to be done, refuse what is in doubt, apply the rest; put it on record, if asked."""
        record = record or NO_RECORD
        record.meet(self.source, self.node)
        self._look_again()
        remote, ledger = self._context.remote, Ledger(self._context.remote)
        self._context.begin_run()
        there = self._places[1] if self._places is not None else None
        blind = describe_blindness(remote, logs=self._context.logs)
        for text in filter(None, (blind, describe_other_place(remote, there))):
            ledger.report.warn(text)
        with closing(ledger.absent), nullcontext() if self._choices.dry_run else self._lease.held():
            self._context.redirects.forget()
            with times_in_utc(local_alias(), remote):
                try:
                    self._apply_everything(ledger, record)
                except Interrupted:  # while it looked through the log: nothing was written
                    ledger.report.is_cut = True
        record.end(ledger.report)
        return ledger.report

    def _look_again(self) -> None:
        if not self._is_just_looked_at:
            self._catalogs.forget()
            self._places = None
        self._is_just_looked_at = False

    def _apply_everything(self, ledger: Ledger, record: RunRecord) -> None:
        started = datetime.datetime.now(datetime.UTC)
        self._tables.forget()
        checkpoint = self._load_checkpoint()
        due = self._load_due(ledger.report)
        windows = self._windows(checkpoint)
        is_idle = not (self._choices.full or due.first or any(window.rows for window in windows))
        # What both sides have is looked at where something is to be written, or was left out before.
        if is_idle and not checkpoint.left_out:
            self._apply(ledger, record, started, checkpoint, due, windows, {}, is_idle=True)
            return
        with self._columns.held_to(checkpoint, ledger.report, receives=windows[-1].receives):
            self._tables.begin(checkpoint, windows, full=self._choices.full)
            if self._fence.absent:
                due = self._load_due(ledger.report)
            late = self._tables.due()
            self._apply(ledger, record, started, checkpoint, due, windows, late, is_idle=is_idle and not late)
            self._tables.tell(ledger.report)

    def _apply(
        self,
        ledger: Ledger,
        record: RunRecord,
        started: datetime.datetime,
        checkpoint: Checkpoint,
        due: DueFailures,
        windows: Sequence[Window],
        late: Mapping[str, Late],
        *,
        is_idle: bool,
    ) -> None:
        self._meeting = self._require_acquaintance(checkpoint, windows, late, due.first_changes)
        self._note_meeting(checkpoint)
        if not self._choices.dry_run:
            self._context.knowledge.close_window(windows[-1])
        if self._context.knowledge.number is not None:
            self._context.later.begin(windows[0].end)
        self._tell_older_rows(checkpoint, ledger.report)
        if not is_idle:
            record.begin(ledger.report, None if self._choices.full else sum(window.rows for window in windows))
            self._note_given_again(checkpoint)
        batches = BatchByBatch(
            self._context, self._choices, self._lease, self._pace, ledger, self._meeting.require_acquaintance
        )
        kept = KeptObjects(self._context, due, batches, ledger, self._meeting)
        backlog = Backlog(self._context, self._choices, self._fence, self._lease, batches, self._tables, kept, ledger)
        try:  # otherwise the checkpoint says how far it came
            self._tables.bring_late(late, backlog.apply_late, self._lease, ledger.report)
            backlog.apply(windows, started)
            self._columns.bring_late(self._lease, self._pace, ledger.report, self._choices.interrupted)
        except Interrupted:
            ledger.report.is_cut = True
            if not self._choices.dry_run:
                ledger.tell_cut(self._reached())
        except StoppedAtFailure:
            pass
        ledger.tell_failed()
        if local_alias() != LOCAL and not self._choices.dry_run:  # nobody there can ask the one that fetches
            note_passed(self._context.remote, self._context.source, self._context.node)

    # What is to be done ----------------------------------------------------------------------------

    def _load_checkpoint(self) -> Checkpoint:
        self._context.knowledge.look()  # before the window is opened
        checkpoint = self._lease.checkpoint or load_checkpoint(self._context.remote, self._context.source)
        require_same_history(checkpoint, self._context.remote)
        if not self._has_nothing_from_there():
            require_same_history_there(self._context.remote, self._context.node)
        if not checkpoint.position and not self._choices.dry_run:
            wait_for_those_under_way(self._context.remote, self._context.source)
        self._context.gaps.begin(checkpoint)
        if self._context.logs:
            last_check = checkpoint.last_check
            self._context.users_changes.reach_back(as_utc(last_check) if last_check else None)
        return checkpoint

    def _has_nothing_from_there(self) -> bool:
        """Tell whether LOCAL knows nothing of the remote that it might have lost.

        A LOCAL that was put back itself may have forgotten of whom it had heard: its references tell then.
        """
        was_put_back = self._places is None or bool(self._places[0].row.succeeds)
        return not was_put_back and not self._context.knowledge.local.has_met(self._context.node)

    def _reached(self) -> int | None:
        """Return the log row up to which the window that is under way has been applied; ``None``: none is."""
        checkpoint = load_checkpoint(self._context.remote, self._context.source)
        return checkpoint.window_after if checkpoint.window_end else None

    def _load_due(self, report: SyncReport) -> DueFailures:
        context, retry = self._context, self._choices.retry
        due = DueFailures(
            context.remote,
            context.source,
            self._fence.open,
            all_=retry,
            untried_since=self._choices.untried_since,
            asked=self._choices.asked(context.remote, context.source),
        )
        for label, kept in due.kept.items():
            if reason := self._fence.why_not(label):
                report.warn(f"{kept.number} kept failures of {label} are not tried: {reason}.")
        return due

    def _windows(self, checkpoint: Checkpoint) -> list[Window]:
        """Return what is to be applied: the rest of a run that was cut off, and what has been logged since."""
        position, since = checkpoint.position, checkpoint.since
        if not checkpoint.window_end:
            return [self._open(position, since)]
        self._context.knowledge.came_with.begin_rest(checkpoint.came_with)
        rest = self._open(position, since, end=checkpoint.window_end, after=checkpoint.window_after)
        return [rest, self._open(rest.end, None)]

    def _open(self, start: str, since: datetime.datetime | None, *, end: str = "", after: int = 0) -> Window:
        return open_window(local_alias(), start, end=end, after=after, since=since, without_origin=self._context.node)

    def _require_acquaintance(
        self,
        checkpoint: Checkpoint,
        windows: Iterable[Window],
        late: Mapping[str, Late],
        failures: Sequence[Change],
    ) -> Meeting:
        """Refuse to go on where a table lags, or an object that would be created may be on the remote already.

        Raises:
            Refused: it is so.
            Interrupted: the run shall end before it has looked through everything; the next part goes on there.
        """
        labels = self._fence.open
        anew = not checkpoint.position and met_another(self._context.remote, self._context.node)
        met = self._choices.way_back and have_met(self._context.remote, self._context.source, self._context.node)
        meeting = Meeting(self._context, labels, anew=anew, met=met)
        meeting.look_at(failures)
        for window in windows:
            if self._choices.in_parts and window.end == checkpoint.window_end:
                meeting.hear_of(window)  # looking through a long one would take most of each part
            elif self._choices.in_parts and self._choices.looked is not None:
                for _ in look_in_parts(meeting, window, self._choices.looked, self._context.node):
                    if self._choices.interrupted():
                        self._fence.schema.require(meeting.spoken_of)
                        meeting.refuse_doubts()
                        raise Interrupted
            else:
                meeting.look_through(window)
        self._fence.schema.require(labels if self._choices.full else meeting.spoken_of)
        if self._choices.full:
            meeting.look_at_everything()
        meeting.refuse_doubts()
        self._tables.require_acquaintance(late, anew=anew, met=met)
        return meeting

    # What is noted before anything is applied --------------------------------------------------------

    def _tell_older_rows(self, checkpoint: Checkpoint, report: SyncReport) -> None:
        """Warn, in the first run to a remote, of rows that no log will bring there."""
        if checkpoint.position or self._choices.full or self._choices.labels is not None:
            return  # a first run that was cut off has none yet
        if older := describe_older_rows(self._context.remote, self.source, self.node):
            report.warn(older)

    def _note_given_again(self, checkpoint: Checkpoint) -> None:
        """Look what the remote's users have changed, or given out again, where no run looks through the whole log."""
        context = self._context
        if context.logs and context.users_changes.back_to is not None:
            if not context.dry_run:
                note_users_changes(context.remote, checkpoint.looked, current_position(context.remote))
            found = note_given_again(context.remote, checkpoint, context.kept_keys, dry_run=context.dry_run)
            if context.dry_run:  # otherwise the references say so, as long as it is so
                context.given_again.update(found)

    def _note_meeting(self, checkpoint: Checkpoint) -> None:
        """Note on both sides, before anything is sent, who has met whom, and where.

        From then on what comes to LOCAL is noted with its version. What has come before is written down after that.
        """
        if not self._context.dry_run:
            note_place(checkpoint, self._context.remote, self._places[0].here if self._places is not None else None)
            if not checkpoint.position:
                note_met(self._context.remote, self._context.node)
                wait_for_those_under_way(local_alias(), self._context.source)
