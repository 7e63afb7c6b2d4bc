"""SIGTERM and SIGINT end a process in order, or, where it hears nothing of a database, all the same within a second."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

logger = logging.getLogger("synchro_triggers.follow")

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

#: Seconds that it has to end in order; what is left of a second is for the rest.
_IN_ORDER = 0.75

#: Seconds for what may be said at the last.
_LAST_WORDS = 0.1


@contextmanager
def ended_by_signals(
    stop: Callable[[], None], *, cut_off: bool, at_last: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Let the two signals end the block.

    Python calls a signal's handler between two of its own steps, and so not while a driver waits for a server, or for a
    lock: a thread hears of the signal, from what the interpreter writes into a socket at once. What is under way when
    the process is cut off is rolled back by the database, as after a crash; the next run goes on from there.

    Args:
        stop: called at the first signal; it asks the block to end, and may be called twice.
        cut_off: end the process, with status 0, if the block has not ended soon. Only where the process is ours.
        at_last: called before that.
    """
    hearing, told = socket.socketpair()
    told.setblocking(False)
    over = threading.Event()
    before = {each: signal.signal(each, lambda *_: stop()) for each in _SIGNALS}
    told_before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    watch = threading.Thread(target=_watch, args=(hearing, stop, over, cut_off, at_last), daemon=True)
    watch.start()
    is_done = False
    try:
        yield
        is_done = True
    finally:
        if not (is_done and cut_off):  # otherwise closing connections may hang, too
            over.set()
        signal.set_wakeup_fd(told_before)
        for each, handler in before.items():
            signal.signal(each, handler)
        told.close()


def _watch(
    hearing: socket.socket,
    stop: Callable[[], None],
    over: threading.Event,
    cut_off: bool,
    at_last: Callable[[], None],
) -> None:
    with hearing:
        while heard := hearing.recv(64):
            if _SIGNALS_IN.intersection(heard):
                break
        else:
            return
    stop()
    if cut_off and not over.wait(_IN_ORDER):
        last_words = threading.Thread(target=_say_last_words, args=[at_last], daemon=True)
        last_words.start()
        last_words.join(_LAST_WORDS)
        os._exit(0)


_SIGNALS_IN = frozenset(map(int, _SIGNALS))


def _say_last_words(at_last: Callable[[], None]) -> None:
    """Say what can be said; a handler whose lock is taken must keep nobody."""
    if threading.main_thread().is_alive():
        fields = {name: None for name in ("remote", "alias", "model", "counts", "seconds")}
        text = "Ended in the middle of its work: what was under way is rolled back, and comes with the next run."
        logger.warning(text, extra=fields)
    at_last()
    with suppress(OSError, ValueError):  # closed already
        sys.stdout.flush()
        sys.stderr.flush()
    logging.shutdown()
