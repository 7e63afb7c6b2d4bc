"""Times read as texts: to make times of them in Python takes most of the time that reading a row does."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.db import connections
from django.db.models import DateTimeField, F, Func, QuerySet, TextField

from ...conf import local_alias
from ...vendors.vendor import database_of
from ..rows.vendor import statements_of

_PREFIX = "_synchro_time_"


class TimeText(Func):
    """The text of a time: the stored one, or one that is the same for the same time, or one like the stored one."""

    arity = 1
    output_field = TextField()  # pyright: ignore[reportAssignmentType]  # stubs have the property alone

    def __init__(self, expression: F, *, as_stored_text: bool) -> None:
        super().__init__(expression)
        self._as_stored_text = as_stored_text

    def as_sql(self, compiler: Any, connection: Any, *names: Any, **context: Any) -> Any:
        statements = statements_of(connection)
        template = statements.TIME_AS_STORED_TEXT if self._as_stored_text else statements.TIME_AS_TEXT
        return super().as_sql(compiler, connection, *names, **{**context, "template": template})


class TimeTexts:
    """Which times of two databases are compared by their texts.

    Equal texts are the same time; texts that differ may be the same time, too (SQLite stores what it is given),
    which takes a closer look.
    """

    def __init__(self, remote: str) -> None:
        sides = [connections[local_alias()], connections[remote]]
        have_texts = all(statements_of(side).TIME_AS_TEXT for side in sides)
        zones = {side.timezone_name for side in sides if database_of(side).HOLDS_ANYTHING}
        self._mixed = database_of(sides[0]) is not database_of(sides[1])
        in_utc = not self._mixed or zones == {"UTC"}
        same_zone = len(zones) <= 1
        self._usable = bool(have_texts and django_settings.USE_TZ and in_utc and same_zone)

    def name_of(self, field: Any) -> str | None:
        """Return what is read of a field instead of its value; ``None``: its value is read."""
        return f"{_PREFIX}{field.name}" if self._usable and type(field) is DateTimeField else None

    def annotated(self, rows: QuerySet[Any], fields: tuple[Any, ...]) -> QuerySet[Any]:
        """Let rows have the texts of those of the fields that are read so."""
        texts = {
            name: TimeText(F(field.name), as_stored_text=self._mixed)
            for field in fields
            if (name := self.name_of(field)) is not None
        }
        return rows.annotate(**texts) if texts else rows
