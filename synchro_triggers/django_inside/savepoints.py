"""Savepoints around single objects, as cheap as they can be.

Relies on: a connection notes its savepoints in ``savepoint_ids`` and ``run_on_commit`` (part ``savepoints`` of
``expected``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any

from django.db import DatabaseError, Error, connections, transaction

from ..vendors.vendor import database_of
from .content_types import forget_content_types
from .expected import is_as_expected


class Savepoints:
    """Gives each object that is written by itself a savepoint.

    With ``atomic()`` a small write makes three messages to the server: ``SAVEPOINT``, the write, ``RELEASE``. Here the
    release waits for the next savepoint, and, where the driver can send several statements at once, that one waits for
    the first statement in it: one message in all. Nobody notices that a savepoint is released a little later: what
    comes in between is part of the transaction either way. And before anybody else can say something to the server,
    what waits is sent: ``announced()``.

    On vendors whose savepoints are not known here, ``atomic()`` does it: Oracle has no ``RELEASE``.

    Must be used inside a transaction, and not across the end of a savepoint in which it was begun.

    Args:
        alias: the database.
        broken: what is raised where a statement has failed that was not executed through Django: all is undone then.
    """

    _numbers = count()

    def __init__(self, alias: str, broken: type[Exception] = DatabaseError) -> None:
        self._connection, self._broken = connections[alias], broken
        self._differs = database_of(self._connection)
        self._is_known = self._differs.IS_KNOWN and is_as_expected("savepoints")
        self._open = ""
        self._waiting = False
        self._may_wait = False

    @contextmanager
    def one(self) -> Iterator[None]:
        """Roll the block back, and it alone, when it raises, as ``atomic()`` does.

        Raises:
            DatabaseError: somebody has marked it for a rollback, and has not raised.
        """
        connection = self._connection
        if not self._is_known:
            try:
                with transaction.atomic(using=connection.alias):
                    yield
            except BaseException:
                forget_content_types()
                raise
            return
        connection.validate_no_broken_transaction()
        self._waiting = True
        if not self._may_wait:
            self.send()
        # on_commit() notes the savepoints it was called in, so that a rollback takes its callbacks back.
        name = f"synchro_{next(self._numbers)}"
        connection.savepoint_ids.append(name)
        try:
            yield
        except BaseException as error:
            self._leave(name)
            self._roll_back(name, error)
            raise
        self._leave(name)
        if connection.needs_rollback:  # an atomic(savepoint=False) inside has failed, and nobody said so
            self._roll_back(name)
            raise DatabaseError(_BROKEN)
        if self._is_broken():
            self._roll_back(name)
            raise DatabaseError(_BROKEN)
        self._waiting = False

    @contextmanager
    def announced(self) -> Iterator[None]:
        """Let savepoints wait, in the block, for the first statement in them.

        Whoever asks for a cursor, or has one and executes something, is let in when the savepoint has been sent.
        """
        connection: Any = self._connection
        sends_with_next = self._is_known and self._differs.sends_with_next(connection)
        if not sends_with_next or "create_cursor" in connection.__dict__:
            yield
            return

        def send_before(do: Callable[..., Any]) -> Callable[..., Any]:
            def then(*args: Any, **options: Any) -> Any:
                self.send()
                return do(*args, **options)

            return then

        connection.create_cursor = send_before(connection.create_cursor)
        self._may_wait = True
        try:
            with connection.execute_wrapper(send_before(_execute)):
                yield
        finally:
            self._may_wait = False
            del connection.create_cursor  # the class's own shows again

    def execute(self, cursor: Any, sql: str, params: Sequence[Any]) -> None:
        """Execute a statement together with what waits.

        Args:
            cursor: one of Django's that was made before the savepoint.
            sql, params: the statement.
        """
        before, ahead = self._open, self._take()
        if not ahead:
            cursor.execute(sql, params)
            return
        try:
            # Each on a line of its own, for the server quotes the line of a mistake.
            cursor.execute(";\n".join([*ahead, sql]), params)
        except BaseException:
            if not self._is_broken():  # the driver has refused a value, and sent nothing of it
                self._open, self._waiting = before, True
            raise
        for _ in ahead:
            cursor.nextset()

    def send(self) -> None:
        """Send what waits."""
        if statements := self._take():
            self._execute(*statements)

    def _take(self) -> tuple[str, ...]:
        if not self._waiting:
            return ()
        before, self._open = self._open, _NAMES[0] if self._open == _NAMES[1] else _NAMES[1]
        self._waiting = False
        return _ahead(before, self._open)

    def finish(self) -> None:
        """Release what is still open."""
        self._waiting = False
        if self._open and self._connection.connection is not None and not self._connection.needs_rollback:
            self._execute(f"RELEASE SAVEPOINT {self._open}")
        self._open = ""

    def _leave(self, name: str) -> None:
        ids = self._connection.savepoint_ids
        if ids and ids[-1] == name:
            ids.pop()

    def _roll_back(self, name: str, error: BaseException | None = None) -> None:
        connection = self._connection
        if connection.closed_in_transaction:
            return
        connection.needs_rollback = False
        forget_content_types()
        # As Django's own rollback does: nothing is called that was to be called on_commit() of what is gone.
        connection.run_on_commit = [each for each in connection.run_on_commit if name not in each[0]]
        if self._waiting:
            self._waiting = False  # nothing was executed in it
            if self._is_broken():
                raise self._broken("a statement failed that was not executed through Django") from error
            return
        try:
            self._execute(f"ROLLBACK TO SAVEPOINT {self._open}")  # it stays open, and is released with the next one
        except Error:
            connection.needs_rollback = True

    def _execute(self, *statements: str) -> None:
        # Past Django's cursors, whose wrappers take longer than the message.
        connection = self._connection
        with connection.wrap_database_errors:
            self._differs.execute_all(connection.connection, statements)

    def _is_broken(self) -> bool:
        return self._differs.is_broken(self._connection.connection)


def require_unbroken(alias: str) -> None:
    """Raise an error if somebody has marked the ``atomic()`` block for a rollback: it would be one without a word."""
    if connections[alias].needs_rollback:
        raise DatabaseError(_BROKEN)


_BROKEN = "a statement failed, and whoever executed it went on as if nothing had happened"


def _execute(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    return execute(sql, params, many, context)


#: What the server knows savepoints by. Always the same, for drivers keep statements that they have seen; and two of
#: them, for where one could not be made, a rollback must not go to the one before it.
_NAMES = ("synchro_a", "synchro_b")


@cache
def _ahead(before: str, name: str) -> tuple[str, ...]:
    return (*([f"RELEASE SAVEPOINT {before}"] if before else []), f"SAVEPOINT {name}")


_AHEAD = tuple(
    "".join(f"{statement};\n" for statement in _ahead(before, name)) for name in _NAMES for before in ("", *_NAMES)
)


def without_savepoints(sql: str) -> str:
    """Return a statement without those of ``Savepoints`` that it was sent with."""
    ahead = next(filter(sql.startswith, _AHEAD), "")
    return sql[len(ahead) :]
