"""The time zones of both databases: times are read in UTC while a run compares them; and times that are two at once.

Python calls two instants of the hour that summer time doubles equal in their own time zone, and one instant of it
different in two. Keys and values that were read in the time zones of their aliases (``DATABASES[…]['TIME_ZONE']``)
could not be told apart, or not be found. Nothing changes where an alias has no time zone of its own.

SQLite, MySQL and MariaDB store times without a zone. Django writes them in the time zone of the alias (by default
UTC), and reads what is ambiguous there as the earlier one. An object with the later one would change by an hour on its
way, and as a key it would be another object's.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

from django.db import connections
from django.db.models import Model

from ...capture.tables import kind_of
from ...vendors.vendor import database_of
from ..schema.shape import Shape, shape_of

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


def doubling_zone(alias: str) -> datetime.tzinfo | None:
    """Return the time zone in which a database stores times without a zone; ``None``: none, or UTC."""
    connection = connections[alias]
    if connection.features.supports_timezones or connection.timezone is datetime.UTC:
        return None
    return connection.timezone


def is_doubled(zone: datetime.tzinfo | None, value: Any) -> bool:
    """Tell whether a value is a time that would be read as an earlier one after it was stored in that zone.

    Example:
        ``is_doubled(ZoneInfo("America/Chicago"), datetime(2026, 11, 1, 7, 30, tzinfo=UTC))`` is true: 1:30, the second.
    """
    if zone is None or not isinstance(value, datetime.datetime) or value.tzinfo is None:
        return False
    return bool(value.astimezone(zone).fold)


def why_doubled(alias: str, instance: Model) -> str | None:
    """Return what is to be told of an object with a time that the database cannot tell from another."""
    zone = doubling_zone(alias)
    if zone is None:
        return None
    for field in _times(shape_of(type(instance))):
        value: Any = instance.__dict__.get(field.attname)
        if is_doubled(zone, value):
            return (
                f"its {field.name}, {value.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC, is in the second of the "
                f"two hours that {alias!r} cannot tell apart: it stores times as the clocks of {zone} show them. "
                "Change the time, or skip the field (SYNCHRO_OPTIONS), or let it be a database whose times are in UTC"
            )
    return None


@cache
def _times(shape: Shape) -> list[Any]:
    fields = [*shape.key, *shape.copied]
    fields += [field for parent in shape.other_parents for field in shape_of(parent.model).key]
    return [field for field in fields if kind_of(field) == "DateTimeField"]
