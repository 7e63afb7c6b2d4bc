"""Values for new and changed objects, and the statements of people who do not use the ORM."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from random import Random
from typing import Any

from django.conf import settings
from django.db import connections, models
from django.db.models import Model

from tests.shapefuzz.content import Unreadable, read_table

WORDS = ("", "a", "b", "c", "it's", 'say "x"', "50%", "%s", "ß ü", "line\nend", "tab\t", "🙂", "back\\slash", "NULL")
JSONS = ({}, {"a": 1}, [], [1, 2, {"b": None}], "text", 1.5, True, {"k": {"l": [0.1, 1e30]}}, None)
RAW_JSONS = (
    '{"n": 0.1234567890123456789012345678901}',
    '{"n": 12345678901234567890123}',
    "[1.10, 100000000000000000001]",
)


def value_of(field: Any, alias: str, random: Random) -> Any:
    """Return a value for a field, or ``NotImplemented`` where there is nothing that it could point to."""
    if field.is_relation:
        return target_of(field, alias, random)
    if field.null and random.random() < 0.3:
        return None
    kind = field.get_internal_type()
    if kind in _DRAWN:
        value = _DRAWN[kind](random)
        return value[: field.max_length] if isinstance(value, str) and field.max_length else value
    if isinstance(field, models.IntegerField):
        return random.randint(0, 6)
    raise NotImplementedError(f"no value for {field!r} ({kind})")


def target_of(field: Any, alias: str, random: Random) -> Any:
    """Return what a foreign key may hold: the key of some row, nothing, or ``NotImplemented``."""
    target = field.remote_field.model._meta.concrete_model
    rows = read_table(alias, field.target_field.model)
    if target is not field.target_field.model:
        own = {repr(row.key) for row in read_table(alias, target)}
        rows = [row for row in rows if repr(row.key) in own]
    found = sorted((row.raw[field.target_field.attname] for row in rows), key=repr)
    found = [value for value in found if value is not None and not isinstance(value, Unreadable)]
    if field.null and (not found or random.random() < 0.3):
        return None
    return random.choice(found) if found else NotImplemented


def _word(random: Random) -> str:
    return random.choice(WORDS) if random.random() < 0.5 else f"w{random.randint(0, 9)}"


def _moment(random: Random) -> datetime.datetime:
    # The middle of a month: no clock is put forward or back there.
    moment = datetime.datetime(2024, random.randint(1, 12), 15, random.randint(0, 23), random.randint(0, 59), 7)
    moment += datetime.timedelta(microseconds=random.choice((0, 1, 123456)))
    return moment.replace(tzinfo=datetime.UTC) if settings.USE_TZ else moment


_DRAWN = {
    "CharField": _word,
    "TextField": lambda random: _word(random) * random.choice((1, 1, 1, 40)),
    "SlugField": lambda random: f"s-{random.randint(0, 9)}",
    "BooleanField": lambda random: random.random() < 0.5,
    "DecimalField": lambda random: Decimal(random.randint(-9999, 9999)) / 100,
    "FloatField": lambda random: random.choice((0.0, 1.5, 0.1, -2.25, 1e20, 3.0)),
    "JSONField": lambda random: random.choice(JSONS),
    "DateTimeField": _moment,
    "DateField": lambda random: datetime.date(2024, random.randint(1, 12), random.randint(1, 28)),
    "TimeField": lambda random: datetime.time(random.randint(0, 23), random.randint(0, 59), 3, random.choice((0, 5))),
    "DurationField": lambda random: datetime.timedelta(days=random.randint(-2, 9), microseconds=random.randint(0, 9)),
    "UUIDField": lambda random: uuid.UUID(int=random.getrandbits(128)),
    "BinaryField": lambda random: bytes(random.getrandbits(8) for _ in range(random.randint(1, 4))),
    "BigIntegerField": lambda random: random.choice((0, 1, 2**62, -5)),
}


# Statements ---------------------------------------------------------------------------------------


def execute(alias: str, sql: str, params: Any = ()) -> int:
    """Run a statement; return how many rows it concerned."""
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, list(params))
        return int(cursor.rowcount)


def insert(alias: str, model: type[Model], values: dict[str, Any], random: Random) -> None:
    """Insert a row as ``psql`` would; columns that are not named get what the database gives them."""
    connection = connections[alias]
    fields = [each for each in model._meta.local_concrete_fields if each.attname in values and each.column]
    columns = ", ".join(connection.ops.quote_name(each.column) for each in fields)
    marks = ", ".join(["%s"] * len(fields))
    table = connection.ops.quote_name(model._meta.db_table)
    execute(
        alias,
        f"INSERT INTO {table} ({columns}) VALUES ({marks})",
        [_param(connection, each, values[each.attname], random) for each in fields],
    )


def update(alias: str, field: Any, value: Any, key: Any, random: Random | None = None) -> int:
    """Set a column of one row as ``psql`` would."""
    connection, model = connections[alias], field.model
    table, column = connection.ops.quote_name(model._meta.db_table), connection.ops.quote_name(field.column)
    where, params = _where(connection, model, key)
    param = _param(connection, field, value, random)
    return execute(alias, f"UPDATE {table} SET {column} = %s WHERE {where}", [param, *params])


def delete(alias: str, model: type[Model], key: Any) -> int:
    """Delete one row as ``psql`` would."""
    connection = connections[alias]
    where, params = _where(connection, model, key)
    return execute(alias, f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)} WHERE {where}", params)


def _where(connection: Any, model: type[Model], key: Any) -> tuple[str, list[Any]]:
    fields = model._meta.pk_fields
    keys = key if isinstance(key, tuple) else (key,)
    where = " AND ".join(f"{connection.ops.quote_name(each.column)} = %s" for each in fields)
    return where, [_param(connection, each, value, None) for each, value in zip(fields, keys, strict=True)]


def _param(connection: Any, field: Any, value: Any, random: Random | None) -> Any:
    if isinstance(value, Raw):
        return value.text
    if isinstance(field, models.JSONField) and value is not None:
        if random is not None and random.random() < 0.5:
            return random.choice(RAW_JSONS)
        return field.get_db_prep_save(value, connection)
    return field.get_db_prep_save(value, connection)


class Raw:
    """A parameter that is sent as it is."""

    def __init__(self, text: str) -> None:
        self.text = text
