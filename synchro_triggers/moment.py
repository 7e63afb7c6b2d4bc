"""Times of this package's own tables: no time zone of a project or an alias has a say in them."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

UTC = datetime.UTC

if TYPE_CHECKING:
    _DateTimeField = models.DateTimeField[Any, Any]
else:
    _DateTimeField = models.DateTimeField


class UtcNow(Now):
    """The database's own clock: what a ``Moment`` is set to there, or compared with."""

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[()]]:
        """``CURRENT_TIMESTAMP`` is in the server's time zone, and a column does not say in which."""
        return "UTC_TIMESTAMP(6)", ()


class Moment(_DateTimeField):
    """A ``DateTimeField`` that triggers and the database's clock write too.

    They write UTC where a column has no time zone, which is everywhere but on PostgreSQL. There Django reads and writes
    the time zone of the alias (``DATABASES[…]['TIME_ZONE']``), or, without ``USE_TZ``, that of the project. So this
    field has a type of its own, past the vendors' conversions.
    In Python it is what any ``DateTimeField`` would be; aware times may be assigned without ``USE_TZ`` too.
    """

    def get_internal_type(self) -> str:
        return "Moment"

    def db_type(self, connection: Any) -> str | None:
        return models.DateTimeField().db_type(connection)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> datetime.datetime | None:
        if value is None:
            return None
        moment = raw_utc(value, connection)
        return moment if django_settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if not prepared:
            value = self.get_prep_value(value)
        if value is None:
            return None
        moment = as_utc(value)
        if connection.features.supports_timezones:
            return moment
        return connection.ops.adapt_datetimefield_value(moment.replace(tzinfo=None))


def as_utc(value: datetime.datetime) -> datetime.datetime:
    """Return a time of Python's world in UTC; a naive one is in the project's time zone."""
    if value.tzinfo is UTC:
        return value
    if timezone.is_naive(value):
        value = timezone.make_aware(value, timezone.get_default_timezone())
    return value.astimezone(UTC)


def raw_utc(value: Any, connection: Any) -> datetime.datetime:
    """Return a time of this package's tables as a raw cursor gives it: in UTC, as text or parsed."""
    time = datetime.datetime.fromisoformat(value) if isinstance(value, str) else value
    if time.tzinfo is None and not connection.features.supports_timezones:
        return time.replace(tzinfo=UTC)
    return as_utc(time)
