"""Runs are put on record, on LOCAL: when, how they have ended, what they did, and who began them.

A run that has something to do writes a row before it applies anything, in a transaction of its own, so that one that
is killed has left it; what cannot begin costs one row at its end, and of runs with nothing to do, one after the other,
the last one has a row. A follower has one row for a minute, and a run that is made in parts one for all of them. A
record never breaks a run: what is wrong with it is told.
"""

from __future__ import annotations

import datetime
import logging
import os
import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext

from django.db import Error, connections, transaction

from ...conf import LOCAL
from ...exceptions import DatabaseUnreachable, Refused, RunUnderWay, SynchroConfigurationError
from ...masking import without_credentials
from ...models import Direction, Outcome, Run
from ...moment import as_utc
from ...reaching import means_unreachable
from ..report import SyncReport
from ..rows.own_rows import insert_row
from ..schema.shape import model_of
from .totals import Applied, add_applied, applied_in

logger = logging.getLogger("synchro_triggers.runs")

#: Characters that are kept of an error.
_ERROR_LENGTH = 500


class RunRecord:
    """What is put on record of one run.

    Args:
        source, remote: aliases: from which to which the changes go; one of them is LOCAL.
        by: who has begun it.
        wanted: nothing is put on record otherwise, as of a dry run.
        in_parts: where the last run was cut off just now, this is the rest of it, whoever has begun it.
    """

    def __init__(self, source: str, remote: str, by: str, *, wanted: bool = True, in_parts: bool = False) -> None:
        self._source, self._remote, self._by, self._wanted = source, remote, by, wanted
        self._in_parts = in_parts
        self._renew()

    def _renew(self) -> None:
        self._has_begun = False
        self._applied = Counter[Applied]()
        self._under_way: SyncReport | None = None
        self._row = Run(
            remote=self._remote if self._pushes else self._source,
            direction=Direction.PUSH if self._pushes else Direction.PULL,
            begun_at=datetime.datetime.now(datetime.UTC),
            begun_by=self._by[:255],
            host=socket.gethostname()[:255],
            pid=os.getpid(),
        )

    @property
    def _pushes(self) -> bool:
        return self._source == LOCAL

    @property
    def has_begun(self) -> bool:
        """Whether a row says that the run has begun."""
        return self._has_begun

    def meet(self, source: str, remote: str) -> None:
        """Note between which nodes the run is: where the changes come from, and where they go."""
        self._row.remote_node = remote if self._pushes else source

    def begin(self, report: SyncReport, rows: int | None) -> None:
        """Put on record that there is something to do.

        Args:
            report: is told what is wrong with the record.
            rows: how many log rows the run will look at; ``None``: it looks at whole tables.
        """
        if self._wanted and not self.has_begun and (trouble := self._write()):
            report.warn(trouble)
        self._under_way = report

    def end(self, report: SyncReport) -> None:
        """Put on record what was done."""
        if not self._wanted:
            return
        self._add(report)
        if trouble := self._write(ended=True):
            report.warn(trouble)

    def _add(self, report: SyncReport) -> None:
        row = self._row
        self._applied += applied_in(report)
        self._under_way = None
        links = sum(each.created + each.deleted for label, each in report.models.items() if _is_of_links(label))
        deleted = sum(each.deleted for label, each in report.models.items() if not _is_of_links(label))
        if report.changed:
            row.outcome = Outcome.DONE
        row.outcome = row.outcome or Outcome.NOTHING
        if report.is_cut and self._in_parts:
            row.outcome = Outcome.PAUSED
        row.links, row.deleted = row.links + links, row.deleted + deleted
        row.written += report.created + report.updated + report.deleted - links - deleted
        row.kept, row.conflicts = len(report.failures) + report.waiting, row.conflicts + report.conflicts
        row.ended_at = datetime.datetime.now(datetime.UTC)

    def fail(self, error: BaseException) -> None:
        """Put on record which error has ended the run; once.

        Who makes a run in parts asks every few seconds whether another one has ended: that is not on record.
        """
        if self._in_parts and isinstance(error, RunUnderWay):
            return
        if self._wanted and self._row.ended_at is None:
            if self._under_way is not None:  # what was committed before
                self._add(self._under_way)
            text = " ".join(without_credentials(str(error)).split())
            self._row.outcome = outcome_of(error)
            text = text or type(error).__name__
            self._row.error = text if len(text) <= _ERROR_LENGTH else text[: _ERROR_LENGTH - 2] + " …"
            self._row.ended_at = datetime.datetime.now(datetime.UTC)
            self._write(ended=True, level=logging.DEBUG)  # the same database may be the trouble, which is told

    def _write(self, *, ended: bool = False, level: int = logging.WARNING) -> str:
        """Write the row; return what is to be told where that fails."""
        row = self._row
        rows = Run._base_manager.using(LOCAL)
        try:
            # A run that begins writes one row: a transaction by itself, unless a test case's is open, which goes on.
            is_one = not (ended or self._in_parts or self.has_begun or connections[LOCAL].in_atomic_block)
            with nullcontext() if is_one else transaction.atomic(using=LOCAL):
                if self._in_parts and not self.has_begun:
                    self._take_up_the_last_part()
                if self.has_begun:
                    rows.filter(pk=row.pk).update(
                        **{name: getattr(row, name) for name in (*_WRITTEN_AT_THE_END, "host", "pid")}
                    )
                elif not (row.outcome == Outcome.NOTHING and self._take_the_place_of_another()):
                    row.pk = None  # an attempt that has failed at its commit may have left one
                    insert_row(row, LOCAL)  # nobody is told of it by signals
                if ended:
                    add_applied(row.remote, row.direction, self._applied)
        except Error as error:
            text = " ".join(without_credentials(str(error)).split())
            shown = "seems to be killed" if self.has_begun else "is missing"
            told = f"This run could not be put on record on {LOCAL!r}, and {shown} in synchro_status: {text}"
            logger.log(level, told)
            return told
        self._has_begun = not ended
        return ""

    def _take_up_the_last_part(self) -> None:
        """Make the row of the run before one with this one's, if that was cut off just now: this is the rest of it."""
        row, just_now = self._row, datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=_BETWEEN_PARTS)
        runs = Run._base_manager.using(LOCAL).filter(remote=row.remote, direction=row.direction).order_by("-id")
        last = runs.first()
        if last is None or last.outcome != Outcome.PAUSED or last.ended_at is None or as_utc(last.ended_at) < just_now:
            return
        row.pk, row.begun_at, row.begun_by = last.pk, last.begun_at, last.begun_by
        for name in _COUNTED:
            setattr(row, name, getattr(row, name) + getattr(last, name))
        if row.outcome == Outcome.NOTHING and any(getattr(row, name) for name in _COUNTED):
            row.outcome = Outcome.DONE
        self._has_begun = True

    def _take_the_place_of_another(self) -> bool:
        """Write over the row of the run before, if that had nothing to do either; return whether that was so."""
        row = self._row
        before = Run._base_manager.using(LOCAL).filter(remote=row.remote, direction=row.direction).order_by("-id")
        values = {name: getattr(row, name) for name in (*_WRITTEN_AT_THE_END, *_WRITTEN_AT_THE_BEGINNING)}
        last = Run._base_manager.using(LOCAL).filter(pk=before.values("pk")[:1], outcome=Outcome.NOTHING)
        return bool(last.update(**values))


