"""Processes that go on by statements, as a test tells them: two runs at once, in an order that can be had again.

Each is a fork of the test's process that stops before its first statement (``tests/safety/killing.py``), and then as
often as the test wants. Who was told to go on and does not come to the next stop waits for a lock that another holds.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import socket
import struct
import warnings
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from tests.safety.killing import AFTER, BEFORE, SENT, Watch, be_the_fork

Result = TypeVar("Result")

MOMENTS = (BEFORE, SENT, AFTER)

#: How many statements to send, and the index of the moment of the last one at which to die.
_ORDER, _LIVE = struct.Struct("BB"), len(MOMENTS)


class Stepped(Generic[Result]):
    """A fork of this process that does something, one statement after the other.

    No connection may be open, on SQLite, or used by both, on PostgreSQL.

    Args:
        do: what; it returns what can be pickled.

    Attributes:
        stands: it has stopped before a statement, and waits to be told.
        ended: it is gone.
        killed: by its end, it was killed.
        statements: how many it was let send.
        result: what its function has returned.
        error: the traceback of what it has raised.
    """

    def __init__(self, do: Callable[[], Result]) -> None:
        self.stands = self.ended = self.killed = False
        self.statements = 0
        self.result: Result | None = None
        self.error = ""
        self._orders, theirs = socket.socketpair()
        self._answer, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # as in ``in_fork()``
            self._pid = os.fork()
        if not self._pid:
            self._orders.close()
            os.close(self._answer)
            self._be_stepped(do, theirs, writer)
        theirs.close()
        os.close(writer)

    def fileno(self) -> int:
        return self._orders.fileno()

    def go_on(self, statements: int = 1, die: str = "") -> None:
        """Let it send the statement before which it stands, and more.

        Args:
            statements: how many, at most 255.
            die: at which moment of the last of them the process is to be killed, one of ``MOMENTS``.
        """
        assert self.stands
        self.stands = False
        self.statements += statements
        self._orders.sendall(_ORDER.pack(statements, MOMENTS.index(die) if die else _LIVE))

    def hear(self) -> None:
        """Take note of what it has come to: the next statement, or its end."""
        if self._heard():
            self.stands = True
            return
        self.ended = True
        self._orders.close()
        with os.fdopen(self._answer, "rb") as pipe:
            answer = pipe.read()
        _, status = os.waitpid(self._pid, 0)
        self.killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if status and not self.killed:
            self.error = answer.decode(errors="replace") or f"it has ended with the status {status}"
        elif not self.killed:
            self.result, _ = pickle.loads(answer)

    def _heard(self) -> bool:
        try:
            return bool(self._orders.recv(1))
        except ConnectionResetError:  # it was killed before it had read what it was told
            return False

    @staticmethod
    def _be_stepped(do: Callable[[], Result], told: socket.socket, writer: int) -> None:
        left, moment = 0, _LIVE

        def ask() -> str:
            nonlocal left, moment
            if not left:
                told.sendall(b".")
                order = told.recv(_ORDER.size)
                if not order:
                    os._exit(1)  # who steps is gone
                left, moment = _ORDER.unpack(order)
            left -= 1
            return "" if left or moment == _LIVE else MOMENTS[moment]

        def work(watch: Watch) -> Result:
            try:
                return do()
            finally:
                watch.ask = None
                told.close()  # what it answers may be more than a pipe takes while nobody reads

        be_the_fork(work, Watch(ask=ask), writer)


def wait_for_some(processes: Sequence[Stepped[Result]], seconds: float) -> list[Stepped[Result]]:
    """Wait until some of those that do not stand have something to say; return these, heard."""
    working = [each for each in processes if not each.stands and not each.ended]
    heard = select.select(working, [], [], seconds)[0] if working else []
    for each in heard:
        each.hear()
    return list(heard)
