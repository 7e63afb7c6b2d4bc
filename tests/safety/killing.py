"""Processes that are killed around one of the statements that they send, whichever database it goes to.

A process is a fork of the test's: it begins at once, on databases that are prepared, with the same caches each time.
It counts at the drivers, below Django, so that no statement goes by unseen: ``BEGIN``, ``COMMIT`` and savepoints too.
"""

from __future__ import annotations

import os
import pickle
import signal
import sqlite3
import sys
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from inspect import getgeneratorlocals
from types import GeneratorType
from typing import Any, Generic, NoReturn, TypeVar

import psycopg
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLiteWrapper

Result = TypeVar("Result")

#: Seconds after which a process hangs.
PATIENCE = 60

BEFORE, SENT, AFTER = "before", "while the server works on", "after"
"""The moments of a statement. There is nobody to go on alone with what is SQLite's, or what waits for a commit."""


@dataclass(frozen=True)
class Point:
    """Where a process is killed: at a moment of the statement with this number, counted from 0."""

    number: int
    moment: str


@dataclass
class Statement:
    """A statement that a process has sent.

    Attributes:
        alias: where to.
        text: its SQL.
        moments: when it can be killed around it; none: the driver had nothing to send after all.
    """

    alias: str
    text: str
    moments: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.alias}: {' '.join(self.text.split())[:150]}"


@dataclass
class Watch:
    """Counts the statements of this process, and kills it at one of them.

    Attributes:
        kill_at: where.
        statements: what has been sent, in its order.
        ask: is called before each statement, and returns at which moment of it to be killed, or nothing.
    """

    kill_at: Point | None = None
    statements: list[Statement] = field(default_factory=list)
    ask: Callable[[], str] | None = None
    _looks_away: bool = False

    @contextmanager
    def looks_away(self) -> Iterator[None]:
        """What the block sends is somebody else's."""
        self._looks_away = True
        try:
            yield
        finally:
            self._looks_away = False

    def begin(self, alias: str, text: str) -> Callable[[str], None]:
        """Note that a statement is about to be sent; return what is to be called at its moments."""
        if self._looks_away:
            return lambda moment: None
        number = len(self.statements)
        statement = Statement(alias, text)
        self.statements.append(statement)

        def at(moment: str) -> None:
            statement.moments.append(moment)
            if moment == BEFORE and self.ask is not None and (asked_for := self.ask()):
                self.kill_at = Point(number, asked_for)
            if self.kill_at == Point(number, moment):
                os.kill(os.getpid(), signal.SIGKILL)

        return at


def points_of(statements: Sequence[Statement]) -> list[Point]:
    """Return every point at which a process that sends these can be killed.

    After a statement is before the next one: whatever the process does in between, the databases do not see it.
    """
    last = max((number for number, each in enumerate(statements) if each.moments), default=0)
    return [
        Point(number, moment)
        for number, each in enumerate(statements)
        for moment in each.moments
        if moment != AFTER or number == last
    ]


@dataclass(frozen=True)
class Ended(Generic[Result]):
    """How a process has ended.

    Attributes:
        killed: at the point where it was to be killed.
        result: what its function has returned.
        statements: what it has sent.
    """

    killed: bool
    result: Result | None = None
    statements: tuple[Statement, ...] = ()


class ProcessFailed(AssertionError):
    """A process has ended with an error, or did not end."""


