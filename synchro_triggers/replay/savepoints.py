"""Savepoints around single objects, as cheap as they can be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from django.db import DatabaseError, Error, connections


class Savepoints:
    """Gives each object that is written by itself a savepoint.

    With ``atomic()`` a small write makes three messages to the server: ``SAVEPOINT``, the write, ``RELEASE``. Here each
    release is sent together with the beginning of the next savepoint. Nobody notices that a savepoint is released a
    little later: what comes in between is part of the transaction either way. And they are sent past Django's
    cursors, whose wrappers take longer than the message.

    Must be used inside a transaction, and not across the end of a savepoint in which it was begun.
    """

    _numbers = count()

    def __init__(self, alias: str) -> None:
        self._connection = connections[alias]
        self._open = ""

    @contextmanager
    def one(self) -> Iterator[None]:
        """Roll the block back, and it alone, when it raises, as ``atomic()`` does."""
        connection = self._connection
        name = f"synchro_{next(self._numbers)}"
        connection.validate_no_broken_transaction()
        self._execute(*([f"RELEASE SAVEPOINT {self._open}"] if self._open else []), f"SAVEPOINT {name}")
        self._open = name
        # on_commit() notes the savepoints it was called in, so that a rollback takes its callbacks back.
        connection.savepoint_ids.append(name)
        try:
            yield
        except BaseException:
            self._leave(name)
            self._roll_back(name)
            raise
        self._leave(name)
        if connection.needs_rollback:  # an atomic(savepoint=False) inside has failed, and nobody said so
            self._roll_back(name)
        elif self._is_broken():
            self._roll_back(name)
            raise DatabaseError("a statement failed, and whoever executed it went on as if nothing had happened")

    def _leave(self, name: str) -> None:
        ids = self._connection.savepoint_ids
        if ids and ids[-1] == name:
            ids.pop()

    def _roll_back(self, name: str) -> None:
        connection = self._connection
        if connection.closed_in_transaction:
            return
        connection.needs_rollback = False
        try:
            connection.savepoint_rollback(name)  # it stays open, and is released with the next one
        except Error:
            connection.needs_rollback = True

    def _execute(self, *statements: str) -> None:
        connection = self._connection
        with connection.wrap_database_errors:
            driver: Any = connection.connection
            if connection.vendor == "postgresql":
                with driver.cursor() as cursor:
                    cursor.execute("; ".join(statements))
            else:
                for statement in statements:
                    driver.execute(statement)

    def _is_broken(self) -> bool:
        """Tell whether the transaction has ended, or waits for its end, since a statement failed."""
        driver: Any = self._connection.connection
        if self._connection.vendor == "sqlite":
            return not driver.in_transaction
        if hasattr(driver, "pgconn"):
            return bool(driver.info.transaction_status != _IN_TRANSACTION)
        return bool(driver.get_transaction_status() != _IN_TRANSACTION)

    def finish(self) -> None:
        """Release what is still open."""
        if self._open and self._connection.connection is not None and not self._connection.needs_rollback:
            self._execute(f"RELEASE SAVEPOINT {self._open}")
        self._open = ""


#: libpq's PQTRANS_INTRANS, which psycopg 2 and 3 have under different names.
_IN_TRANSACTION = 2
