"""What differs by the least that a column can is found, in each of them; what is equal is not called different.

``tests/comparing.py``, which knows nothing of ``synchro_triggers.compare``, says the same.
"""

from __future__ import annotations

import datetime
import json
import math
import uuid
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from django.db.models import JSONField, Value

from synchro_triggers import compare, synchro_paused, synchronize
from synchro_triggers.replay.compare.closer_look import CloserLook
from tests.comparing import differences
from tests.databases import both
from tests.fieldapp.models import Elephant, Specimen, Words
from tests.replay.test_time_zones import CHICAGO, KOLKATA, zone_of_alias
from tests.shapes.sides import LOCAL, REMOTE, execute
from tests.shapes.test_fields import ELEPHANTS, NOT_ON_MARIADB, specimens

pytestmark = [both, pytest.mark.all_pairs]

UTC = datetime.UTC
NOON = datetime.datetime(2024, 6, 1, 12, tzinfo=UTC)
TICK = datetime.timedelta(microseconds=1)

#: For each column of ``Specimen``: pairs of values that differ as little as they can.
PAIRS: list[tuple[str, Any, Any]] = [
    ("any_case", "word", "Word"),
    ("big", 2**63 - 1, 2**63 - 2),
    ("big", 2**53, 2**53 + 1),
    ("binary", b"a", b"a\0"),
    ("binary", b"", None),
    ("boolean", False, None),
    ("boolean", True, False),
    ("char", "", None),
    ("char", "a", "A"),
    ("char", "a", "a "),
    ("char", "\u00e9", "e\u0301"),
    ("char", "null", None),
    ("choice", 1, 2),
    ("date", datetime.date(2024, 2, 29), datetime.date(2024, 3, 1)),
    ("datetime", NOON, NOON + TICK),
    ("datetime", NOON + 999_999 * TICK, NOON + 1_000_000 * TICK),
    ("datetime", NOON, None),
    ("decimal", Decimal("9999999999.99999"), Decimal("9999999999.99998")),
    ("decimal", Decimal("0"), Decimal("0.00001")),
    ("decimal", Decimal("1.10"), Decimal("-1.10")),
    ("duration", datetime.timedelta(days=1), datetime.timedelta(days=1) + TICK),
    ("email", "a@example.org", "a@Example.org"),
    ("file", "a/b.txt", "a/B.txt"),
    ("file", "", None),
    ("file_path", "/nowhere/x", "/nowhere/x/"),
    ("float", 0.1, math.nextafter(0.1, 1)),
    ("float", 0.0, 5e-324),
    ("image", "a.png", "a.pnG"),
    ("integer", 0, None),
    ("integer", 2**31 - 1, 2**31 - 2),
    ("ip", "::1", "::2"),
    ("json", 1, 1.0),
    ("json", {"a": 1}, {"a": True}),
    ("json", {"a": None}, {}),
    ("json", [0.1], [0.10000000000000002]),
    ("json", Value(None, JSONField()), None),
    ("json", "null", Value(None, JSONField())),
    ("points", {(1, 2): 3}, {(1, 2): 4}),
    ("positive", 0, 1),
    ("positive_big", 2**63 - 1, 2**63 - 2),
    ("slug", "a-b", "a_b"),
    ("small", 0, -1),
    ("text", "a\n", "a"),
    ("text", "x" * 100_000, "x" * 99_999 + "y"),
    ("time", datetime.time(12), datetime.time(12, 0, 0, 1)),
    ("url", "https://example.org", "https://example.org/"),
    ("uuid", uuid.UUID(int=0), uuid.UUID(int=1)),
    ("width", 0, 1),
    ("words", Words("one two"), Words("one Two")),
]


def found():
    return sorted((each.state, each.only, *(field.field for field in each.fields)) for each in compare().differences)


def on_remote_alone(**values):
    """Change the remote's row of a name past its log."""
    name = values.pop("name")
    with synchro_paused(using=REMOTE):
        assert Specimen.objects.using(REMOTE).filter(name=name).update(**values) == 1


def make(field, number, value):
    # An image of unknown size would be opened to be measured.
    size = {"width": 1, "positive": 1} if field == "image" else {}
    return Specimen(name=f"{field} {number}", **size, **{field: value})


