"""Keys that another client has written into the remote's SQLite file in a way of its own: no second row, and told."""

from __future__ import annotations

import datetime
import uuid
from itertools import islice

import pytest
from django.db import connections

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.capture.logged_keys import key_and_table
from synchro_triggers.models import Reference
from synchro_triggers.replay.log.everything import every_object
from synchro_triggers.replay.rows import other_spellings
from synchro_triggers.replay.rows.raw_keys import fetch_texts
from tests.databases import both
from tests.fieldapp.models import KEYED, PAIRED, POINTERS, LowerCaseKeyed, PlainSpecimen
from tests.shapes.sides import LOCAL, REMOTE, execute
from tests.testapp.models import Account

pytestmark = [both, pytest.mark.vendor("sqlite", "postgres-to-sqlite"), pytest.mark.thinned("*")]

#: Python's key, and texts of it: that of Django first.
SPELLINGS = {
    "Uuid": (
        uuid.UUID("abcdef01-2345-6789-abcd-ef0123456789"),
        [
            "abcdef0123456789abcdef0123456789",
            "ABCDEF0123456789ABCDEF0123456789",
            "abcdef01-2345-6789-abcd-ef0123456789",
            "{ABCDEF01-2345-6789-ABCD-EF0123456789}",
        ],
    ),
    "Date": (datetime.date(2024, 1, 5), ["2024-01-05", "2024-1-5", "2024-01-5"]),
    "DateTime": (
        datetime.datetime(2024, 1, 5, 1, 2, 3, tzinfo=datetime.UTC),
        [
            "2024-01-05 01:02:03",
            "2024-01-05T01:02:03",
            "2024-01-05 01:02:03.000000",
            "2024-01-05 01:02:03+00:00",
            "2024-01-05T01:02:03.000Z",
        ],
    ),
    "Time": (datetime.time(1, 2), ["01:02:00", "01:02:00.000000", "01:02"]),
    "Ip": ("fe80::1", ["fe80::1", "FE80::1"]),
}


@pytest.fixture(params=["small", "large"])
def table(request, monkeypatch):
    """Whether the remote's table is read as a whole, or likely spellings are looked up."""
    if request.param == "large":
        monkeypatch.setattr(other_spellings, "_FEW", 0)
        monkeypatch.setattr(other_spellings, "_FOR_EACH", 0)


