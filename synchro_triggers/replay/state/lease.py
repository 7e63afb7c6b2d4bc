"""One run at a time for a source and a remote.

A run writes its name into the checkpoint's row on the remote and renews it in every transaction it makes there.
The renewal is the fence as well: it updates the row only while the name is still there, so a run that was taken for
dead cannot go on. A run is taken for dead when its process is gone (on the same host), or when it has not renewed
its name for ``EXPIRES`` seconds; a transaction that is open meanwhile holds the row's lock, and is waited for.

A run that is a single transaction needs no name there: its first statement moves the checkpoint, and so holds the row's
lock until the commit. Another run waits for that lock, and then finds the checkpoint moved.
"""

from __future__ import annotations

import datetime
import logging
import os
import socket
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from django.db import Error, connections, transaction
from django.db.models import Q, QuerySet

from ...exceptions import RunUnderWay
from ...models import Checkpoint
from ...moment import UtcNow
from ..rows.own_rows import has_rows, read_rows, take_row, update_rows
from .checkpoint import load_checkpoint

logger = logging.getLogger("synchro_triggers")

#: Seconds after which a run that does not renew its name is taken for dead.
EXPIRES = 60

_NOBODY = {"run_id": "", "run_host": "", "run_pid": None, "run_started": None, "run_seen": None}


class CheckpointMoved(Exception):
    """The remote has received more than was known, or a kept failure is concerned: it takes a run with a lease."""


