"""What receivers do that would end more than the object they were called for: a transaction, a task, a process, a run.

Of one object, what they raise is an error like others.
"""

from __future__ import annotations

import re
import signal
from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connections

from ...exceptions import ObjectNotApplied, SynchroError

_writes: ContextVar[bool] = ContextVar("synchro_triggers_writes", default=False)


@contextmanager
def exits_as_errors() -> Iterator[None]:
    """Turn what a receiver may raise and is no ``Exception`` into one, unless it is meant for this process.

    All else that is none (``KeyboardInterrupt``, a time limit of the framework that the run is in) ends the run.

    Raises:
        ObjectNotApplied: the block has raised ``asyncio.CancelledError``, or has called ``sys.exit()``.
        SystemExit: the process shall end.
    """
    before = _writes.set(True)
    try:
        yield
    except (SystemExit, CancelledError) as error:
        if isinstance(error, SystemExit) and _was_asked_for(error):
            raise
        refused = ObjectNotApplied(f"{type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", ()):
            refused.add_note(note)
        raise refused from error
    finally:
        _writes.reset(before)


@contextmanager
def apart_from_a_run() -> Iterator[None]:
    """Let what ends a run that a receiver has called, while another one writes, not end that one.

    Raises:
        SynchroError: the run in the block has ended with an error of this package.
    """
    try:
        yield
    except SynchroError as error:
        if not _writes.get():
            raise
        raise SynchroError(f"a run was called while this one writes, and has ended: {error}") from error


def _was_asked_for(error: BaseException) -> bool:
    """Tell whether an exit was raised by a signal's handler: they run in the middle of whatever is under way."""
    handlers = {getattr(signal.getsignal(number), "__code__", None) for number in signal.valid_signals()}
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in handlers:
            return True
        trace = trace.tb_next
    return False


#: A savepoint may be rolled back to. MySQL has more such statements, see there.
_ENDING = re.compile(
    r"\s*(?:COMMIT|END|ABORT|PREPARE\s+TRANSACTION|ROLLBACK(?!\s+(?:WORK\s+|TRANSACTION\s+)?TO\b))\b", re.IGNORECASE
)


@contextmanager
def ends_refused(alias: str) -> Iterator[None]:
    """Refuse, in the block, statements that would end the transaction on ``alias``.

    What was written before it would stay, without its references and the progress: the next run would write it again.

    Example:
        ``with ends_refused("remote"): post_save.send(...)``
    """

    def refuse_or(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if isinstance(sql, str) and _ENDING.match(sql):
            raise ObjectNotApplied(
                f"a receiver was about to execute {' '.join(sql.split())[:60]!r} on {alias!r}, which would end the "
                "transaction of the run, and half of what belongs together would stay. It was not executed. Leave "
                "it to the run, or use a block of transaction.atomic()"
            )
        return execute(sql, params, many, context)

    with connections[alias].execute_wrapper(refuse_or):
        yield
