"""Runs are put on record, on LOCAL: when, how they have ended, what they did, and who began them.

A run that has something to do writes a row before it applies anything, in a transaction of its own, so that one that
is killed has left it; what has nothing to do, or cannot begin, costs one row at its end. A record never breaks a run:
what is wrong with it is told.
"""

from __future__ import annotations

import datetime
import logging
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import Error, transaction

from ...conf import LOCAL
from ...exceptions import DatabaseUnreachable, Refused, RunUnderWay, SynchroConfigurationError
from ...masking import without_credentials
from ...models import Direction, Outcome, Run
from ...reaching import means_unreachable
from ..report import SyncReport
from ..schema.shape import model_of

logger = logging.getLogger("synchro_triggers.runs")

#: Characters that are kept of an error.
_ERROR_LENGTH = 500


class RunRecord:
    """What is put on record of one run.

    Args:
        source, remote: aliases: from which to which the changes go; one of them is LOCAL.
        by: who has begun it.
        wanted: nothing is put on record otherwise, as of a dry run.
        even_idle: put a run on record that had nothing to do.
    """

    def __init__(self, source: str, remote: str, by: str, *, wanted: bool = True, even_idle: bool = True) -> None:
        self._pushes = source == LOCAL
        self._row = Run(
            remote=remote if self._pushes else source,
            direction=Direction.PUSH if self._pushes else Direction.PULL,
            begun_at=datetime.datetime.now(datetime.UTC),
            begun_by=by[:255],
            host=socket.gethostname()[:255],
            pid=os.getpid(),
        )
        self._wanted, self._has_begun = wanted, False
        self._even_idle = even_idle

    @property
    def has_begun(self) -> bool:
        """Whether a row says that the run has begun."""
        return self._has_begun

    def meet(self, source: str, remote: str) -> None:
        """Note between which nodes the run is: where the changes come from, and where they go."""
        self._row.remote_node = remote if self._pushes else source

    def begin(self, report: SyncReport) -> None:
        """Put on record that there is something to do."""
        if self._wanted and not self.has_begun and (trouble := self._write()):
            report.warn(trouble)

    def end(self, report: SyncReport) -> None:
        """Put on record what was done."""
        if not self._wanted or not (self.has_begun or self._even_idle or report.changed):
            return
        links = sum(each.created + each.deleted for label, each in report.models.items() if _is_of_links(label))
        made = sum(each.deleted for label, each in report.models.items() if not _is_of_links(label))
        row = self._row
        row.outcome = Outcome.DONE if report.changed else Outcome.NOTHING
        row.links, row.deleted = links, made
        row.written = report.created + report.updated + report.deleted - links - made
        row.kept, row.conflicts = len(report.failures) + report.waiting, report.conflicts
        if trouble := self._write(ended=True):
            report.warn(trouble)

    def fail(self, error: BaseException) -> None:
        """Put on record which error has ended the run; once."""
        if self._wanted and self._row.ended_at is None:
            text = " ".join(without_credentials(str(error)).split())
            self._row.outcome = outcome_of(error)
            self._row.error = (text or type(error).__name__)[:_ERROR_LENGTH]
            self._write(ended=True, level=logging.DEBUG)  # the same database may be the trouble, which is told

    def _write(self, *, ended: bool = False, level: int = logging.WARNING) -> str:
        """Write the row; return what is to be told where that fails."""
        row = self._row
        if ended:
            row.ended_at = datetime.datetime.now(datetime.UTC)
        try:
            with transaction.atomic(using=LOCAL):
                if self.has_begun:
                    fields = {name: getattr(row, name) for name in _WRITTEN_AT_THE_END}
                    Run._base_manager.using(LOCAL).filter(pk=row.pk).update(**fields)
                else:
                    row.pk = None  # an attempt that has failed at its commit may have left one
                    Run._base_manager.using(LOCAL).bulk_create([row])  # nobody is told of it by signals
        except Error as error:
            text = " ".join(without_credentials(str(error)).split())
            shown = "seems to be killed" if self.has_begun else "is missing"
            told = f"This run could not be put on record on {LOCAL!r}, and {shown} in synchro_status: {text}"
            logger.log(level, told)
            return told
        self._has_begun = True
        return ""


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
