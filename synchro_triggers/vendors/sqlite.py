"""Databases of SQLite: one file each, whose columns hold what they are given, and whose writers wait for each other."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import OperationalError

from .other import AS_THEY_ARE as AS_THEY_ARE
from .other import CONFUSES_TEXTS as CONFUSES_TEXTS
from .other import FAILS_UNTIL_ROLLED_BACK as FAILS_UNTIL_ROLLED_BACK
from .other import FINGERPRINT as FINGERPRINT
from .other import JSON_TEXT as JSON_TEXT
from .other import TEXT as TEXT
from .other import TRANSACTION as TRANSACTION
from .other import exact_collation as exact_collation
from .other import exact_keys as exact_keys
from .other import execute_all as execute_all
from .other import guarded as guarded
from .other import in_utc as in_utc
from .other import is_closed as is_closed
from .other import is_exactly as is_exactly
from .other import lacks_packages as lacks_packages
from .other import may_lock as may_lock
from .other import require_safe as require_safe
from .other import sends_with_next as sends_with_next
from .other import short_waits as short_waits
from .other import statements_wait_shortly as statements_wait_shortly
from .other import usual_port as usual_port
from .other import wait_shortly as wait_shortly  # there is a timeout: ``OPTIONS["timeout"]``

IS_KNOWN = True
HOLDS_ANYTHING = True
IS_FILE = True


def file_address(name: str) -> str | None:
    if name.startswith("file:"):
        path, _, query = name.removeprefix("file:").partition("?")
        if path.startswith(":memory:") or "mode=memory" in query:
            return name if "cache=shared" in query else None
        name = unquote(path.removeprefix("//") if path.startswith("///") else path)
    return None if name in {"", ":memory:"} else os.path.realpath(name)


def keeps_json_text(connection: BaseDatabaseWrapper) -> bool:
    return True


def fingerprint(connection: BaseDatabaseWrapper) -> str:
    """The file's number on its disk; not its path or host, which differ between containers that share the file."""
    file = _file(connection)
    return str(file.st_ino) if file else ""


def place(connection: BaseDatabaseWrapper) -> object:
    if file := _file(connection):
        return file.st_dev, file.st_ino
    # In memory each connection has a database of its own, unless they share one by its name.
    name = str(connection.settings_dict["NAME"])
    return name.partition("?")[0] if "cache=shared" in name else id(connection)


def _file(connection: BaseDatabaseWrapper) -> os.stat_result | None:
    """Return what the system knows of a database's file, of which its name may be a URI; in memory: ``None``."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA database_list")
        path = cursor.fetchone()[2]
    try:
        return os.stat(path)
    except OSError:
        return None


def is_in_transaction(driver: Any) -> bool:
    return bool(driver.in_transaction)


def is_broken(driver: Any) -> bool:
    return not driver.in_transaction


def swap_session_value(connection: BaseDatabaseWrapper, key: str, value: str | None) -> str | None:
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
