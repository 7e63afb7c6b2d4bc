"""PostgreSQL's own logical replication between two databases of one server: the limit of what can be reached."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connections

from .harness import WorkNotDone

_NAME = "synchro_bench"


def why_not_there(alias: str) -> str:
    """Return why this server cannot replicate logically; empty when it can."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_setting('wal_level')")
        level = cursor.fetchone()[0]
    return "" if level == "logical" else f"the server's wal_level is {level}"


class LogicalReplication:
    """Tables of one database, replicated to the tables of the same name in another."""

    def __init__(self, source: str, target: str, tables: tuple[str, ...]) -> None:
        self._source, self._target, self._tables = source, target, tables

    @contextmanager
    def running(self) -> Iterator[None]:
        """Replicate what is committed from now on until the end of the block."""
        settings = connections[self._source].settings_dict
        where = f"host={settings['HOST']} port={settings['PORT']} user={settings['USER']} dbname={settings['NAME']}"
        if settings["PASSWORD"]:
            where += f" password={settings['PASSWORD']}"
        self._execute(self._source, f"CREATE PUBLICATION {_NAME} FOR TABLE {', '.join(self._tables)}")
        # Within one server the slot has to be made apart, or the subscription waits for itself.
        self._execute(self._source, f"SELECT pg_create_logical_replication_slot('{_NAME}', 'pgoutput')")
        try:
            self._execute(
                self._target,
                f"CREATE SUBSCRIPTION {_NAME} CONNECTION '{where}' PUBLICATION {_NAME} "
                f"WITH (create_slot = false, slot_name = '{_NAME}', copy_data = false)",
            )
            self.wait_until(lambda: self._slot_is_active())
            yield
        finally:
            self._stop()

    def wait_until(self, reached: Callable[[], bool], timeout: float = 120) -> None:
        """Wait for a state of the target.

        Raises:
            WorkNotDone: it was not reached in time.
        """
        end = time.monotonic() + timeout
        while not reached():
            if time.monotonic() > end:
                raise WorkNotDone("logical replication has not caught up")
            time.sleep(0.001)

    def _stop(self) -> None:
        self._execute(self._target, f"ALTER SUBSCRIPTION {_NAME} DISABLE")
        self._execute(self._target, f"ALTER SUBSCRIPTION {_NAME} SET (slot_name = NONE)")
        self._execute(self._target, f"DROP SUBSCRIPTION {_NAME}")
        self.wait_until(lambda: not self._slot_is_active())
        self._execute(self._source, f"SELECT pg_drop_replication_slot('{_NAME}')")
        self._execute(self._source, f"DROP PUBLICATION {_NAME}")

    def _slot_is_active(self) -> bool:
        with connections[self._source].cursor() as cursor:
            cursor.execute("SELECT active FROM pg_replication_slots WHERE slot_name = %s", [_NAME])
            return bool(cursor.fetchone()[0])

    def _execute(self, alias: str, sql: str) -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute(sql)
