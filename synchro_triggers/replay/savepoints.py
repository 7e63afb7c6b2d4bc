"""Savepoints that cost one message to the server instead of two."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections


@contextmanager
def savepoints_joined(alias: str) -> Iterator[None]:
    """Release each savepoint together with the beginning of the next one, inside the block.

    Objects are written one by one, each in a savepoint of its own. That makes three messages of one, and on
    PostgreSQL messages are what a small write costs. A savepoint that is released a little later is noticed by
    nobody: what comes in between is part of the transaction either way.
    """
    connection = connections[alias]
    if connection.vendor != "postgresql":  # SQLite has no messages
        yield
        return
    joining = _Joining(connection)
    with connection.execute_wrapper(joining):
        yield
    joining.finish()


class _Joining:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._release = ""

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        text = sql if isinstance(sql, str) else ""
        if text.startswith("RELEASE SAVEPOINT ") and not self._is_broken():
            self._release = text  # one that is open inside of it is released with it
            return None
        if text.startswith("ROLLBACK TO SAVEPOINT "):
            self._release = ""
        elif text.startswith("SAVEPOINT ") and self._release:
            sql, self._release = f"{self._release}; {text}", ""
        return execute(sql, params, many, context)

    def _is_broken(self) -> bool:
        """Tell whether a statement has failed, so that a release fails too, and says so."""
        driver = self._connection.connection
        if hasattr(driver, "pgconn"):
            return bool(driver.info.transaction_status != _IN_TRANSACTION)
        return bool(driver.get_transaction_status() != _IN_TRANSACTION)

    def finish(self) -> None:
        """Release what is still open."""
        if self._release and self._connection.connection is not None and not self._is_broken():
            with self._connection.cursor() as cursor:
                cursor.execute(self._release)


#: libpq's PQTRANS_INTRANS; psycopg 2 and 3 have it under different names.
_IN_TRANSACTION = 2