def insert_there(model, **texts):
    columns = ", ".join(texts)
    with synchro_paused(using=REMOTE):
        marks = ", ".join(["%s"] * len(texts))
        execute(f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({marks})", *texts.values(), alias=REMOTE)


def names(model, alias=REMOTE):
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT name FROM {model._meta.db_table} ORDER BY name")
        return [name for (name,) in cursor.fetchall()]


def each_spelling():
    return [(kind, text) for kind, (_, texts) in SPELLINGS.items() for text in texts[1:]]


@pytest.mark.parametrize(("kind", "text"), each_spelling())
def test_object_is_kept_until_the_remote_has_its_key_as_django_writes_it(capture_only, way, table, kind, text):
    model, pointer, (key, texts) = KEYED[kind], POINTERS[kind], SPELLINGS[kind]
    capture_only(model, pointer)
    insert_there(model, id=text, name="there")
    model.objects.create(pk=key, name="here")
    pointer.objects.create(name="to it", target_id=key)

    for _ in range(2):
        dry, report = synchronize(dry_run=True), synchronize()

        assert names(model) == ["there"] and names(pointer) == []
        assert dry.failed == report.failed == 2 and not report.created
        [failure] = [failure for failure in report.failures if failure.model == model._meta.label]
        assert all(part in failure.error for part in ("'remote'", model._meta.label, f"id {text!r}", texts[0]))

    execute(f"UPDATE {model._meta.db_table} SET id = %s", texts[0], alias=REMOTE)
    report = synchronize()
    assert (report.failures, report.updated, report.created) == ([], 1, 1)
    assert names(model) == ["here"] and names(pointer) == ["to it"]


def test_others_of_the_same_batch_arrive(capture_only, way, table):
    model, (key, texts) = KEYED["Uuid"], SPELLINGS["Uuid"]
    capture_only(model)
    insert_there(model, id=texts[1], name="there")
    insert_there(model, id="garbage", name="there too")
    insert_there(model, id=uuid.UUID(int=3).hex, name="met by its key")
    model.objects.bulk_create(model(pk=each, name="here") for each in (key, uuid.UUID(int=1)))
    model.objects.create(pk=uuid.UUID(int=3), name="here")

    report = synchronize()

    assert (report.created, report.updated, report.failed) == (1, 1, 1)
    assert names(model) == ["here", "here", "there", "there too"]


def test_row_that_was_met_and_is_spelt_otherwise_now(capture_only, way, table):
    model, (key, texts) = KEYED["Uuid"], SPELLINGS["Uuid"]
    capture_only(model)
    model.objects.create(pk=key, name="here")
    synchronize()
    with synchro_paused(using=REMOTE):
        execute(f"UPDATE {model._meta.db_table} SET id = %s", texts[2], alias=REMOTE)
    model.objects.update(name="changed")

    report = synchronize()

    assert names(model) == ["here"] and report.failed == 1
    assert Reference.objects.using(REMOTE).filter(model_label=model._meta.label).count() == 1


def test_part_of_a_key_of_two_columns(capture_only, way, table):
    model, (key, texts) = PAIRED["Uuid"], SPELLINGS["Uuid"]
    capture_only(model)
    insert_there(model, part=texts[1], number=1, name="there")
    for number in (1, 2):
        model.objects.create(part=key, number=number, name=f"here {number}")

    report = synchronize()

    assert names(model) == ["here 2", "there"]
    [failure] = report.failures
    assert f"part {texts[1]!r}" in failure.error


def test_natural_key(capture_only, settings, way, table):
    model, (key, texts) = PlainSpecimen, SPELLINGS["Uuid"]
    settings.SYNCHRO_OPTIONS = {model._meta.label: {"natural_key": ("uuid", "date")}}
    capture_only(model)
    date = datetime.date(2024, 1, 5)
    model.objects.using(REMOTE).create(name="there", uuid=key, date=date)
    with synchro_paused(using=REMOTE):
        execute("UPDATE fieldapp_plainspecimen SET uuid = %s", texts[2], alias=REMOTE)
    model.objects.create(name="here", uuid=key, date=date)
    model.objects.create(name="another", uuid=key, date=datetime.date(2024, 1, 6))

    report = synchronize()

    assert names(model) == ["another", "there"]
    [failure] = report.failures
    assert f"uuid {texts[2]!r}" in failure.error
    with synchro_paused(using=REMOTE):
        execute("UPDATE fieldapp_plainspecimen SET uuid = %s", texts[0], alias=REMOTE)
    assert synchronize().failures == []
    assert names(model) == ["another", "here"]


def test_natural_key_of_what_is_deleted(capture_only, settings, way):
    model, (key, texts) = PlainSpecimen, SPELLINGS["Uuid"]
    settings.SYNCHRO_OPTIONS = {model._meta.label: {"natural_key": ("uuid",)}}
    capture_only(model)
    for alias in (LOCAL, REMOTE):
        with synchro_paused(using=alias):
            model.objects.using(alias).create(name="both", uuid=key)
    with synchro_paused(using=REMOTE):
        execute("UPDATE fieldapp_plainspecimen SET uuid = %s", texts[2], alias=REMOTE)
    model.objects.all().delete()

    for _ in range(2):
        [failure] = synchronize().failures
        assert "it was deleted" in failure.error and f"uuid {texts[2]!r}" in failure.error

    with synchro_paused(using=REMOTE):
        execute("UPDATE fieldapp_plainspecimen SET uuid = %s", texts[0], alias=REMOTE)
    assert synchronize().failures == []
    assert names(model) == []


def test_key_of_a_field_that_reads_values_in_its_own_way(capture_only, way):
    capture_only(LowerCaseKeyed)
    insert_there(LowerCaseKeyed, id="ABC", name="there")
    insert_there(LowerCaseKeyed, id="def", name="met by its key")
    LowerCaseKeyed.objects.create(pk="abc", name="here")
    LowerCaseKeyed.objects.create(pk="def", name="here")

    report = synchronize()

    assert names(LowerCaseKeyed) == ["here", "there"] and report.failed == 1


def test_nothing_is_asked_where_no_key_has_several_spellings(capture_only, monkeypatch):
    model = KEYED["Char"]
    capture_only(model)
    monkeypatch.setattr(other_spellings.OtherSpellings, "_has_more_than", None)
    model.objects.create(pk="a", name="here")

    assert synchronize().created == 1


# A whole table -------------------------------------------------------------------------------------


def every_key(model):
    pages = list(islice(every_object([model._meta.label], 1), 100))
    assert len(pages) < 100, "it goes round in circles"
    return {change.key for page in pages for change in page}


@pytest.mark.vendor("sqlite")
@pytest.mark.parametrize("kind", SPELLINGS)
def test_every_row_is_looked_at_however_its_key_is_written(kind, settings):
    model = KEYED[kind]
    settings.SYNCHRO_MODELS = (model._meta.label,)
    column = model._meta.pk.column
    texts = SPELLINGS[kind][1]
    if kind == "Uuid":  # what lies between the spelling that is stored and that of Django
        texts = [*texts, "F" * 32, "0" * 32, "abcdef0023456789abcdef0123456789"]
    for number, text in enumerate(texts):
        execute(f"INSERT INTO {model._meta.db_table} ({column}, name) VALUES (%s, %s)", text, str(number))

    assert every_key(model) >= {text for (text,) in fetch_texts(connections[LOCAL], *keys_as_logged(model))}


@pytest.mark.vendor("sqlite")
def test_every_row_is_looked_at_where_keys_are_blobs(settings):
    settings.SYNCHRO_MODELS = ("testapp.Account",)
    for key in ("a", "z", b"b", b"\xff"):
        execute("INSERT INTO testapp_account (name, cash, visits) VALUES (%s, 0, 0)", key)

    assert every_key(Account) >= {"a", "z", "X'62'", "X'FF'"}


def keys_as_logged(model):
    key, table = key_and_table(connections[LOCAL], model)
    return f"SELECT {key} FROM {table} AS t", []