def test_every_column_has_a_pair():
    columns = {field.name for field in Specimen._meta.concrete_fields if not getattr(field, "generated", False)}

    assert columns - {field for field, *_ in PAIRS} == {"id", "name"}


@pytest.mark.mariadb(core=True)
def test_least_difference_of_each_column_is_found(capture_only):
    capture_only(Specimen)
    Specimen.objects.bulk_create(make(field, number, value) for number, (field, value, _) in enumerate(PAIRS))
    synchronize()
    assert compare().equal

    for number, (field, _, value) in enumerate(PAIRS):
        on_remote_alone(name=f"{field} {number}", **{field: value})

    assert found() == sorted(("differs", "", field) for field, *_ in PAIRS)
    for each in compare().differences:
        [field] = each.fields
        assert field.local != field.remote, field


@pytest.mark.mariadb(core=True)
def test_equal_values_are_not_called_different_nor_looked_at_closely(capture_only, vendor, monkeypatch):
    capture_only(Specimen)
    mixed = vendor.local != vendor.remote
    but = NOT_ON_MARIADB if vendor.remote == "mariadb" else ()
    Specimen.objects.bulk_create(Specimen(**each) for each in specimens(for_another_vendor=mixed, but=but))
    synchronize()
    looked_at = []
    look = CloserLook.at
    monkeypatch.setattr(CloserLook, "at", lambda self, keys: looked_at.extend(keys) or look(self, keys))

    report = compare()

    assert differences(Specimen) == []
    assert report.equal, report.differences
    names = set(Specimen.objects.filter(pk__in=looked_at).values_list("name", flat=True))
    assert not mixed or {name.partition(" ")[0] for name in names} <= {"json", "datetime", "float"}
    assert mixed or names == set()


@pytest.mark.vendor("postgres", "sqlite-to-postgres")
def test_sign_of_zero_is_seen(capture_only):
    capture_only(Specimen)
    Specimen.objects.create(name="a", float=0.0)
    synchronize()

    with synchro_paused(using=REMOTE):
        execute("UPDATE fieldapp_specimen SET \"a--b /* c\" = CAST('-0' AS double precision)", alias=REMOTE)

    assert found() == [("differs", "", "float")]


@pytest.mark.vendor("sqlite")
def test_order_of_keys_in_json_is_seen_where_both_sides_keep_it(capture_only):
    capture_only(Specimen)
    Specimen.objects.create(name="a", json={"a": 1, "b": 2})
    synchronize()

    on_remote_alone(name="a", json={"b": 2, "a": 1})

    assert found() == [("differs", "", "json")]


@pytest.mark.vendor("postgres-to-sqlite", "sqlite-to-postgres")
def test_order_of_keys_in_json_is_nothing_where_one_side_has_none(capture_only):
    capture_only(Specimen)
    Specimen.objects.create(name="a", json={"b": 2, "a": [1, {"d": 1, "c": 2}]})

    synchronize()

    assert compare().equal


# Spellings ----------------------------------------------------------------------------------------


@pytest.mark.vendor("sqlite", "postgres-to-sqlite")
@pytest.mark.parametrize("spelling", ["2024-06-01T12:00:00", "2024-06-01 12:00:00.000000", "2024-06-01 12:00"])
def test_other_spelling_of_a_time_is_no_other_time(capture_only, spelling):
    capture_only(Specimen)
    Specimen.objects.create(name="a", datetime=NOON)
    synchronize()

    with synchro_paused(using=REMOTE):
        execute("UPDATE fieldapp_specimen SET datetime = %s", spelling, alias=REMOTE)

    assert compare().equal


@pytest.mark.vendor("sqlite", "postgres-to-sqlite")
@pytest.mark.parametrize("column", ["datetime", "date", "time"])
def test_garbled_time_is_no_null(capture_only, column):
    capture_only(Specimen)
    Specimen.objects.create(name="a")
    synchronize()
    names = {"date": '"Group By"'}

    with synchro_paused(using=REMOTE):
        execute(f"UPDATE fieldapp_specimen SET {names.get(column, column)} = 'gestern'", alias=REMOTE)

    [difference] = compare().differences
    assert [(each.field, each.local, each.remote) for each in difference.fields] == [(column, None, "(cannot be read)")]


