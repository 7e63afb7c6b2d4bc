"""Rows of SQLite as they are stored: tuples from one cursor into another, past Django's converters and the driver's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from .other import Statements, quoting

# The plus signs change nothing, but for the driver: it makes no time of what is no plain column. ``CROSS JOIN`` keeps
# the order of the keys.
_READ = """
SELECT held.{pk}, {columns}
  FROM json_each(%s) AS asked CROSS JOIN {table} AS held ON held.{pk} = asked.value
 WHERE {guards}
"""

_TEXT = "typeof({0}) = 'text'"
_INTEGER = "typeof({0}) = 'integer'"
_PARTS = ".[0-9][0-9][0-9][0-9][0-9][0-9]"

#: By kind of field, SQL that is true of what Django writes, and Python can read: a column holds anything. Dates are of
#: numeric affinity: without the plus sign, a text to compare them with would become a number.
_CARRIED: Mapping[str, str] = {
    **dict.fromkeys(("CharField", "TextField", "SlugField", "FileField", "FilePathField"), _TEXT),
    **dict.fromkeys(("AutoField", "BigAutoField", "SmallAutoField", "IntegerField", "BigIntegerField"), _INTEGER),
    **dict.fromkeys(("SmallIntegerField", "PositiveIntegerField", "PositiveBigIntegerField"), _INTEGER),
    **dict.fromkeys(("PositiveSmallIntegerField", "DurationField"), _INTEGER),
    "BooleanField": "typeof({0}) = 'integer' AND {0} IN (0, 1)",
    "FloatField": "typeof({0}) = 'real'",
    "DecimalField": "typeof({0}) IN ('integer', 'real') AND {0} = round({0}, {places}) AND abs({0}) < 1e{digits}",
    "BinaryField": "typeof({0}) = 'blob'",
    "JSONField": "typeof({0}) = 'text' AND json_valid({0})",
    "UUIDField": "typeof({0}) = 'text' AND length({0}) = 32 AND {0} NOT GLOB '*[^0-9a-f]*'",
    "GenericIPAddressField": "typeof({0}) = 'text' AND {0} GLOB '[0-9]*.*' AND {0} NOT GLOB '*[^0-9.]*'",
    "DateField": "typeof({0}) = 'text' AND date({0}, '+0 days') = {0} AND +{0} > '0001'",
    "TimeField": "typeof({0}) = 'text' AND time(substr({0}, 1, 8)) = substr({0}, 1, 8) AND +{0} < '24'"
    f" AND (length({{0}}) = 8 OR substr({{0}}, 9) GLOB '{_PARTS}') AND {{0}} NOT GLOB '*.000000'",
    "DateTimeField": "typeof({0}) = 'text' AND datetime(substr({0}, 1, 19), '+0 days') = substr({0}, 1, 19)"
    f" AND (length({{0}}) = 19 OR substr({{0}}, 20) GLOB '{_PARTS}') AND {{0}} NOT GLOB '*.000000' AND +{{0}} > '0001'",
}


class SQLiteAsStored(Statements):
    CARRIED = _CARRIED

    def read_as_stored(
        self,
        connection: BaseDatabaseWrapper,
        model: type[Model],
        fields: Sequence[Any],
        guards: Sequence[str],
        keys: list[str],
    ) -> tuple[list[str], Any]:
        quote = quoting(connection)
        key: Any = model._meta.pk
        sql = _READ.format(
            pk=quote(key.column),
            columns=", ".join(f"+held.{quote(field.column)}" for field in fields),
            table=quote(model._meta.db_table),
            guards=" AND ".join(guards) or "1",
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [f"[{','.join(keys)}]"])
            rows = cursor.fetchall()
        return [str(row[0]) for row in rows], rows

    def stored_column(self, rows: Any, number: int) -> list[int | None]:
        return [row[number + 1] for row in rows]  # the key comes first

    def with_stored_column(self, rows: Any, number: int, values: Sequence[int | None]) -> Any:
        return [(*row[: number + 1], value, *row[number + 2 :]) for row, value in zip(rows, values, strict=True)]
