"""``synchronize --follow``: runs whenever something was committed on LOCAL, until it is told to stop."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import Error, connections

from ..capture import install
from ..conf import LOCAL
from ..exceptions import SynchroConfigurationError, SynchroError
from ..models import Checkpoint
from ..reaching import clear_errors
from .checkpoint import load_checkpoint
from .node import require_tables
from .report import SyncReport
from .run import Choices, Run, describe_partitions, require_ready_triggers, required_remotes
from .window import commit_mark, open_window, position_since

#: Seconds between two looks at LOCAL.
INTERVAL = 0.06

#: Seconds after which what may have changed elsewhere is looked at again: triggers, settings of the checkpoint,
#: objects that could not be applied.
_REFRESH = 60.0

#: Seconds to wait after an error; doubled each time up to the second.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


@dataclass
class Follower:
    """Follows LOCAL.

    Attributes:
        remote: an alias; ``None``: those of ``SYNCHRO_REMOTE``.
        interval: seconds between two looks at LOCAL.
        notify: let PostgreSQL wake it at each commit that logged something, instead of looking.
        on_run: called with the remote and the report of each run that had something to do, or to tell; each warning
            comes once.
        on_problem: called with a line when a run was not possible; it is tried again.
    """

    remote: str | None = None
    interval: float = INTERVAL
    notify: bool = False
    stop_at_failure: bool = False
    on_run: Callable[[str, SyncReport], None] = lambda remote, report: None
    on_problem: Callable[[str], None] = lambda problem: None
    _stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """End ``run()`` after the transaction that is under way; may be called from a signal handler or a thread."""
        self._stopped.set()

    def run(self) -> None:
        """Follow LOCAL until ``stop()``.

        Raises:
            SynchroError: it cannot begin: wrong settings, missing tables or triggers. What happens later (a lost
                connection, another run under way) goes to ``on_problem``, and is tried again.
        """
        remotes = required_remotes(self.remote)
        if self.interval <= 0:
            raise SynchroConfigurationError(f"The interval must be more than 0 seconds, not {self.interval}.")
        new_partitions = require_ready_triggers(remotes)
        for alias in remotes:
            with suppress(Error):  # one that cannot be reached may come back: the first look tells of it
                require_tables(alias)
        with self._waiting() as wait:
            followed = [_Followed(alias, self._choices(), list(new_partitions)) for alias in remotes]
            pause = _FIRST_PAUSE
            while not self._stopped.is_set():
                try:
                    self._look(followed)
                    wait(self.interval)
                    pause = _FIRST_PAUSE
                except (SynchroError, Error) as error:
                    self.on_problem(" ".join(str(error).split()))
                    _forget_connections(remotes)
                    for each in followed:
                        each.forget_mark()
                    self._stopped.wait(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)

    def _choices(self) -> Choices:
        return Choices(stop_at_failure=self.stop_at_failure, interrupted=self._stopped.is_set)

    def _look(self, followed: list[_Followed]) -> None:
        mark = commit_mark(LOCAL)
        for each in followed:
            if self._stopped.is_set():
                return
            report = each.catch_up(mark)
            if report is not None and (report.changed or report.failures or report.told or report.warnings):
                self.on_run(each.alias, report)

    @contextmanager
    def _waiting(self) -> Iterator[Callable[[float], Any]]:
        """Yield what waits for the next look."""
        if not self.notify:
            yield self._stopped.wait
            return
        listener = _Listener()
        try:
            yield lambda seconds: listener.wait(self._stopped)
        finally:
            listener.close()


class _Followed:
    """One remote, and how far it is known to be."""

    def __init__(self, alias: str, choices: Choices, new_partitions: list[str]) -> None:
        self.alias = alias
        self._choices = choices
        self._new_partitions = new_partitions
        self._warned: set[str] = set()
        self._run: Run | None = None
        self._went_well = True
        self._mark = ""
        self._checkpoint: Checkpoint | None = None
        self._refreshed = 0.0

    def forget_mark(self) -> None:
        """Look at LOCAL next time, whatever its mark: on SQLite a new connection counts from the beginning."""
        self._mark = ""

    def catch_up(self, mark: str) -> SyncReport | None:
        """Make a run if there may be something to do; ``mark`` is LOCAL's as it was read just now."""
        due = time.monotonic() - self._refreshed > _REFRESH
        if mark == self._mark and not due:
            return None
        report: SyncReport | None
        with clear_errors(LOCAL, self.alias):
            if due or self._run is None:
                self._new_partitions += require_ready_triggers((self.alias,))
                if self._run is None or self._went_well:  # otherwise it still holds the lease
                    self._run = Run(self.alias, self._choices)
                self._refreshed = time.monotonic()
                report = self._perform(self._run)
            else:
                report = self._take_what_is_new(self._run, mark)
            self._mark = mark
        if report is not None:
            self._warn_once(report)
        return report

    def _warn_once(self, report: SyncReport) -> None:
        """Leave out of a report what an earlier one has warned of."""
        if self._new_partitions:
            report.warn(describe_partitions(self._new_partitions))
            self._new_partitions = []
        report.warnings = [text for text in report.warnings if text not in self._warned]
        self._warned.update(report.warnings)

    def _take_what_is_new(self, run: Run, mark: str) -> SyncReport | None:
        checkpoint = self._checkpoint
        if not self._went_well or checkpoint is None:
            return self._perform(run)
        end = position_since(LOCAL, mark)
        window = open_window(
            LOCAL, checkpoint.position, end=end, without_origin=run.node, known_row=checkpoint.last_row
        )
        if not window.rows:
            return None
        self._went_well = False
        report = run.perform_at_once(checkpoint, window)
        if report is None:
            return self._perform(run)
        checkpoint.position, checkpoint.last_row = window.end, window.last_row
        self._went_well = True
        return report

    def _perform(self, run: Run) -> SyncReport:
        self._went_well = False
        report = run.perform()
        self._checkpoint = load_checkpoint(self.alias, run.source)
        self._went_well = True
        return report


