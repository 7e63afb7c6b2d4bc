"""JSON is copied as it is stored: its digits are not lost to floats, whatever way it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from django.db import connections

from synchro_triggers import synchronize
from synchro_triggers.capture.install import compare, run_statements
from synchro_triggers.replay.rows.values import logged_values
from tests.databases import both
from tests.oddapp.models import Settled
from tests.replay.hearing import LOCAL, REMOTE, hearing, receiving

pytestmark = [both, pytest.mark.mariadb, pytest.mark.thinned("way")]

TEXTS = [
    '{"price": 1.10, "long": 12345678901234567890.123, "whole": 123456789012345678901234567890}',
    "[0.1, 0.10, 1.0, 1, -0.5, 100, 3.14159265358979323846264338327950288]",
    "1.000",
    '"text"',
    "null",
    "true",
    '{"b": 1, "a": {"c": [], "d": null}}',
    '{"a": 1e2, "b": 1.5E-7}',
    '{"ż": "\\u017c \\" \\\\ \\n"}',
]


@pytest.fixture(autouse=True)
def captured(settings: Any) -> None:
    settings.SYNCHRO_MODELS = ("oddapp.Settled",)
    capture()


def capture() -> None:
    found = compare(LOCAL)
    run_statements(LOCAL, [sql for trigger in (*found.missing, *found.outdated) for sql in trigger.statements])


@contextmanager
def in_batches(settings: Any) -> Iterator[None]:
    settings.SYNCHRO_BATCH_SIGNALS = True
    with hearing(Settled):
        yield


WAYS = {"in bulk": lambda _: nullcontext(), "one by one": lambda _: hearing(Settled), "a batch of signals": in_batches}
ways = pytest.mark.parametrize("way", WAYS)


def insert(*texts: str | None) -> None:
    with connections[LOCAL].cursor() as cursor:
        for number, text in enumerate(texts):
            cursor.execute("INSERT INTO oddapp_settled (settings, ratio) VALUES (%s, %s)", [text, number])


def texts(alias: str) -> list[str | None]:
    kind = "char" if connections[alias].vendor == "mysql" else "text"
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT CAST(settings AS {kind}) FROM oddapp_settled ORDER BY ratio")
        return [text for (text,) in cursor.fetchall()]


def digits(text: str | None) -> Any:
    return None if text is None else json.loads(text, parse_float=str, parse_int=str)


@pytest.mark.all_pairs
@ways
def test_json_is_copied_as_it_is_stored(vendor, settings, way):
    insert(*TEXTS, None)

    with WAYS[way](settings):
        assert synchronize().created == len(TEXTS) + 1

    here, there = texts(LOCAL), texts(REMOTE)
    if (vendor.local, vendor.remote) == ("sqlite", "postgres"):  # jsonb has no exponents
        here, there = here[:7] + here[8:], there[:7] + there[8:]
        assert list(map(digits, here)) == list(map(digits, there))
    else:
        assert here == there
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("UPDATE oddapp_settled SET day = '2024-01-01' WHERE ratio = 0")
        cursor.execute("UPDATE oddapp_settled SET ratio = ratio")
    with WAYS[way](settings):
        report = synchronize(full=True)
    assert (report.updated, report.failures) == (1, [])
    assert report.unchanged == len(TEXTS) + 1


@pytest.mark.all_pairs
@ways
@pytest.mark.parametrize(
    ("old", "new"), [("[1.1]", "[1.10]"), ("[1]", "[1.0]"), ("1", "1.00"), ("[9007199254740993]", "[9007199254740992]")]
)
def test_change_that_floats_do_not_see_arrives(settings, way, old, new):
    insert(old)
    synchronize()
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("UPDATE oddapp_settled SET settings = %s", [new])

    with WAYS[way](settings):
        report = synchronize()

    assert (report.updated, texts(REMOTE)) == (1, [new])


@pytest.mark.vendor("sqlite")
@ways
def test_blanks_order_and_doubled_keys_of_texts_stay(settings, way):
    text = '{ "b":1,  "a" : 1.50, "b": 2 }'
    insert(text, '{"a": 1}')
    with WAYS[way](settings):
        synchronize()
        assert texts(REMOTE) == [text, '{"a": 1}']

        with connections[LOCAL].cursor() as cursor:
            cursor.execute("UPDATE oddapp_settled SET settings = '{ \"a\": 1}' WHERE ratio = 1")
        assert synchronize().updated == 1
    assert texts(REMOTE) == [text, '{ "a": 1}']


@pytest.mark.all_pairs
@pytest.mark.parametrize("in_batches", [False, True])
@pytest.mark.parametrize("in_place", [False, True])
def test_receivers_see_values_of_python_and_what_they_change_is_written(settings, in_batches, in_place):
    settings.SYNCHRO_BATCH_SIGNALS = in_batches
    seen = []

    def change(instance: Any, **told: Any) -> None:
        seen.append(instance.settings)
        if instance.ratio == 1:
            if in_place:
                instance.settings["x"] = [2]
            else:
                instance.settings = {"x": [2]}

    insert('{"x": 1.10}', '{"x": 1.10}')
    with receiving("pre_save", Settled, change):
        report = synchronize()
        with connections[LOCAL].cursor() as cursor:
            cursor.execute("UPDATE oddapp_settled SET day = '2024-01-01'")
        again = synchronize()

    assert (report.created, again.updated, again.failures) == (2, 2, [])
    assert all(isinstance(value, dict) for value in seen)
    assert texts(REMOTE) == ['{"x": 1.10}', '{"x": [2]}']


@pytest.mark.parametrize("in_batches", [False, True])
@pytest.mark.parametrize("in_place", [False, True])
def test_own_json_of_the_remote_that_a_receiver_changes_is_written(settings, in_batches, in_place):
    settings.SYNCHRO_BATCH_SIGNALS = in_batches
    settings.SYNCHRO_OPTIONS = {"oddapp.Settled": {"skip": ["settings"]}}
    capture()

    def change(instance: Any, **told: Any) -> None:
        # A write of its own: the remote's own fields are read anew then, but not what was set here.
        Settled._base_manager.using(REMOTE).filter(pk=instance.pk).update(blob=b"x")
        if instance.ratio == 1 and in_place:
            instance.settings["x"] = [2]
        elif instance.ratio == 1:
            instance.settings = {"x": [2]}

    insert("1", "2")
    synchronize()
    with connections[REMOTE].cursor() as cursor:
        cursor.execute("UPDATE oddapp_settled SET settings = %s", ['{"x": 1.10}'])
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("UPDATE oddapp_settled SET day = '2024-01-01'")
    with receiving("pre_save", Settled, change):
        report = synchronize()

    assert (report.updated, report.failures) == (2, [])
    assert texts(REMOTE) == ['{"x": 1.10}', '{"x": [2]}']


@both
@pytest.mark.parametrize("value", [{"a": [1.5, None]}, "text", 1.5, None])
def test_old_values_of_json_are_read_as_the_field_has_them(value):
    as_text = value is not None and connections[LOCAL].vendor == "sqlite"  # PostgreSQL logs it as a part of the JSON
    stored = json.dumps({"settings": json.dumps(value) if as_text else value})
    assert logged_values(Settled, stored) == {"settings": value}
