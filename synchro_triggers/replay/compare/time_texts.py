"""Times read as texts: to make times of them in Python takes most of the time that reading a row does."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.db import connections
from django.db.models import DateTimeField, F, Func, QuerySet, TextField

from ...conf import LOCAL
from ..rows.postgres import TEXT_OF_TIME, TEXT_OF_TIME_AS_ON_SQLITE

_PREFIX = "_synchro_time_"


class TimeText(Func):
    """The text of a time: the stored one on SQLite; on PostgreSQL one that is as good, or like SQLite's."""

    arity = 1
    output_field = TextField()

    def __init__(self, expression: F, *, as_on_sqlite: bool) -> None:
        super().__init__(expression)
        self._as_on_sqlite = as_on_sqlite

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """The plus sign changes nothing, but for the driver: it makes no time of what is no plain column."""
        return self.as_sql(compiler, connection, template="+%(expressions)s")

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = TEXT_OF_TIME_AS_ON_SQLITE if self._as_on_sqlite else TEXT_OF_TIME
        return self.as_sql(compiler, connection, template=template)


class TimeTexts:
    """Which times of two databases are compared by their texts.

    Two texts that are the same are the same time; two that are not may be one all the same (SQLite stores what it is
    given), which takes a closer look.

    Args:
        remote: the remote alias.
    """

    def __init__(self, remote: str) -> None:
        sides = [connections[LOCAL], connections[remote]]
        vendors = {side.vendor for side in sides}
        zones = {side.timezone_name for side in sides if side.vendor == "sqlite"}
        self._mixed = len(vendors) > 1
        in_utc = not self._mixed or zones == {"UTC"}
        same_zone = len(zones) <= 1
        self._usable = bool(vendors <= {"sqlite", "postgresql"} and django_settings.USE_TZ and in_utc and same_zone)

    def name_of(self, field: Any) -> str | None:
        """Return what is read of a field instead of its value; ``None``: its value is read."""
        return f"{_PREFIX}{field.name}" if self._usable and type(field) is DateTimeField else None

    def annotated(self, rows: QuerySet[Any], fields: tuple[Any, ...]) -> QuerySet[Any]:
        """Let rows have the texts of those of the fields that are read so."""
        texts = {
            name: TimeText(F(field.name), as_on_sqlite=self._mixed)
            for field in fields
            if (name := self.name_of(field)) is not None
        }
        return rows.annotate(**texts) if texts else rows