def in_fork(do: Callable[[Watch], Result], kill_at: Point | None = None) -> Ended[Result]:
    """Let a fork of this process do something.

    Args:
        do: returns what can be pickled; is handed what watches its statements.
        kill_at: where to kill it.

    Raises:
        ProcessFailed: it raised an error, whose traceback is the message, or hangs.
    """
    connections.close_all()  # a connection cannot be shared
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a worker of pytest-xdist has threads; the fork needs none
        pid = os.fork()
    if not pid:
        os.close(reader)
        be_the_fork(do, Watch(kill_at), writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return Ended(killed=True)
    if status or not answer:
        raise ProcessFailed(answer.decode(errors="replace") or f"it hangs, or has ended with the status {status}")
    result, statements = pickle.loads(answer)
    return Ended(False, result, statements)


def be_the_fork(do: Callable[[Watch], object], watch: Watch, writer: int) -> NoReturn:
    """Do something in a process that was forked, and end it.

    Args:
        do: what.
        watch: watches its statements.
        writer: a pipe for what it returns, or for the traceback of what it raises.
    """
    code = 1
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(PATIENCE)
        _watch_drivers(watch)
        answer = pickle.dumps((do(watch), tuple(watch.statements)))
        code = 0
    except BaseException:
        answer = traceback.format_exc().encode()
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(answer)
    sys.stdout.flush()
    os._exit(code)  # nothing of the test's own may be cleared away


# The drivers ------------------------------------------------------------------------------------------


def _watch_drivers(watch: Watch) -> None:
    """Let the drivers of this process, which does not come back from it, call what watches."""
    _watch_psycopg(watch)
    _watch_sqlite(watch)


def _watch_psycopg(watch: Watch) -> None:
    wait = psycopg.Connection.wait
    aliases = {str(settings["NAME"]): alias for alias, settings in connections.settings.items()}

    def watched(self: Any, generator: Any, *args: Any, **options: Any) -> Any:
        name = getattr(generator, "__name__", "").strip("_").removesuffix("_gen")
        query = getgeneratorlocals(generator).get("query", name) if isinstance(generator, GeneratorType) else name
        at = watch.begin(aliases.get(self.info.dbname, self.info.dbname), _as_text(query))
        status = self.pgconn.transaction_status
        if (name in {"commit", "rollback"} and status == psycopg.pq.TransactionStatus.IDLE) or name == "set_autocommit":
            return wait(self, generator, *args, **options)  # sends nothing
        at(BEFORE)
        # What is sent in a transaction that then is never committed changes nothing.
        lasts = name == "commit" or (self.autocommit and status == psycopg.pq.TransactionStatus.IDLE)
        result = wait(self, _noticed(generator, at) if lasts else generator, *args, **options)
        at(AFTER)
        return result

    psycopg.Connection.wait = watched  # type: ignore[method-assign]


def _noticed(generator: Any, at: Callable[[str], None]) -> Generator[Any, Any, Any]:
    """Do what the driver does, which waits for the first time when the server has been told."""
    try:
        wanted = next(generator)
        at(SENT)
        while True:
            wanted = generator.send((yield wanted))
    except StopIteration as end:
        return end.value


def _watch_sqlite(watch: Watch) -> None:
    get_connection_params = SQLiteWrapper.get_connection_params

    def watched(self: Any) -> dict[str, Any]:
        return {**get_connection_params(self), "factory": _watched_connection(watch, self.alias)}

    SQLiteWrapper.get_connection_params = watched


def _watched_connection(watch: Watch, alias: str) -> type[sqlite3.Connection]:
    def watched(do: Any, text: str, *args: Any) -> Any:
        at = watch.begin(alias, text)
        at(BEFORE)
        result = do(*args)
        at(AFTER)
        return result

    @cache
    def cursor_like(factory: Any) -> Any:
        class Cursor(factory):
            def execute(self, sql: Any, *args: Any) -> Any:
                return watched(super().execute, _as_text(sql), sql, *args)

            def executemany(self, sql: Any, *args: Any) -> Any:
                return watched(super().executemany, _as_text(sql), sql, *args)

        return Cursor

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
            return super().cursor(cursor_like(factory))

        def commit(self) -> None:
            watched(super().commit, "commit") if self.in_transaction else super().commit()

        def rollback(self) -> None:
            watched(super().rollback, "rollback") if self.in_transaction else super().rollback()

    return Connection


def _as_text(query: Any) -> str:
    return query.decode(errors="replace") if isinstance(query, bytes) else str(query)