@pytest.mark.vendor("postgres")
def test_value_that_python_cannot_read_is_compared_as_it_is_stored(capture_only):
    capture_only(Specimen)
    Specimen.objects.create(name="a", datetime=NOON)
    synchronize()
    for alias in (LOCAL, REMOTE):
        with synchro_paused(using=alias):
            execute("UPDATE fieldapp_specimen SET datetime = 'infinity', \"Group By\" = 'infinity'", alias=alias)
    assert compare().equal

    with synchro_paused(using=REMOTE):
        execute("UPDATE fieldapp_specimen SET \"Group By\" = '-infinity'", alias=REMOTE)

    assert found() == [("differs", "", "date")]


@pytest.mark.vendor("postgres-to-sqlite")
def test_year_before_our_era_is_not_that_of_ours(capture_only):
    capture_only(Specimen)
    Specimen.objects.create(name="a", datetime=NOON.replace(year=44))
    synchronize()

    with synchro_paused(using=LOCAL):
        execute("UPDATE fieldapp_specimen SET datetime = '0044-06-01 12:00:00+00 BC'")

    assert found() == [("differs", "", "datetime")]


@pytest.mark.parametrize("zones", [(CHICAGO, CHICAGO), (CHICAGO, KOLKATA), (None, CHICAGO)], ids=str)
def test_time_zones_of_the_aliases_make_no_difference_and_hide_none(capture_only, zones):
    capture_only(Specimen)
    with zone_of_alias(LOCAL, zones[0]), zone_of_alias(REMOTE, zones[1]):
        Specimen.objects.create(name="a", datetime=NOON)
        synchronize()
        assert compare().equal

        on_remote_alone(name="a", datetime=NOON + TICK)
        assert found() == [("differs", "", "datetime")]

        here, there = (
            ZoneInfo(zone) if zone and connections[alias].vendor == "sqlite" else UTC
            for alias, zone in zip((LOCAL, REMOTE), zones, strict=True)
        )
        same_on_the_clock = NOON.astimezone(here).replace(tzinfo=there)
        on_remote_alone(name="a", datetime=same_on_the_clock)
        assert found() == ([] if same_on_the_clock == NOON else [("differs", "", "datetime")])


def test_times_without_time_zones_are_compared_too(capture_only, settings):
    settings.USE_TZ = False
    capture_only(Specimen)
    for connection in connections.all():
        for cached in ("timezone", "timezone_name"):
            connection.__dict__.pop(cached, None)
    try:
        Specimen.objects.create(name="a", datetime=NOON.replace(tzinfo=None))
        synchronize()
        assert compare().equal

        on_remote_alone(name="a", datetime=(NOON + TICK).replace(tzinfo=None))

        assert found() == [("differs", "", "datetime")]
    finally:
        settings.USE_TZ = True
        for connection in connections.all():
            for cached in ("timezone", "timezone_name"):
                connection.__dict__.pop(cached, None)


@pytest.mark.vendor("postgres")
def test_values_that_only_postgres_has_are_compared(capture_only):
    capture_only(Elephant)
    rows = [(name, number, value) for name, values in ELEPHANTS.items() for number, value in enumerate(values)]
    Elephant.objects.bulk_create(Elephant(name=f"{name} {number}", **{name: value}) for name, number, value in rows)
    synchronize()
    assert compare().equal

    with synchro_paused(using=REMOTE):
        for name, number, _ in rows:
            Elephant.objects.using(REMOTE).filter(name=f"{name} {number}").update(**{name: None})

    expected = sorted(name for name, _, value in rows if value is not None)
    assert sorted(field.field for each in compare().differences for field in each.fields) == expected


# What is shown ------------------------------------------------------------------------------------


def test_long_values_are_cut_where_they_differ(capture_only):
    capture_only(Specimen)
    Specimen.objects.create(name="a", text="x" * 10_000)
    synchronize()
    on_remote_alone(name="a", text="x" * 5_000 + "y" + "x" * 4_999)

    [difference] = compare().differences
    [field] = difference.fields

    assert field.local == f"…{'x' * 200}… (10000 characters)"
    assert field.remote == f"…{'x' * 40}y{'x' * 159}… (10000 characters)"
    assert json.dumps(compare().as_dict())
