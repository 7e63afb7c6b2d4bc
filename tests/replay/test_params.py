"""Columns of values on their way to a driver arrive as they are."""

from __future__ import annotations

import pytest
from django.db import connections, models

from synchro_triggers.replay.params import array_parameter, need_no_preparation
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


@both
@pytest.mark.vendor("postgres")
@pytest.mark.parametrize(
    "values",
    [
        NASTY,
        [*NASTY, None],
        *([text] for text in NASTY),
        [None],
        [],
        ["plain", "words"],
        ["a", '","', "b"],
        ["a", '"', '"', "b", "c"],
    ],
)
def test_texts_arrive_as_they_are(values):
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT %s::text[]", [array_parameter(values)])
        assert cursor.fetchone()[0] == values


@both
@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("values", [[1, -2, 0, 2**63 - 1, -(2**63)], [1, None], [None], []])
def test_numbers_arrive_as_they_are(values):
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT %s::bigint[]", [array_parameter(values)])
        assert cursor.fetchone()[0] == values


@both
@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("values", [[True, False, None], [1.5, None], [b"a", None]])
def test_others_are_left_to_the_driver(values):
    assert array_parameter(values) == values


class Shouted(models.CharField):
    def get_prep_value(self, value):
        return super().get_prep_value(value).upper()


@pytest.mark.parametrize(
    ("field", "values", "expected"),
    [
        (models.CharField(), ["a", None], True),
        (models.CharField(), ["a", 1], False),
        (Shouted(), ["a"], False),
        (models.IntegerField(), [1, None], True),
        (models.IntegerField(), [True], False),
        (models.IntegerField(), ["1"], False),
        (models.BooleanField(), [True], True),
        (models.BooleanField(), [1], False),
        (models.DateField(), [None], False),
        (models.JSONField(), ["a"], False),
    ],
)
def test_only_what_no_field_changes_goes_unprepared(field, values, expected):
    assert need_no_preparation(field, values) is expected