class Lease:
    """The right to synchronise from ``source`` to ``remote``.

    Args:
        remote: the remote alias.
        source: the node id of LOCAL.
        further: tells what else each transaction of the run writes into the checkpoint.

    Attributes:
        checkpoint: as it was when the lease was taken; ``None``: it has to be read.
    """

    def __init__(self, remote: str, source: str, further: Callable[[], dict[str, object]] = dict) -> None:
        self._remote = remote
        self._source = source
        self._further = further
        self._run_id = str(uuid.uuid4())
        self._is_given_back = False
        self.checkpoint: Checkpoint | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Take the lease, and give it back at the end of the block.

        Raises:
            RunUnderWay: another run has it.
        """
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def acquire(self) -> None:
        """Take the lease.

        Raises:
            RunUnderWay: another run has it; the message says since when, and by which host and process.
        """
        self._is_given_back, self.checkpoint = False, None
        while not self._take_if_free():
            holder = load_checkpoint(self._remote, self._source)
            if not holder.run_id or holder.run_started is None:
                continue  # given back in this moment
            raise self._taken(holder)

    def require_free(self) -> None:
        """Look whether it can be had, before a transaction begins that is to write.

        On SQLite, that would wait for the transaction of the run that is under way.

        Raises:
            RunUnderWay: another run has it.
        """
        for holder in read_rows(Checkpoint, self._remote, source=self._source):
            if holder.run_id and not self._rows(holder).exists():
                raise self._taken(holder)

    def _taken(self, holder: Checkpoint) -> RunUnderWay:
        since = f"{holder.run_started:%Y-%m-%d %H:%M:%S}" if holder.run_started else "an unknown time"
        return RunUnderWay(
            f"A run to {self._remote!r} is under way since {since}, by process {holder.run_pid} on "
            f"{holder.run_host!r}. Nothing was done. If that process is gone, the next run after {EXPIRES} seconds "
            "takes over."
        )

    def _take_if_free(self) -> bool:
        self.checkpoint = take_row(Checkpoint, self._remote, self._name(), source=self._source, run_id="")
        if self.checkpoint is not None:
            return True
        holder = load_checkpoint(self._remote, self._source)
        if not holder.run_id:  # made, or given back, in this moment; or it cannot be had at once: wait for it
            return self._take_over()
        # Looked at first: on SQLite, a write would wait for the transaction of the run that is under way.
        rows = self._rows(holder)
        return rows.exists() and bool(rows.update(**self._name()))

    def _rows(self, holder: Checkpoint) -> QuerySet[Checkpoint]:
        """Return the checkpoint, if the lease can be had that somebody had when it was read."""
        free = Q(run_id__in=("", self._run_id)) | Q(run_seen__lt=UtcNow() - datetime.timedelta(seconds=EXPIRES))
        if holder.run_host == socket.gethostname() and not is_alive(holder.run_pid):
            free |= Q(run_id=holder.run_id)
        return Checkpoint.objects.using(self._remote).filter(free, source=self._source)

    def _take_over(self) -> bool:
        return bool(update_rows(Checkpoint, self._remote, self._name(), source=self._source, run_id=""))

    def _name(self) -> dict[str, object]:
        return {
            "run_id": self._run_id,
            "run_host": socket.gethostname(),
            "run_pid": os.getpid(),
            "run_started": UtcNow(),
            "run_seen": UtcNow(),
        }

    def _write(self, **fields: object) -> int:
        return update_rows(Checkpoint, self._remote, fields, source=self._source, run_id=self._run_id)

    def renew(self, **fields: object) -> None:
        """Renew the lease, and write other fields of the checkpoint with it.

        The first statement of every transaction of a run: it takes the row's lock (SQLite: the database's).

        Raises:
            RunUnderWay: another run has taken over.
        """
        if not self._write(**{"run_seen": UtcNow(), **self._further(), **fields}):
            raise RunUnderWay(
                f"Another run to {self._remote!r} has taken over, because this one had not been heard of for "
                f"{EXPIRES} seconds. What was committed stays."
            )

    @contextmanager
    def last_transaction(self, *, alone: bool = False, **fields: object) -> Iterator[None]:
        """Renew the lease in a transaction for the last time, and give it back with its commit: nothing comes after it.

        Args:
            alone: the block writes nothing: its one statement needs no messages that begin and end a transaction.
            **fields: other fields of the checkpoint.

        Raises:
            RunUnderWay: another run has taken over.
        """
        is_one = alone and not connections[self._remote].in_atomic_block  # a test case's goes on after an error
        with nullcontext() if is_one else transaction.atomic(using=self._remote):
            self.renew(**fields, **_NOBODY)
            yield
        self._is_given_back = True

    def is_free_at(self, position: str) -> bool:
        """Tell whether nobody has the lease and the checkpoint is where it should be; waits for nobody."""
        return has_rows(Checkpoint, self._remote, source=self._source, run_id="", position=position)

    def move_on(self, start: str, waits: Callable[[], bool], **fields: object) -> None:
        """Write fields of a checkpoint that is at ``start`` still, and keep others out until the commit.

        The first statement of a run that is one transaction, and does not take the lease.

        Args:
            start: where the checkpoint should be.
            waits: tells whether a failure that is kept has to do with what the transaction writes.
            **fields: the checkpoint's new ones.

        Raises:
            CheckpointMoved: it is not there any more, somebody has the lease, or something waits to be tried again.
        """
        free = {"source": self._source, "run_id": "", "position": start, "window_end": "", "since": None}
        # Failures are asked for only now: once the row is locked, nobody keeps another one.
        if not update_rows(Checkpoint, self._remote, {**self._further(), **fields}, **free) or waits():
            raise CheckpointMoved

    def release(self) -> None:
        """Give the lease back, if this run still has it. Where the database is gone, it expires by itself."""
        if self._is_given_back:
            return
        ended_by = sys.exception()
        try:
            with transaction.atomic(using=self._remote):
                self._write(**_NOBODY)
        except Error as error:
            # A run that an error has ended reports that one; this one is most often the same, and told once is enough.
            level = logging.WARNING if ended_by is None else logging.DEBUG
            logger.log(level, "The lease on %r could not be given back, and expires by itself: %s", self._remote, error)


def is_alive(pid: int | None) -> bool:
    """Tell whether a process of this host runs; one that has ended but was not waited for does not."""
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return True