class FollowersRecord(RunRecord):
    """What is put on record of a follower's runs: all that it did in a minute is one row.

    Each row is a transaction on LOCAL. On SQLite, users who write there at that moment wait for it, or are refused
    where they have read before; so a follower that replays what they write must not write a row for each of their
    transactions. What is large writes its row before it begins, as other runs do.
    """

    def __init__(self, source: str, remote: str) -> None:
        self._counts, self._written_at = False, time.monotonic()
        super().__init__(source, remote, "follower")

    def begin_pass(self) -> None:
        """Note that the follower looks whether there is something to do; write what it did, when it is time."""
        if not self._counts:
            self._renew()
        elif time.monotonic() - self._written_at >= _FOLLOWERS_ROW:
            self.write()

    def begin(self, report: SyncReport, rows: int | None) -> None:
        """See ``RunRecord.begin``."""
        if rows is None or rows > _LARGE:
            self.write()
            super().begin(report, rows)
        self._under_way = report

    def end(self, report: SyncReport) -> None:
        """Add what was done to that of the passes before."""
        if self.has_begun:
            super().end(report)
            self._renew()
        elif report.changed:
            self._counts = True
            self._add(report)
        self._under_way = None

    def fail(self, error: BaseException) -> None:
        """See ``RunRecord.fail``."""
        under_way = self._under_way
        if not self.has_begun:
            self.write()
        if not self._counts:
            self._under_way = under_way
            super().fail(error)
            self._renew()

    def write(self) -> None:
        """Write the row of what was done, if there is any."""
        if not self._counts:
            return
        self._written_at = time.monotonic()
        if not self._write(ended=True):  # otherwise it is tried again with what comes
            self._counts = False
            self._renew()


#: Seconds that may pass between two parts of a run; after them, what goes on is another one.
_BETWEEN_PARTS = 60.0

#: What all parts of a run have done together.
_COUNTED = ("written", "deleted", "links", "conflicts")

#: Seconds of a follower's work that are one row, and the number of log rows of which a run writes one of its own.
_FOLLOWERS_ROW, _LARGE = 60.0, 1000

#: Of a run that is not put on record.
NO_RECORD = RunRecord(LOCAL, "", "", wanted=False)


_WRITTEN_AT_THE_END = (
    "remote_node",
    "ended_at",
    "outcome",
    "error",
    "written",
    "deleted",
    "links",
    "kept",
    "conflicts",
)


_WRITTEN_AT_THE_BEGINNING = ("begun_at", "begun_by", "host", "pid")


@contextmanager
def all_fail(records: Iterable[RunRecord]) -> Iterator[None]:
    """Put an error on record that ends the block, of all of these runs."""
    try:
        yield
    except BaseException as error:
        for record in records:
            record.fail(error)
        raise


def outcome_of(error: BaseException) -> Outcome:
    """Return how a run has ended that this error has ended.

    Example:
        >>> outcome_of(ZeroDivisionError())
        Outcome.FAILED
    """
    if isinstance(error, RunUnderWay):
        return Outcome.BUSY
    if isinstance(error, (Refused, SynchroConfigurationError)):
        return Outcome.REFUSED
    if isinstance(error, DatabaseUnreachable) or (isinstance(error, Error) and means_unreachable(error)):
        return Outcome.UNREACHABLE
    return Outcome.FAILED


def _is_of_links(label: str) -> bool:
    model = model_of(label)
    return model is not None and bool(model._meta.auto_created)
