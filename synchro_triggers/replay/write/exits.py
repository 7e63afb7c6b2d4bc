"""What a receiver raises to end a task, a thread, a process or a run: of one object, it is an error like others."""

from __future__ import annotations

import signal
from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

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
        raise ObjectNotApplied(f"{type(error).__name__}: {error}") from error
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
