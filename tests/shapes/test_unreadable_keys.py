"""Keys that Python cannot read, look up or store as text: kept with their full keys, and the others arrive."""

from __future__ import annotations

import datetime
import uuid
from collections import Counter
from contextlib import nullcontext
from io import StringIO
from itertools import product
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connections

from synchro_triggers import SyncReport, synchro_paused, synchronize
from synchro_triggers.capture.unlogged import describe_unlogged
from synchro_triggers.key_texts import stored_key
from synchro_triggers.models import Failure, Reference
from synchro_triggers.replay.log.window import current_position
from synchro_triggers.replay.state.moved import forget_lost_objects
from synchro_triggers.replay.state.node import node_id
from tests.databases import both
from tests.fieldapp.models import (
    KEYED,
    PAIRED,
    POINTERS,
    ArrayKeyed,
    JsonKeyed,
    LongKeyed,
    LongPointer,
    RangeKeyed,
)
from tests.replay.hearing import hearing
from tests.shapeapp.models import Note
from tests.shapes.sides import LOCAL, REMOTE, execute, synchronize_and_compare

pytestmark = both

SEVEN = f"'{uuid.UUID(int=7).hex}'"

#: Model, SQL of keys that Python cannot read or look up, and SQL of one that it can.
ODD: dict[str, list[tuple[Any, dict[str, str], str | None]]] = {
    "sqlite": [
        (
            KEYED["Uuid"],
            {
                "garbage": "'garbage'",
                "too long": "'0123456789abcdef0123456789abcdef0123'",
                "capitals": "'ABCDEF0123456789ABCDEF0123456789'",
                "dashes": f"'{uuid.UUID(int=10)}'",
                "bytes": "x'00ff'",
            },
            SEVEN,
        ),
        (KEYED["Date"], {"garbage": "'soon'", "no zeros": "'2024-1-5'", "no date": "'2024-02-31'"}, "'2024-01-01'"),
        (KEYED["DateTime"], {"garbage": "'yesterday'", "a T": "'2024-01-05T01:02:03'"}, "'2024-01-01 00:00:00'"),
        (KEYED["Decimal"], {"garbage": "'a lot'"}, "7"),
        (KEYED["Float"], {"garbage": "'a lot'"}, "7.5"),
        (KEYED["Big"], {"garbage": "'many'", "too long": f"'{'9' * 5000}'"}, "7"),
        (KEYED["Char"], {"bytes": "x'fffe'", "no UTF-8": "CAST(x'61ff62' AS TEXT)"}, "'a'"),
        (JsonKeyed, {"an object": """'{"a": [1, 2]}'""", "a list": "'[1]'"}, None),
    ],
    "postgres": [
        (
            KEYED["Date"],
            {"infinity": "'infinity'", "antiquity": "'0044-03-15 BC'", "science fiction": "'12024-01-01'"},
            "'2024-01-01'",
        ),
        (
            KEYED["DateTime"],
            {"no beginning": "'-infinity'", "antiquity": "'0044-03-15 12:00+00 BC'"},
            "'2024-01-01 00:00:00+00'",
        ),
        (KEYED["Time"], {"the end of a day": "'24:00:00'"}, "'12:00:00'"),
        (KEYED["Duration"], {"a long time": "'150000000 years'"}, "'1 day'"),
        (JsonKeyed, {"an object": """'{"a": [1, 2]}'""", "a list": "'[1]'"}, None),
        (ArrayKeyed, {"an array": "'{1,2}'"}, None),
        (RangeKeyed, {"a range": "'[1,5)'"}, None),
    ],
}


@pytest.fixture
def odd(vendor: Any, capture_only: Any) -> list[tuple[Any, dict[str, str], str | None]]:
    found = ODD[vendor.local]
    if vendor.local != vendor.remote:  # which has no such tables
        found = [each for each in found if each[0] not in (ArrayKeyed, RangeKeyed)]
    capture_only(*(model for model, _, _ in found), *POINTERS.values())
    return found


def insert(odd: list[tuple[Any, dict[str, str], str | None]], alias: str = LOCAL, *, healthy: bool = True) -> None:
    for model, keys, other in odd:
        table = model._meta.db_table
        for name, sql in keys.items():
            execute(f"INSERT INTO {table} (id, name) VALUES ({sql}, '{name}')", alias=alias)
        if healthy and other is not None:
            execute(f"INSERT INTO {table} (id, name) VALUES ({other}, 'healthy')", alias=alias)


