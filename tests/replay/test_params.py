"""Columns of values on their way to a driver arrive as they are."""

from __future__ import annotations

import datetime
import decimal
import uuid
from types import SimpleNamespace

import pytest
from django.db import connections, models, transaction
from django.db.backends.postgresql.features import DatabaseFeatures as PostgresFeatures
from django.db.backends.postgresql.operations import DatabaseOperations as PostgresOperations
from django.test.utils import override_settings

from synchro_triggers.replay.rows.postgres import array_parameter
from synchro_triggers.replay.schema.stored_types import need_no_preparation
from tests.databases import both

NASTY = [
    "",
    "NULL",
    "null",
    "a,b",
    "{}",
    '"',
    "\\",
    '\\"',
    " a ",
    "\n\t",
    "'",
    "%s",
    "%%",
    "é€𝄞",
    "{1,2}",
    '","',
    "ÿ" * 300,
]


TIMES = [
    datetime.datetime(2026, 11, 25, 1, 2, 3, 45, tzinfo=datetime.UTC),
    datetime.datetime(1, 1, 2, tzinfo=datetime.UTC),
    datetime.datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=datetime.timezone(datetime.timedelta(hours=-5.5))),
]
NUMBERS = [decimal.Decimal(text) for text in ("0", "-0.00", "1E+3", "1E-12", "123456789012345678901234567890.5")]


@both
@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("style", ["ISO, DMY", "SQL, MDY"])
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", NASTY),
        ("text", [*NASTY, None]),
        *(("text", [text]) for text in NASTY),
        ("text", [None]),
        ("text", []),
        ("text", ["plain", "words"]),
        ("text", ["a", '","', "b"]),
        ("text", ["a", '"', '"', "b", "c"]),
        ("bigint", [1, -2, 0, 2**63 - 1, -(2**63)]),
        ("bigint", [1, None]),
        ("bigint", [None]),
        ("bigint", []),
        ("boolean", [True, False, None]),
        ("double precision", [1.5, -0.1, 1e300, 5e-324, float("inf"), None]),
        ("numeric", [*NUMBERS, None]),
        ("uuid", [uuid.UUID(int=1), None]),
        ("date", [datetime.date(1, 1, 1), datetime.date(2026, 2, 1), datetime.date(9999, 12, 31), None]),
        ("timestamp with time zone", [*TIMES, None]),
    ],
)
def test_values_arrive_as_they_are(kind, values, style):
    as_one_text = isinstance(array_parameter(values, kind), str)
    assert kind == "text" or as_one_text is bool(values), "else the driver looks at each"
    with transaction.atomic(), connections["default"].cursor() as cursor:
        cursor.execute("SET LOCAL DateStyle = %s", [style])
        cursor.execute(f"SELECT (%s::{kind}[])::text, (%s::{kind}[])::text", [array_parameter(values, kind), values])
        ours, drivers = cursor.fetchone()
    assert ours == drivers


@both
@pytest.mark.vendor("postgres")
def test_texts_come_back_as_they_are():
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT %s::text[]", [array_parameter(NASTY, "text")])
        assert cursor.fetchone()[0] == NASTY


@both
@pytest.mark.vendor("postgres")
@pytest.mark.parametrize(
    ("kind", "values"), [("text", [True]), ("text", [1.5, None]), ("bytea", [b"a", None]), ("text", TIMES)]
)
def test_others_are_left_to_the_driver(kind, values):
    assert array_parameter(values, kind) == values


class Shouted(models.CharField):
    def get_prep_value(self, value):
        return super().get_prep_value(value).upper()


@pytest.mark.parametrize(
    ("field", "values", "postgres", "sqlite"),
    [
        (models.CharField(), ["a", None], True, True),
        (models.CharField(), ["a", 1], False, False),
        (Shouted(), ["a"], False, False),
        (models.IntegerField(), [1, None], True, True),
        (models.IntegerField(), [True], False, False),
        (models.IntegerField(), ["1"], False, False),
        (models.BooleanField(), [True], True, True),
        (models.BooleanField(), [1], False, False),
        (models.FloatField(), [1.5], True, True),
        (models.FloatField(), [1], False, False),
        (models.DecimalField(), NUMBERS, True, False),
        (models.DecimalField(), [decimal.Decimal("NaN")], False, False),
        (models.DecimalField(), [1.5], False, False),
        (models.UUIDField(), [uuid.UUID(int=1)], True, False),
        (models.UUIDField(), ["1" * 32], False, False),
        (models.DateField(), [datetime.date(2026, 1, 1), None], True, False),
        (models.DateField(), [TIMES[0]], False, False),
        (models.DateTimeField(), [*TIMES, None], True, False),
        (models.DateTimeField(), [TIMES[0], TIMES[0].replace(tzinfo=None)], False, False),
        (models.DateTimeField(), [datetime.date(2026, 1, 1)], False, False),
        (models.JSONField(), ["a"], False, False),
    ],
)
@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_only_what_no_field_changes_goes_unprepared(field, values, postgres, sqlite, database):
    connection = SimpleNamespace(ops=PostgresOperations(None), features=PostgresFeatures, vendor=database)
    unprepared = need_no_preparation(field, values, connection)

    assert unprepared is (postgres if database == "postgresql" else sqlite)
    changed = [value for value in values if unprepared and field.get_db_prep_save(value, connection) != value]
    assert changed == []


@pytest.mark.parametrize("use_tz", [True, False])
def test_times_go_unprepared_only_as_the_settings_want_them(use_tz):
    naive, connection = datetime.datetime(2026, 1, 1), SimpleNamespace(vendor="postgresql")
    with override_settings(USE_TZ=use_tz):
        assert need_no_preparation(models.DateTimeField(), [naive], connection) is not use_tz
        assert need_no_preparation(models.DateTimeField(), [TIMES[0]], connection) is use_tz
