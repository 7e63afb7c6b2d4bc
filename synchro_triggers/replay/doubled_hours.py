"""Times that a database cannot tell apart: those of the hour that summer time has twice.

SQLite, MySQL and MariaDB store times without a zone. Django writes them in the time zone of the alias
(``DATABASES[…]['TIME_ZONE']``, by default UTC), and reads what is ambiguous there as the earlier one. An object with
the later one would change by an hour on its way, and as a key it would be another object's.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from django.db import connections
from django.db.models import Model

from ..capture.tables import kind_of
from ..exceptions import ObjectNotApplied
from .local import LinkTask, ObjectTask
from .shape import Shape, shape_of


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


def without_doubled(
    alias: str, tasks: Iterable[ObjectTask | LinkTask], errors: dict[Any, Exception], failed: dict[Any, Exception]
) -> Iterator[ObjectTask | LinkTask]:
    """Yield the tasks whose objects can be stored.

    Args:
        alias: the remote.
        tasks: those of a batch.
        errors, failed: take the errors of the others: by root model and key, and by change.
    """
    if doubling_zone(alias) is None:
        yield from tasks
        return
    for task in tasks:
        said = why_doubled(alias, task.instance) if isinstance(task, ObjectTask) and task.instance is not None else None
        if said is None:
            yield task
            continue
        assert isinstance(task, ObjectTask)
        error = errors[task.shape.root, task.key] = ObjectNotApplied(said)
        if task.change is not None:
            failed[task.change] = error


@cache
def _times(shape: Shape) -> list[Any]:
    fields = [*shape.key, *shape.copied]
    fields += [field for parent in shape.other_parents for field in shape_of(parent.model).key]
    return [field for field in fields if kind_of(field) == "DateTimeField"]
