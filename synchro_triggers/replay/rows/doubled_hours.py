"""Times that a database cannot tell apart: those of the hour that summer time has twice.

SQLite, MySQL and MariaDB store times without a zone. Django writes them in the time zone of the alias
(``DATABASES[…]['TIME_ZONE']``, by default UTC), and reads what is ambiguous there as the earlier one. An object with
the later one would change by an hour on its way, and as a key it would be another object's.
"""

from __future__ import annotations

import datetime
from functools import cache
from typing import Any

from django.db import connections
from django.db.models import Model

from ...capture.tables import kind_of
from ..schema.shape import Shape, shape_of


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
