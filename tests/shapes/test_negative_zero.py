"""A float's negative zero stays negative, also where the driver writes it as a number without quotes."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from django.db import connection

from tests.databases import both
from tests.fieldapp.models.fields import PlainSpecimen
from tests.replay.hearing import hearing
from tests.shapes.sides import REMOTE, synchronize_and_compare

pytestmark = [both, pytest.mark.vendor("postgres")]  # SQLite stores a whole number without its sign of zero

FLOAT = PlainSpecimen._meta.get_field("float")


@pytest.mark.parametrize("observed", [False, True], ids=["in bulk", "one by one"])
def test_a_negative_zero_stays_negative_when_it_is_new_and_when_it_replaces_another(capture_only, observed):
    capture_only(PlainSpecimen)
    PlainSpecimen.objects.create(name="new")
    PlainSpecimen.objects.create(name="changed", float=1.5)
    store_negative_zero("new")

    with hearing(PlainSpecimen) if observed else nullcontext():
        synchronize_and_compare(PlainSpecimen)
        store_negative_zero("changed")
        synchronize_and_compare(PlainSpecimen)

    floats = PlainSpecimen.objects.using(REMOTE).order_by("name").values_list("name", "float")
    assert [(name, repr(value)) for name, value in floats] == [("changed", "-0.0"), ("new", "-0.0")]


def store_negative_zero(name: str) -> None:
    """By SQL that says it is a float: PostgreSQL reads a bare ``-0.0`` as a decimal, which has one zero."""
    table, column = (connection.ops.quote_name(each) for each in (PlainSpecimen._meta.db_table, FLOAT.column))
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = '-0'::double precision WHERE name = %s", [name])