def _forget_connections(remotes: tuple[str, ...]) -> None:
    """Close connections that an error may have broken; the next use opens them."""
    for alias in (LOCAL, *remotes):
        if not connections[alias].in_atomic_block:
            connections[alias].close()


class _Listener:
    """A connection of its own that PostgreSQL tells when something was logged.

    Raises:
        SynchroConfigurationError: LOCAL is not PostgreSQL, or is reached through something else than psycopg 3.
    """

    #: Seconds to wait for a notice at the most: it may be lost with its connection.
    _LONGEST = 0.5

    def __init__(self) -> None:
        install.install_notices(LOCAL)
        self._own: Any = None
        self._listen()

    def _listen(self) -> None:
        from ..capture.postgres import NOTICE_CHANNEL

        connection: Any = connections[LOCAL].copy(alias=LOCAL)
        connection.settings_dict = {**connection.settings_dict, "OPTIONS": _without_pool(connection.settings_dict)}
        connection.connect()
        self._own = connection
        if not hasattr(connection.connection, "pgconn"):
            raise SynchroConfigurationError("--notify needs psycopg 3.")
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {NOTICE_CHANNEL}")

    def wait(self, stopped: threading.Event) -> None:
        """Wait for a notice."""
        if self._own is None:
            self._listen()
        server = self._own.connection.pgconn
        until = time.monotonic() + self._LONGEST
        while not stopped.is_set() and (left := until - time.monotonic()) > 0:
            ready, _, _ = select.select([server.socket], [], [], min(left, 0.1))
            if not ready:
                continue
            try:
                server.consume_input()
            except Exception:
                self.close()
                raise
            noticed = False
            while server.notifies() is not None:
                noticed = True
            if noticed:
                return

    def close(self) -> None:
        """Close the connection."""
        own, self._own = self._own, None
        if own is not None:
            own.close()


def _without_pool(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.get("OPTIONS", {}).items() if name != "pool"}
