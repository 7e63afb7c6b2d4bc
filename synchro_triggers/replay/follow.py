"""``synchronize --follow``: a run whenever something was committed where the changes come from, until it is stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import Error, connections

from ..capture import install
from ..capture.own_tables import require_own_tables
from ..capture.vendor import vendor_of
from ..conf import LOCAL, replaying_from, required_remotes
from ..exceptions import SynchroConfigurationError, SynchroError
from ..models import Checkpoint
from ..reaching import clear_errors
from .choices import Choices, Way, ways_of
from .following.health import Health
from .following.notices import Notices
from .following.telling import tell_begin, tell_cured, tell_end, tell_run, tell_trouble
from .following.trouble import LONGEST_PAUSE, Trouble, line_of
from .log.window import commit_mark, open_window
from .readiness import describe_partitions, require_ready_triggers
from .report import SyncReport
from .run import Run
from .state.checkpoint import load_checkpoint
from .state.runs import FollowersRecord, RunRecord

#: Seconds between two looks at LOCAL.
INTERVAL = 0.06

#: Seconds after which what may have changed elsewhere is looked at again: triggers, settings of the checkpoint,
#: objects that could not be applied.
_REFRESH = 60.0

#: Seconds after which a follower that waits is seen to be alive once more.
_SEEN_EVERY = 1.0


@dataclass
class Follower:
    """Follows LOCAL.

    Attributes:
        remote: an alias; ``None``: those of ``SYNCHRO_REMOTE``.
        interval: seconds between two looks at LOCAL.
        notify: let PostgreSQL wake it at each commit that logged something, instead of looking.
        stop_at_failure: end each run at the first object that cannot be applied.
        pull: follow the remotes instead, and bring their changes to LOCAL.
        both: follow both.
        on_run: called with the remote and the report of each run that had something to do, or to tell; each warning
            comes once.
        on_problem: called with a line when a run was not possible, once for each trouble; it is tried again.
        health: is told how it goes.
    """

    remote: str | None = None
    interval: float = INTERVAL
    notify: bool = False
    stop_at_failure: bool = False
    pull: bool = False
    both: bool = False
    on_run: Callable[[str, SyncReport], None] = lambda remote, report: None
    on_problem: Callable[[str], None] = lambda problem: None
    health: Health = field(default_factory=Health)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """End ``run()`` after the transaction that is under way; may be called from a signal handler or a thread."""
        self._stopped.set()

    def shall_end(self) -> bool:
        """Tell whether ``stop()`` was called. Whoever asks, as a run does between two objects, is alive."""
        self.health.beat()
        return self._stopped.is_set()

    def run(self) -> None:
        """Follow LOCAL until ``stop()``.

        Raises:
            SynchroError: it cannot begin: wrong settings, missing tables or triggers. What happens later (a lost
                connection, another run under way) goes to ``on_problem``, and is tried again.
        """
        remotes = required_remotes(self.remote)
        if not 0 < self.interval <= threading.TIMEOUT_MAX:  # nor is NaN one
            raise SynchroConfigurationError(
                f"The interval must be a number of more than 0 seconds, not {self.interval}."
            )
        ways = ways_of(remotes, pull=self.pull, both=self.both)
        if self.notify and (self.pull or self.both):
            raise SynchroConfigurationError(
                f"Notices tell of what is committed on {LOCAL!r} alone: --notify cannot be combined with --pull or "
                "--both."
            )
        new_partitions = [] if self.pull else require_ready_triggers(remotes)
        for alias in remotes:
            with suppress(Error):  # one that cannot be reached may come back: the first look tells of it
                require_own_tables(alias)
        longest, begun = max(LONGEST_PAUSE, self.interval), time.monotonic()
        tell_begin(ways)
        self.health.begin(ways)
        with self._waiting() as wait:
            followed = [
                _Followed(way, self._choices(), new_partitions if way.source == LOCAL else [], longest) for way in ways
            ]
            try:
                self._go_on(followed, Trouble(longest), wait, remotes)
            finally:
                for each in followed:
                    each.record.write()
        tell_end(time.monotonic() - begun)

    def _go_on(
        self, followed: list[_Followed], here: Trouble, wait: Callable[[float], Any], remotes: tuple[str, ...]
    ) -> None:
        while not self._stopped.is_set():
            try:
                self._look(followed)
                self._cure(here)
                wait(min([self.interval, *(each.trouble.left() for each in followed if each.trouble.pause)]))
            except (SynchroError, Error) as error:  # of LOCAL, where it is followed
                self._tell(here, error)
                self._start_afresh(followed, *remotes)
                self._rest(here.left())

    def _start_afresh(self, followed: list[_Followed], *remotes: str) -> None:
        """Close connections that may be broken, and let all look at LOCAL again, whatever its mark.

        On SQLite each connection counts commits for itself: the marks of two connections cannot be compared.
        """
        _forget_connections(remotes)
        for each in followed:
            each.forget_mark()

    def _tell(self, trouble: Trouble, error: Exception, way: Way | None = None, took: float = 0.0) -> None:
        self.health.note_trouble(line_of(error), way)
        if trouble.begin(error, took):
            tell_trouble(line_of(error), way)
            self.on_problem(line_of(error))

    def _cure(self, trouble: Trouble, way: Way | None = None) -> None:
        if (lasted := trouble.end()) is not None:
            if way is None:
                self.health.note_trouble("", None)
            tell_cured(way, lasted)

    def _choices(self) -> Choices:
        return Choices(stop_at_failure=self.stop_at_failure, interrupted=self.shall_end)

    def _rest(self, seconds: float) -> None:
        """Do nothing for a while, and be seen to be alive."""
        until = time.monotonic() + seconds
        while not self._stopped.is_set() and (left := until - time.monotonic()) > 0:
            self.health.beat()
            self._stopped.wait(min(left, _SEEN_EVERY))

    def _look(self, followed: list[_Followed]) -> None:
        with clear_errors(LOCAL):
            mark = "" if self.pull else commit_mark(LOCAL)
        for each in followed:
            if self._stopped.is_set():
                return
            if each.trouble.left() > 0:
                continue
            self.health.beat()
            started = time.monotonic()
            try:
                report = each.catch_up(mark if each.way.source == LOCAL else None)
                self._cure(each.trouble, each.way)
                self.health.note_success(each.way, started, has_arrived=each.has_arrived)
            except (SynchroError, Error) as error:  # others are not kept waiting by it
                alone = len(followed) == 1
                self._tell(each.trouble, error, each.way, 0.0 if alone else time.monotonic() - started)
                self._start_afresh(followed, each.followed_with)
                continue
            if report is not None and (report.changed or report.failures or report.told or report.warnings):
                tell_run(each.way, report, time.monotonic() - started)
                self.on_run(each.way.remote, report)
        self.health.note_pass()

    @contextmanager
    def _waiting(self) -> Iterator[Callable[[float], Any]]:
        """Yield what waits for the next look."""
        if not self.notify:
            yield self._rest
            return
        install.install_notices(LOCAL)
        local = connections[LOCAL]
        notices = Notices(lambda: vendor_of(local).listen(local, self.shall_end), self._rest, self._stopped.is_set)
        with closing(notices):
            notices.begin()
            yield notices.wait


class _Followed:
    """One way to or from a remote, and how far it is known to have been gone."""

    def __init__(self, way: Way, choices: Choices, new_partitions: list[str], longest_pause: float) -> None:
        self.way = way
        self.record = FollowersRecord(*way)
        self.trouble = Trouble(longest_pause)
        self._choices = choices
        self._new_partitions = list(new_partitions)
        self._warned: set[str] = set()
        self._run: Run | None = None
        self._went_well = True
        self._mark = ""
        self._checkpoint: Checkpoint | None = None
        self._refreshed = 0.0
        self._is_held_up = False

    @property
    def followed_with(self) -> str:
        """The alias of that one of the two databases which is not LOCAL."""
        return self.way.remote if self.way.source == LOCAL else self.way.source

    @property
    def has_arrived(self) -> bool:
        """Whether nothing of what the last run should have brought is left: one that stops at a failure leaves it."""
        return not self._is_held_up

    def forget_mark(self) -> None:
        """Look at LOCAL next time, whatever its mark."""
        self._mark = ""

    def catch_up(self, mark: str | None) -> SyncReport | None:
        """Make a run if there may be something to do.

        Args:
            mark: what ``commit_mark()`` of the source was just now: if it is what it was, nothing was committed since;
                ``None``: to be asked.

        Returns:
            The report; ``None``: there was nothing to do.
        """
        record = self.record
        record.begin_pass()
        try:
            with replaying_from(self.way.source), clear_errors(*self.way):
                return self._catch_up(commit_mark(self.way.source) if mark is None else mark, record)
        except BaseException as error:
            if record.has_begun or not self.trouble.is_known(line_of(error)):
                record.fail(error)
            raise

    def _catch_up(self, mark: str, record: RunRecord) -> SyncReport | None:
        due = time.monotonic() - self._refreshed > _REFRESH
        if mark == self._mark and not due:
            return None
        report: SyncReport | None
        if due or self._run is None:
            self._new_partitions += require_ready_triggers((self.way.remote,))
            if self._run is None or self._went_well:  # otherwise it still holds the lease
                self._run = Run(self.way.remote, self._choices)
            self._refreshed = time.monotonic()
            report = self._perform(self._run, record)
        else:
            report = self._take_what_is_new(self._run, mark, record)
        self._mark = mark
        if report is not None:
            self._is_held_up = self._choices.stop_at_failure and bool(report.failures or report.waiting)
            self._warn_once(report)
        return report

    def _warn_once(self, report: SyncReport) -> None:
        """Leave out of a report what an earlier one has warned of."""
        if self._new_partitions:
            report.warn(describe_partitions(self._new_partitions))
            self._new_partitions = []
        for each in report.left_out:
            report.warn(f"{each.name} is left out: {each.reason}")
        report.warnings = [text for text in report.warnings if text not in self._warned]
        self._warned.update(report.warnings)

    def _take_what_is_new(self, run: Run, mark: str, record: RunRecord) -> SyncReport | None:
        checkpoint = self._checkpoint
        if not self._went_well or checkpoint is None:
            return self._perform(run, record)
        end = run.end_of_window(mark)
        window = open_window(
            self.way.source, checkpoint.position, end=end, without_origin=run.node, known_row=checkpoint.last_row
        )
        if not window.rows:
            return None
        self._went_well = False
        report = run.perform_at_once(checkpoint, window, record)
        if report is None:
            return self._perform(run, record)
        checkpoint.position, checkpoint.last_row = window.end, window.last_row
        self._went_well = True
        return report

    def _perform(self, run: Run, record: RunRecord) -> SyncReport:
        self._went_well = False
        report = run.perform(record)
        self._checkpoint = load_checkpoint(self.way.remote, run.source)
        self._went_well = True
        return report


def _forget_connections(remotes: tuple[str, ...]) -> None:
    """Close connections that an error may have broken; the next use opens them."""
    for alias in (LOCAL, *remotes):
        if not connections[alias].in_atomic_block:
            connections[alias].close()
