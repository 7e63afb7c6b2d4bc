"""Notices of PostgreSQL when something is logged, and the connection that waits for them."""

from __future__ import annotations

import select
import threading
import time
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import SynchroConfigurationError
from .postgres_catalog import changelog_schema
from .sight import Listener

#: What ``synchronize --follow --notify`` listens to.
_CHANNEL = "synchro_triggers_changelog"

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

    Raises:
        SynchroConfigurationError: it is made by something else than psycopg 3.
    """

    #: Seconds to wait for a notice at the most: it may be lost with its connection.
    _LONGEST = 0.5

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._like = connection
        self._own: Any = None
        self._listen()

    def _listen(self) -> None:
        connection: Any = self._like.copy(alias=self._like.alias)
        connection.settings_dict = {**connection.settings_dict, "OPTIONS": _without_pool(connection.settings_dict)}
        connection.connect()
        self._own = connection
        if not hasattr(connection.connection, "pgconn"):
            raise SynchroConfigurationError("--notify needs psycopg 3.")
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {_CHANNEL}")

    def wait(self, stopped: threading.Event) -> None:
        if self._own is None:
            self._listen()
        server = self._own.connection.pgconn
        until = time.monotonic() + self._LONGEST
        while not stopped.is_set() and (left := until - time.monotonic()) > 0:
            ready, _, _ = select.select([server.socket], [], [], min(left, 0.1))
            if not ready:
                continue
            try:
                server.consume_input()
            except Exception:
                self.close()
                raise
            noticed = False
            while server.notifies() is not None:
                noticed = True
            if noticed:
                return

    def close(self) -> None:
        own, self._own = self._own, None
        if own is not None:
            own.close()


def listen(connection: BaseDatabaseWrapper) -> Listener:
    """Return what waits for notices."""
    return _Listener(connection)


def _without_pool(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.get("OPTIONS", {}).items() if name != "pool"}
