"""Databases of PostgreSQL. Nothing of a driver is imported: it may not be installed."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.db import models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .other import Database

#: The cluster's identifier and the database's number in it.
_FINGERPRINT = "system_identifier || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())"

#: The same, and the server: a standby and a copy of the cluster's files have its identifier, but another postmaster.
PLACE = f"{_FINGERPRINT}, extract(epoch FROM pg_postmaster_start_time())::text"

#: libpq's PQTRANS_IDLE and PQTRANS_INTRANS, which psycopg 2 and 3 have under different names.
_IDLE, _IN_TRANSACTION = 0, 2

#: Seconds to wait for a lock at the most, also where batches may last longer: another run may wait for one of ours.
_LONGEST_WAIT = 1.0

_WITHOUT_LOCKS = ("SELECT", "WITH before", "SET LOCAL", "SAVEPOINT", "RELEASE", "ROLLBACK", "DECLARE", "FETCH", "SHOW")


class Postgres(Database):
    IS_KNOWN = True
    FAILS_UNTIL_ROLLED_BACK = True
    TRANSACTION = "txid_current()"
    JSON_TEXT = "%s::jsonb"
    AS_THEY_ARE = {
        models.DateField: datetime.date,
        models.DateTimeField: datetime.datetime,
        models.DecimalField: decimal.Decimal,
        models.UUIDField: uuid.UUID,
    }
    RETURNS_UPDATED = True
    PAST_LOCKED = " FOR UPDATE SKIP LOCKED"
    FINGERPRINT = f"(SELECT {_FINGERPRINT} FROM pg_control_system())"

    def lacks_packages(self) -> bool:
        try:
            import_module("pgtrigger")
        except ImportError:
            return True
        return False

    def fails_to_connect_within(self, seconds: int) -> dict[str, Any]:
        return {"connect_timeout": seconds}

    def usual_port(self, vendor: str) -> str:
        return "5432"

    def fingerprint(self, connection: BaseDatabaseWrapper) -> str:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {self.FINGERPRINT}")
            return str(cursor.fetchone()[0])

    def place(self, connection: BaseDatabaseWrapper) -> object:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {PLACE} FROM pg_control_system()")
            return tuple(cursor.fetchone())

    def is_in_transaction(self, driver: Any) -> bool:
        return _status(driver) != _IDLE

    def is_broken(self, driver: Any) -> bool:
        return _status(driver) != _IN_TRANSACTION

    def sends_with_next(self, connection: BaseDatabaseWrapper) -> bool:
        """With psycopg 3, where it binds parameters itself."""
        if not hasattr(connection.connection, "pgconn"):
            return False
        return not connection.settings_dict.get("OPTIONS", {}).get("server_side_binding")

    def execute_all(self, driver: Any, statements: Collection[str]) -> None:
        with driver.cursor() as cursor:
            cursor.execute("; ".join(statements))

    def swap_session_value(
        self, connection: BaseDatabaseWrapper, key: str, value: str | None, *, waits: float | None = None
    ) -> str | None:
        name = f"synchro.{key}"
        waiting = "" if waits is None else f", set_config('lock_timeout', '{_milliseconds(waits)}', true)"
        with connection.cursor() as cursor:
            # The inner SELECT is evaluated first: a single round trip reads the old value and sets the new one.
            cursor.execute(
                "WITH before AS MATERIALIZED (SELECT current_setting(%s, true) AS value) "
                f"SELECT value, set_config(%s, %s, true){waiting} FROM before",
                [name, name, value or ""],
            )
            before: str | None = cursor.fetchone()[0]
        return before or None

    # ``keeps_json_text`` is as elsewhere: ``jsonb`` keeps the digits of numbers, and nothing else.

    @contextmanager
    def in_utc(self, connection: Any) -> Iterator[None]:
        """Django takes the session's time zone for that of its connection object: both change."""
        names = {"timezone": datetime.UTC, "timezone_name": "UTC"}
        before = {name: getattr(connection, name) for name in names}
        _switch(connection, names)
        try:
            yield
        finally:
            _switch(connection, before)

    def may_lock(self, connection: BaseDatabaseWrapper, table: str) -> bool:
        """Not rows of a view, or without the right to update.

        Where policies choose rows, those that may be read and not updated would not be found.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT relkind IN ('r', 'p') AND has_any_column_privilege(oid, 'UPDATE')"
                " AND NOT row_security_active(oid) FROM pg_class WHERE oid = to_regclass(%s)",
                [connection.ops.quote_name(table)],
            )
            row = cursor.fetchone()
        return row is not None and bool(row[0])

    @contextmanager
    def short_waits(self, connection: BaseDatabaseWrapper, seconds: float) -> Iterator[None]:
        """A transaction that was open before, as a test's, goes on after the block, and waits then as it did before."""
        if not connection.in_atomic_block:
            yield
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('lock_timeout')")
            before = cursor.fetchone()[0]
        try:
            yield
        finally:
            if connection.connection is not None and not self.is_broken(connection.connection):
                with connection.cursor() as cursor:
                    cursor.execute("SELECT set_config('lock_timeout', %s, true)", [before])

    def _wait_shortly(self, connection: BaseDatabaseWrapper, seconds: float) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {_milliseconds(seconds)}")

    @contextmanager
    def statements_wait_shortly(self, connection: BaseDatabaseWrapper, seconds: float) -> Iterator[None]:
        """Two opposite runs may each hold locks on its remote, and their receivers want one of the other's.

        They would wait for each other for ever: neither server sees more than one half of it.
        """

        def execute_with_timeout(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
            text = str(sql)
            if text.startswith(_WITHOUT_LOCKS) and " FOR " not in text:
                return execute(sql, params, many, context)
            if connection.in_atomic_block:
                self._wait_shortly(connection, seconds)
                return execute(sql, params, many, context)
            with transaction.atomic(using=connection.alias):  # never for the session: a pooler gives that to others
                self._wait_shortly(connection, seconds)
                return execute(sql, params, many, context)

        with self.short_waits(connection, seconds), connection.execute_wrapper(execute_with_timeout):
            yield


def _milliseconds(seconds: float) -> int:
    return max(1, round(1000 * min(seconds, _LONGEST_WAIT)))


def _status(driver: Any) -> int:
    asked = driver.pgconn.transaction_status if hasattr(driver, "pgconn") else driver.get_transaction_status()
    return int(asked)


def _switch(connection: Any, names: dict[str, Any]) -> None:
    connection.__dict__.update(names)
    if connection.connection is not None and not connection.needs_rollback:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('TimeZone', %s, false)", [names["timezone_name"]])