def names(model: Any, alias: str = REMOTE) -> list[str]:
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT name FROM {model._meta.db_table} ORDER BY name")
        return [name for (name,) in cursor.fetchall()]


def failures(report: SyncReport) -> dict[str, int]:
    return dict(Counter(failure.model for failure in report.failures))


def expected(odd: list[tuple[Any, dict[str, str], str | None]]) -> dict[str, int]:
    return {model._meta.label: len(keys) for model, keys, _ in odd}


def update(odd: list[tuple[Any, dict[str, str], str | None]], alias: str = LOCAL) -> None:
    for model, _, _ in odd:
        execute(f"UPDATE {model._meta.db_table} SET name = name || '!'", alias=alias)


@pytest.mark.all_pairs
@pytest.mark.parametrize("way", ["in bulk", "one by one", "full"])
def test_objects_with_odd_keys_are_kept_until_they_go(odd, way):
    observed = [model for model, _, _ in odd] if way == "one by one" else []
    with synchro_paused() if way == "full" else nullcontext():
        insert(odd)

    with hearing(*observed):
        for attempts in range(3):
            report = synchronize(full=way == "full" and not attempts)
            assert failures(report) == expected(odd)
            assert report.created == (0 if attempts else sum(other is not None for _, _, other in odd))
        update(odd)
        assert failures(synchronize()) == expected(odd)

        kept = Failure.objects.using(REMOTE)
        assert kept.count() == sum(expected(odd).values())
        assert kept.filter(attempts__lt=4).count() == 0
        assert all(names(model) == ["healthy!"] * (other is not None) for model, _, other in odd)
        call_command("synchro_status", stdout=StringIO())
        with pytest.raises(CommandError, match="could not be applied"):
            call_command("synchronize", stdout=StringIO(), stderr=StringIO())

        for model, _, _ in odd:
            execute(f"DELETE FROM {model._meta.db_table} WHERE name <> 'healthy!'")
        assert synchronize().failures == []

    assert not kept.exists()
    assert all(names(model) == ["healthy!"] * (other is not None) for model, _, other in odd)
    assert not synchronize().changed


def test_objects_that_point_to_odd_keys_are_kept_and_the_others_arrive(odd):
    pointers = {model: POINTERS[kind] for kind, model in KEYED.items()}
    odd = [each for each in odd if each[0] in pointers]
    insert(odd)
    for model, keys, other in odd:
        table = pointers[model]._meta.db_table
        for name, sql in {**keys, "to healthy": other, "to nothing": "NULL"}.items():
            execute(f"INSERT INTO {table} (name, target_id) VALUES ('{name}', {sql})")

    for _ in range(2):
        report = synchronize()
        assert failures(report) == expected(odd) | {pointers[model]._meta.label: len(keys) for model, keys, _ in odd}
        assert all(names(pointers[model]) == ["to healthy", "to nothing"] for model, _, _ in odd)


def test_odd_keys_of_the_remotes_own_stop_nobody(odd, capture_only):
    capture_only(*(model for model, _, _ in odd), alias=REMOTE)
    insert(odd, REMOTE, healthy=False)
    insert([(model, {}, other) for model, _, other in odd])

    assert synchronize().failures == []
    update(odd, REMOTE)
    update(odd)
    assert synchronize().failures == []
    assert not synchronize().changed
    assert all(len(names(model)) == len(keys) + (other is not None) for model, keys, other in odd)


def test_odd_keys_that_both_sides_have_are_kept_when_they_are_deleted(odd):
    """The remote's rows cannot be looked up: they stay, and the failures say so until they are gone there too."""
    for alias in (LOCAL, REMOTE):
        with synchro_paused(using=alias):
            insert(odd, alias, healthy=False)
    for model, _, _ in odd:
        execute(f"DELETE FROM {model._meta.db_table}")

    for _ in range(2):
        report = synchronize()
        assert failures(report) == {model._meta.label: len(names(model)) for model, _, _ in odd if names(model)}
        assert len(report.failures) > 3
    for model, _, _ in odd:
        execute(f"DELETE FROM {model._meta.db_table}", alias=REMOTE)
    assert synchronize().failures == []
    assert not Failure.objects.using(REMOTE).exists()


