"""Notices of PostgreSQL when something is logged, and the connection that waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from secrets import token_hex
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import SynchroConfigurationError
from .postgres_catalog import changelog_schema
from .sight import Listener

#: What ``synchronize --follow --notify`` listens to.
_CHANNEL = "synchro_triggers_changelog"

#: Seconds after which a notice that was sent as a trial has not come.
_TRIAL = 2.0

#: Seconds between two looks whether anybody still waits.
_LOOKS_UP = 0.1

_NOTICES = f"""
CREATE OR REPLACE FUNCTION {{schema}}.notify_synchro_changelog() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_notify('{_CHANNEL}', '');
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION {{schema}}.notify_synchro_changelog() FROM PUBLIC;
CREATE TRIGGER notify_synchro_changelog AFTER INSERT ON {{schema}}.synchro_triggers_changelog
  FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.notify_synchro_changelog();
"""


def notice_statements(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what makes each transaction that logs something send a notice; nothing if it does already."""
    schema = changelog_schema(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_catalog.pg_trigger WHERE tgname = 'notify_synchro_changelog' AND tgrelid = %s::regclass",
            [f"{schema}.synchro_triggers_changelog"],
        )
        return [] if cursor.fetchone() else [_NOTICES.format(schema=schema)]


def drop_notice_statements(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what ends the notices."""
    schema = changelog_schema(connection, missing_ok=True)
    if schema is None:
        return []
    return [
        f"DROP TRIGGER IF EXISTS notify_synchro_changelog ON {schema}.synchro_triggers_changelog",
        f"DROP FUNCTION IF EXISTS {schema}.notify_synchro_changelog()",
    ]


class _Listener:
    """A connection of its own that hears of what is logged.

    Args:
        connection: like which it is made.
        stopped: told when nobody wants to wait any more.

    Raises:
        SynchroConfigurationError: it is made by something else than psycopg 3.
    """

    def __init__(self, connection: BaseDatabaseWrapper, stopped: Callable[[], bool]) -> None:
        self._like, self._stopped = connection, stopped
        self._own: Any = connection.copy(alias=connection.alias)
        self._own.settings_dict = {**connection.settings_dict, "OPTIONS": _without_pool(connection.settings_dict)}
        self._own.connect()
        if not hasattr(self._own.connection, "notifies"):
            self.close()
            raise SynchroConfigurationError("--notify needs psycopg 3.")

    def hears(self) -> bool:
        """Where the connection is the server's own, notices come; where it is a pooler's, one is sent to see.

        A pooler gives its clients numbers of its own making. The trial has a channel of its own: a server's connection
        that is shared may go on listening to it, and its next user would be told.
        """
        with self._own.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [number] = cursor.fetchone()
        if number != self._own.connection.info.backend_pid and not self._hears_a_trial():
            return False
        self._execute(f"LISTEN {_CHANNEL}")
        return True

    def _hears_a_trial(self) -> bool:
        channel = f"synchro_trial_{token_hex(8)}"
        self._execute(f"LISTEN {channel}")
        with self._like.cursor() as cursor:
            cursor.execute(f"NOTIFY {channel}")
        is_heard = self.wait(_TRIAL)
        self._execute(f"UNLISTEN {channel}")
        return is_heard

    def _execute(self, statement: str) -> None:
        with self._own.cursor() as cursor:
            cursor.execute(statement)

    def wait(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not self._stopped() and (left := until - time.monotonic()) > 0:
            with self._own.wrap_database_errors:
                if any(True for _ in self._own.connection.notifies(timeout=min(left, _LOOKS_UP), stop_after=1)):
                    return True
        return False

    def close(self) -> None:
        self._own.close()


def listen(connection: BaseDatabaseWrapper, stopped: Callable[[], bool] = lambda: False) -> Listener:
    """Return what waits for notices, until it is told to stop."""
    return _Listener(connection, stopped)


def _without_pool(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.get("OPTIONS", {}).items() if name != "pool"}
