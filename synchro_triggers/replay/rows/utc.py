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

from ...vendors.vendor import database_of

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
            stack.enter_context(database_of(connection).in_utc(connection))
        yield
