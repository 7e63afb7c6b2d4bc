"""Times of log rows, as both vendors store them."""

from __future__ import annotations

import datetime
from datetime import timedelta
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ...moment import as_utc, raw_utc
from .changes import LONG_AGO

#: A number becomes a time faster than the driver's text does, and hangs on no time zone.
LOGGED_AT = {
    "postgresql": "(extract(epoch FROM CASE WHEN isfinite({0}) THEN {0} END) * 1000000)::bigint",
    "sqlite": "({0} || '')",  # a text, which the driver does not try to read
}


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def logged_time(connection: BaseDatabaseWrapper, value: Any) -> datetime.datetime:
    """Return the time that an expression of ``LOGGED_AT`` has given; what is none counts as long ago."""
    return time_or_none(connection, value) or LONG_AGO


def time_or_none(connection: BaseDatabaseWrapper, value: Any) -> datetime.datetime | None:
    """Return a time, or ``None`` for what no trigger has written: ``infinity``, a text, a year that Python has not."""
    try:
        if isinstance(value, int):
            return _EPOCH + timedelta(microseconds=value)
        return None if value is None else raw_utc(value, connection.vendor)
    except (ValueError, OverflowError, TypeError):
        return None


def logged_since(connection: BaseDatabaseWrapper, since: datetime.datetime | None) -> tuple[str, list[Any]]:
    """Return a condition, and its parameters, for the changelog rows of that time and later."""
    if since is None:
        return "logged_at IS NOT NULL", []
    since = as_utc(since)
    if connection.vendor == "sqlite":
        # Triggers log milliseconds: rather one row too many than one too few.
        text = since.strftime("%Y-%m-%d %H:%M:%S.") + f"{since.microsecond // 1000:03d}"
        return "logged_at >= %s", [text]
    return "logged_at >= %s", [since]