#: Kinds with SQL of one key in several forms, that of Django first.
FORMS: dict[str, list[str]] = {
    "Uuid": [
        "'abcdef0123456789abcdef0123456789'",
        "'ABCDEF0123456789ABCDEF0123456789'",
        "'abcdef01-2345-6789-abcd-ef0123456789'",
        "'{ABCDEF01-2345-6789-ABCD-EF0123456789}'",
    ],
    "Date": ["'2024-01-05'", "'2024-1-5'", "'2024-01-5'"],
    "DateTime": ["'2024-01-05 01:02:03'", "'2024-01-05T01:02:03'", "'2024-01-05 01:02:03.000000'"],
    "Time": ["'01:02:03'", "'01:02:03.000'"],
    "Decimal": ["7.5", "'7.50'", "'0007.5'"],
    "Ip": ["'fe80::1'", "'FE80::1'", "'fe80:0::1'"],
    "Boolean": ["1", "'true'"],
}


@pytest.mark.vendor("sqlite")
@pytest.mark.thinned("*")
@pytest.mark.parametrize("way", ["in bulk", "one by one", "batch signals"])
@pytest.mark.parametrize("kind", list(FORMS))
def test_key_that_is_written_otherwise_there_is_deleted_or_told(capture_only, settings, kind, way):
    """Both sides have the object from an import of their own, each in its form; deleting it here is never silent."""
    model = KEYED[kind]
    capture_only(model)
    settings.SYNCHRO_BATCH_SIGNALS = way == "batch signals"
    usual = FORMS[kind][0]
    for here, there in product(FORMS[kind], repeat=2):
        if way != "in bulk" and usual not in (here, there):
            continue
        for alias, sql in ((LOCAL, here), (REMOTE, there)):
            with synchro_paused(using=alias):
                insert([(model, {"odd": sql}, None)], alias)
        execute(f"DELETE FROM {model._meta.db_table}")

        with hearing(*([model] if way != "in bulk" else [])):
            foreseen = synchronize(dry_run=True).failed
            for _ in range(2):
                report = synchronize()
                told = failures(report) == {model._meta.label: 1}
                assert told is bool(names(model)), (here, there)
                assert report.failed == foreseen
        if there == usual:
            assert not told
        execute(f"DELETE FROM {model._meta.db_table}", alias=REMOTE)
        assert synchronize().failures == []


@pytest.mark.vendor("sqlite")
def test_odd_part_of_a_key_of_two_columns_is_kept(capture_only):
    capture_only(*(PAIRED[kind] for kind in ("Uuid", "Char", "Date")))
    for kind, sql in (("Uuid", "'garbage'"), ("Char", "x'fffe'"), ("Date", "'soon'"), ("Char", "CAST(x'ff' AS TEXT)")):
        paired = PAIRED[kind]
        execute(f"INSERT INTO {paired._meta.db_table} (part, number, name) VALUES ({sql}, 1, 'odd')")
    for _ in range(2):
        assert len(synchronize().failures) == 4
    assert not any(names(PAIRED[kind]) for kind in ("Uuid", "Char", "Date"))


@pytest.mark.vendor("postgres")
def test_value_that_cannot_be_read_takes_nobody_down(capture_only):
    pointer = POINTERS["Date"]
    capture_only(pointer)
    with synchro_paused():
        execute("INSERT INTO fieldapp_keyeddate (id, name) VALUES ('infinity', 'odd')")
    execute("INSERT INTO fieldapp_pointerdate (name) SELECT 'n' || n FROM generate_series(1, 50) n")
    execute("UPDATE fieldapp_pointerdate SET target_id = 'infinity' WHERE name = 'n7'")

    report = synchronize()

    assert len(report.failures) == 1
    assert "cannot be read" in report.failures[0].error
    assert report.created == 49


@pytest.mark.all_pairs
def test_keys_of_any_length_are_synchronised(capture_only):
    capture_only(LongKeyed, LongPointer)
    digest_like = "sha256:" + "0" * 64
    keys = ["short", "x" * 500, "x" * 501, "x" * 501 + "y", "ż" * 500, "ż" * 3000, digest_like, "y" * 100_000]
    for number, key in enumerate(keys):
        row = LongKeyed.objects.create(pk=key, name=f"row {number}")
        LongPointer.objects.create(name=f"to {number}", target=row)
    synchronize_and_compare(LongKeyed, LongPointer)

    LongKeyed.objects.update(name="changed")
    report = synchronize_and_compare(LongKeyed, LongPointer)
    assert (report.updated, report.created) == (len(keys), 0)
    assert Reference.objects.using(REMOTE).filter(model_label=LongKeyed._meta.label).count() == len(keys)

    LongPointer.objects.all().delete()
    LongKeyed.objects.exclude(pk="short").delete()
    report = synchronize_and_compare(LongKeyed, LongPointer)
    assert (report.deleted, report.failures) == (2 * len(keys) - 1, [])
    assert Reference.objects.using(REMOTE).filter(model_label=LongKeyed._meta.label).count() == 1


