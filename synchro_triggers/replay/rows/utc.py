"""Reading times of both databases in UTC while a run compares them.

Python calls two instants of the hour that summer time doubles equal in their own time zone, and one instant of it
different in two. Keys and values that were read in the time zones of their aliases (``DATABASES[…]['TIME_ZONE']``)
could not be told apart, or not be found. Nothing changes where an alias has no time zone of its own.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections

UTC = datetime.UTC


def zone_of(alias: str) -> datetime.tzinfo:
    """Return the time zone of times without one, as SQLite stores them."""
    return connections[alias].timezone or UTC


@contextmanager
def times_in_utc(*aliases: str) -> Iterator[None]:
    """Let the connections to these databases give times in UTC; naive ones, without ``USE_TZ``, stay as they are."""
    with ExitStack() as stack:
        for alias in dict.fromkeys(aliases):
            connection: Any = connections[alias]
            if connection.timezone is None or connection.timezone is UTC or connection.timezone_name == "UTC":
                continue
            stack.enter_context(_session_in_utc(connection) if connection.vendor == "postgresql" else _read(connection))
        yield


@contextmanager
def _session_in_utc(connection: Any) -> Iterator[None]:
    """Django takes the session's time zone for that of its connection object: both change."""
    names = {"timezone": UTC, "timezone_name": "UTC"}
    before = {name: getattr(connection, name) for name in names}
    _switch(connection, names)
    try:
        yield
    finally:
        _switch(connection, before)


def _switch(connection: Any, names: dict[str, Any]) -> None:
    connection.__dict__.update(names)
    if connection.connection is not None and not connection.needs_rollback:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('TimeZone', %s, false)", [names["timezone_name"]])


@contextmanager
def _read(connection: Any) -> Iterator[None]:
    """SQLite's times are texts in the time zone of the alias: only what is read is turned into UTC."""
    operations = connection.ops
    as_django_does = operations.convert_datetimefield_value

    def convert(value: Any, expression: Any, connection: Any) -> Any:
        time = as_django_does(value, expression, connection)
        return time.astimezone(UTC) if isinstance(time, datetime.datetime) and time.tzinfo is not None else time

    operations.convert_datetimefield_value = convert
    try:
        yield
    finally:
        del operations.convert_datetimefield_value
