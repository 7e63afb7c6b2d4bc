"""Times of this package's own tables: no time zone of a project or an alias has a say in them."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings
from django.db import models
from django.utils import timezone

UTC = datetime.UTC

if TYPE_CHECKING:
    _DateTimeField = models.DateTimeField[Any, Any]
else:
    _DateTimeField = models.DateTimeField


class Moment(_DateTimeField):
    """A ``DateTimeField`` that triggers and the database's clock write too.

    They write UTC on SQLite, where Django reads and writes the time zone of the alias (``DATABASES[…]['TIME_ZONE']``),
    or, without ``USE_TZ``, that of the project. So this field has a type of its own, past the vendors' conversions.
    In Python it is what any ``DateTimeField`` would be; aware times may be assigned without ``USE_TZ`` too.
    """

    def get_internal_type(self) -> str:
        return "Moment"

    def db_type(self, connection: Any) -> str | None:
        return models.DateTimeField().db_type(connection)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> datetime.datetime | None:
        if value is None:
            return None
        moment = raw_utc(value, connection.vendor)
        return moment if django_settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if not prepared:
            value = self.get_prep_value(value)
        if value is None:
            return None
        moment = as_utc(value)
        return moment.replace(tzinfo=None).isoformat(" ") if connection.vendor == "sqlite" else moment


def as_utc(value: datetime.datetime) -> datetime.datetime:
    """Return a time of Python's world in UTC; a naive one is in the project's time zone."""
    if value.tzinfo is UTC:
        return value
    if timezone.is_naive(value):
        value = timezone.make_aware(value, timezone.get_default_timezone())
    return value.astimezone(UTC)


def raw_utc(value: Any, vendor: str) -> datetime.datetime:
    """Return a time of this package's tables as a raw cursor gives it: SQLite's is in UTC, as text or parsed."""
    time = datetime.datetime.fromisoformat(value) if isinstance(value, str) else value
    if vendor == "sqlite" and time.tzinfo is None:
        return time.replace(tzinfo=UTC)
    return as_utc(time)