@pytest.mark.all_pairs
def test_long_keys_that_local_has_lost_are_forgotten_and_the_others_are_not(capture_only):
    capture_only(LongKeyed, KEYED["DateTime"])
    keys = ["x" * 600 + end for end in "abc"]
    for key in keys:
        LongKeyed.objects.create(pk=key, name="n")
    times = [datetime.datetime(2024, 1, day, tzinfo=datetime.UTC) for day in (1, 2)]
    for each in times:
        KEYED["DateTime"].objects.create(pk=each, name="n")
    synchronize()
    position = current_position(LOCAL)
    with synchro_paused():
        LongKeyed.objects.filter(pk=keys[0]).delete()
    for model, key in ((LongKeyed, keys[1]), (KEYED["DateTime"], times[0])):
        model.objects.filter(pk=key).delete()
        model.objects.create(pk=key, name="made again")

    assert forget_lost_objects(REMOTE, node_id(LOCAL), position).forgotten == 3

    references = Reference.objects.using(REMOTE)
    assert references.get(model_label=LongKeyed._meta.label).local_pk == stored_key(keys[2])
    assert references.filter(model_label=KEYED["DateTime"]._meta.label).count() == 1


def test_rows_with_odd_keys_that_the_log_does_not_know_are_counted(odd):
    with synchro_paused():
        insert(odd)
    lines = describe_unlogged(LOCAL, {model._meta.db_table for model, _, _ in odd})
    assert all(f"{model._meta.label} {len(keys) + (other is not None)}" in lines[0] for model, keys, other in odd)

    update(odd)
    execute("DELETE FROM synchro_triggers_changelog")
    for model, _, _ in odd:
        execute(f"DELETE FROM {model._meta.db_table}")
    insert(odd)
    assert describe_unlogged(LOCAL, {model._meta.db_table for model, _, _ in odd}) == []


@pytest.mark.vendor("postgres")
def test_target_that_cannot_be_read_stops_no_first_meeting(capture_only):
    """The remote has rows that nobody knows, and so has LOCAL: what points to others is looked at with its targets."""
    pointer = POINTERS["Date"]
    capture_only(Note, pointer)
    for alias in (LOCAL, REMOTE):
        with synchro_paused(using=alias):
            Note.objects.using(alias).create(name="old")
    with synchro_paused():
        execute("INSERT INTO fieldapp_keyeddate (id, name) VALUES ('infinity', 'odd')")
        execute("INSERT INTO fieldapp_pointerdate (name, target_id) VALUES ('odd', 'infinity')")
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("SELECT id FROM fieldapp_pointerdate")
        [[key]] = cursor.fetchall()
    Note.objects.create(name="to odd", content_type=ContentType.objects.get_for_model(pointer), object_id=key)
    Note.objects.create(name="to nothing")

    report = synchronize()

    assert [failure.model for failure in report.failures] == [Note._meta.label]
    assert report.created == 1


@pytest.mark.all_pairs
def test_long_key_that_fails_is_found_again_and_arrives(capture_only):
    capture_only(LongKeyed)
    keys = ["x" * 600 + end for end in "abc"]
    for key in keys:
        LongKeyed.objects.create(pk=key, name="n")
    refuse = "CREATE UNIQUE INDEX only_one ON fieldapp_longkeyed (name)"
    execute(refuse, alias=REMOTE)

    for attempts in (1, 2):
        report = synchronize()
        assert len(report.failures) == 2
        assert {failure.key for failure in report.failures} < set(keys)
        assert Failure.objects.using(REMOTE).filter(attempts__gte=attempts).count() == 2

    execute("DROP INDEX only_one", alias=REMOTE)
    synchronize_and_compare(LongKeyed)
    assert not Failure.objects.using(REMOTE).exists()


@pytest.mark.vendor("sqlite", "sqlite-to-postgres")
def test_key_with_a_nul_is_synchronised_or_kept(capture_only, vendor):
    capture_only(LongKeyed)
    for key in ("a\0b", "a"):
        LongKeyed.objects.create(pk=key, name="n")

    for _ in range(2):
        report = synchronize()
        assert [failure.key for failure in report.failures] == ([] if vendor.remote == "sqlite" else ["a\0b"])

    LongKeyed.objects.update(name="m")
    assert len(synchronize().failures) == (vendor.remote != "sqlite")
    LongKeyed.objects.all().delete()
    assert synchronize().failures == []
    assert not LongKeyed.objects.using(REMOTE).exists()
