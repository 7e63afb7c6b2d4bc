"""Databases of SQLite: one file each, whose columns hold what they are given, and whose writers wait for each other."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import OperationalError

from .other import Database


class SQLite(Database):
    IS_KNOWN = True
    HOLDS_ANYTHING = True
    IS_FILE = True
    RETURNS_UPDATED = True

    # Nothing is said of waits: there is a timeout, ``OPTIONS["timeout"]``.

    def file_address(self, name: str) -> str | None:
        if name.startswith("file:"):
            path, _, query = name.removeprefix("file:").partition("?")
            if path.startswith(":memory:") or "mode=memory" in query:
                return name if "cache=shared" in query else None
            name = unquote(path.removeprefix("//") if path.startswith("///") else path)
        return None if name in {"", ":memory:"} else os.path.realpath(name)

    def keeps_json_text(self, connection: BaseDatabaseWrapper) -> bool:
        return True

    def fingerprint(self, connection: BaseDatabaseWrapper) -> str:
        """The file's number on its disk; not its path or host, which differ between containers that share the file."""
        file = _file(connection)
        return str(file.st_ino) if file else ""

    def place(self, connection: BaseDatabaseWrapper) -> object:
        if file := _file(connection):
            return file.st_dev, file.st_ino
        # In memory each connection has a database of its own, unless they share one by its name.
        name = str(connection.settings_dict["NAME"])
        return name.partition("?")[0] if "cache=shared" in name else id(connection)

    def is_in_transaction(self, driver: Any) -> bool:
        return bool(driver.in_transaction)

    def is_broken(self, driver: Any) -> bool:
        return not driver.in_transaction

    def begin_to_write(self, connection: BaseDatabaseWrapper) -> None:
        # A transaction that has read cannot wait for a writer: what it has read would be old. It fails at once.
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM synchro_triggers_sessionvalue WHERE 0")

    def swap_session_value(
        self, connection: BaseDatabaseWrapper, key: str, value: str | None, *, waits: float | None = None
    ) -> str | None:
        with connection.cursor() as cursor:
            try:
                # A write comes first: it takes the write lock, instead of failing to upgrade a read one.
                cursor.execute("DELETE FROM synchro_triggers_sessionvalue WHERE key = %s RETURNING value", [key])
            except OperationalError as error:
                if "no such table" in str(error):
                    return None  # without this app's tables there are no triggers, and nothing to pause
                raise
            row = cursor.fetchone()
            if value is not None:
                cursor.execute("INSERT INTO synchro_triggers_sessionvalue (key, value) VALUES (%s, %s)", [key, value])
        return row[0] if row else None


def _file(connection: BaseDatabaseWrapper) -> os.stat_result | None:
    """Return what the system knows of a database's file, of which its name may be a URI; in memory: ``None``."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA database_list")
        path = cursor.fetchone()[2]
    try:
        return os.stat(path)
    except OSError:
        return None
