"""One transaction on the remote: whose changes are written in it, how long it waits, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from django.db import connections, transaction

from ...capture.session import replaying_for
from ...conf import local_alias
from ...django_inside.content_types import forget_content_types
from ...django_inside.receivers import withheld
from ...django_inside.savepoints import require_unbroken
from ...faults.judge import is_contended
from ...muted import is_anybody_muted, is_muted
from ...unnamed import unnamed_on
from ...vendors.vendor import database_of
from ..errors import commits_noticed, reraise_if_lost
from ..plan.context import BatchResult, RunContext
from .batch import Batch
from .exits import exits_as_errors


class RemoteTransaction:
    """A transaction in which changes of LOCAL are applied; in a dry run it is rolled back at its end.

    Args:
        seconds: how long it waits for a lock.

    Attributes:
        at_commit: all was written; an error now is what the remote has refused at the commit.
    """

    def __init__(self, context: RunContext, seconds: float) -> None:
        self._context = context
        self._seconds = seconds
        self._began = False
        self.at_commit = False

    @contextmanager
    def open(self) -> Iterator[None]:
        """Begin it; commit it at the end of the block."""
        try:
            with self._opened():
                yield
        except BaseException:
            forget_content_types()
            raise
        if self._context.dry_run:
            forget_content_types()

    @contextmanager
    def _opened(self) -> Iterator[None]:
        remote = self._context.remote
        here, there = connections[local_alias()], connections[remote]
        with (
            commits_noticed(remote),
            exits_as_errors(),
            database_of(there).short_waits(there, self._seconds),
            unnamed_on(remote),
            withheld(is_muted) if is_anybody_muted() else nullcontext(),
            replaying_for(remote, self._context.source, waits=None if self._context.dry_run else self._seconds),
            database_of(here).statements_wait_shortly(here, self._seconds),
        ):
            self._began = True
            yield
            if self._context.dry_run:
                transaction.set_rollback(True, using=remote)
            self.at_commit = True
        self.at_commit = False

    def apply(self, batch: Batch | None, *, all_or_nothing: bool) -> BatchResult:
        """Apply a batch in the open transaction.

        Args:
            batch: ``None``: nothing of it is left to do.
            all_or_nothing: raise the error of that change among those that have failed which was logged first.
        """
        result = BatchResult() if batch is None else batch.apply()
        require_unbroken(self._context.remote)
        if result.failed and all_or_nothing:
            raise result.failed[min(result.failed, key=lambda change: change.first)]
        return result

    def is_worth_another(self, error: Exception) -> bool:
        """Tell whether an error is worth another try: somebody else's lock was in the way.

        Who locks a whole file has waited long enough where a transaction could not even begin.
        """
        return is_contended(error) and (self._began or not database_of(connections[self._context.remote]).IS_FILE)

    def reraise_if_hopeless(self, error: Exception) -> None:
        """Let through what ends the run: a database is lost, or the remote's file is locked as a whole."""
        reraise_if_lost(error, self._context.remote)
        if is_contended(error) and not self.is_worth_another(error):
            raise error
