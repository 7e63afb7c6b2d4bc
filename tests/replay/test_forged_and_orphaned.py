"""What no trigger has written, or what no listed model answers for: named, counted, and nothing is done."""

from __future__ import annotations

import pytest
from django.db import connections
from django.utils import timezone

from synchro_triggers import synchronize
from synchro_triggers.key_texts import is_encodable
from synchro_triggers.models import ChangeLog, Failure
from synchro_triggers.replay.report import Told
from synchro_triggers.replay.state.node import node_id
from tests.databases import both
from tests.managing import in_process
from tests.testapp.models import Item

pytestmark = both

LOCAL, REMOTE = "default", "remote"

#: Times that no trigger writes, by vendor.
NO_TIMES = {"sqlite": ["yesterday", "", "2026-13-41 25:00:00"], "postgresql": ["infinity", "-infinity", "290000-01-01"]}


def on_remote(model):
    return model.objects.using(REMOTE)


def forge(key, operation="D", time=None, label="testapp.Item", alias=LOCAL):
    vendor = connections[alias].vendor
    with connections[alias].cursor() as cursor:
        if vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        cursor.execute(
            "INSERT INTO synchro_triggers_changelog"
            " (model_label, object_pk, operation, changed_fields, origin, logged_at)"
            " VALUES (%s, %s, %s, '', '', %s)",
            [label, str(key), operation, "2026-01-01 00:00:00" if time is None else time],
        )
        if vendor == "sqlite":  # of the connection, which other tests use too
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


@pytest.fixture
def item():
    item = Item.objects.create(name="a")
    synchronize()
    on_remote(Item).update(name="theirs")
    return item


def forgeries():
    yield from ({"operation": operation} for operation in ("X", " ", "d"))
    yield from ({"time": number} for number in range(3))


@pytest.mark.parametrize("forgery", list(forgeries()), ids=str)
@pytest.mark.parametrize("dry_run", [False, True])
def test_forged_row_changes_nothing_and_is_named(item, forgery, dry_run):
    if "time" in forgery:
        forgery = {"time": NO_TIMES[connections[LOCAL].vendor][forgery["time"]]}
    forge(item.pk, **forgery)
    if "time" in forgery:
        forge(item.pk, "U", forgery["time"])

    report = synchronize(dry_run=dry_run)

    [remark] = report.remarks
    assert (remark.kind, remark.model, remark.key) == (Told.SKIPPED, "testapp.Item", str(item.pk))
    assert "no trigger writes" in remark.reason and report.failures == []
    assert on_remote(Item).get().name == "theirs" and ChangeLog.objects.exists()
    assert not synchronize().remarks or dry_run, "once is enough"


@pytest.mark.vendor("sqlite", "sqlite-to-postgres")
@pytest.mark.parametrize("blob", [b"\xff\xfe", b"", b"[1]", b"1e3"], ids=repr)
@pytest.mark.parametrize("column", ["model_label", "object_pk", "changed_fields", "old_values", "origin"])
def test_blob_in_a_row_of_the_log_stops_nobody(item, column, blob):
    for alias in (LOCAL, "remote"):
        if connections[alias].vendor == "sqlite":
            row = {"model_label": "testapp.Item", "object_pk": "77", "changed_fields": "name", "old_values": "{}"}
            row |= {"origin": "", "operation": "U", "logged_at": "2026-01-01 00:00:00", column: blob}
            with connections[alias].cursor() as cursor:
                marks = ", ".join(["%s"] * len(row))
                cursor.execute(
                    f"INSERT INTO synchro_triggers_changelog ({', '.join(row)}) VALUES ({marks})", list(row.values())
                )
    Item.objects.create(name="b")

    status = in_process("synchro_status", "--json")
    dry, report = synchronize(dry_run=True), synchronize()

    assert status.returncode == 0 and status.stderr == ""
    assert dry.failures == report.failures == [] and dry.told == report.told
    assert sorted(on_remote(Item).values_list("name", flat=True)) == ["b", "theirs"]
    assert all(is_encodable(remark.model + remark.key) for remark in report.remarks)
    assert not synchronize().changed


@pytest.mark.parametrize("number", range(3))
def test_forged_row_hides_no_true_one(item, number):
    forge(item.pk, "U", NO_TIMES[connections[LOCAL].vendor][number])
    forge(item.pk, "X")
    Item.objects.update(cash=5)
    forge(item.pk, "U", NO_TIMES[connections[LOCAL].vendor][number])

    report = synchronize()

    assert Told.SKIPPED not in report.told and on_remote(Item).get().cash == 5


@pytest.mark.parametrize("number", range(3))
def test_forged_time_in_the_log_of_the_remote_stops_nobody(item, number):
    time = NO_TIMES[connections[REMOTE].vendor][number]
    forge(on_remote(Item).get().pk, "U", time, alias=REMOTE)
    Item.objects.update(cash=5)
    Item.objects.create(name="b")

    assert synchronize().failures == []
    assert on_remote(Item).get(name__in=("a", "theirs")) and on_remote(Item).filter(name="b").exists()


def test_label_without_a_model_is_counted_and_named(item):
    for key in (1, 2):
        forge(key, "U", label="former.Thing")
    Item.objects.create(name="b")

    report = synchronize()

    assert report.told == {Told.SKIPPED: 2} and on_remote(Item).count() == 2
    assert {(each.model, each.reason) for each in report.remarks} == {("former.Thing", "there is no such model")}


@pytest.mark.parametrize(
    ("label", "reason"),
    [("former.Thing", "there is no such model"), ("testapp.Unlisted", "it is not in SYNCHRO_MODELS")],
)
def test_kept_failures_that_nobody_can_try_are_counted_and_named(item, label, reason):
    for key in (1, 2):
        on_remote(Failure).create(
            source=node_id(LOCAL),
            model_label=label,
            object_pk=str(key),
            operation="I",
            error="x",
            logged_at=timezone.now(),
        )

    report = synchronize()

    assert f"2 kept failures of {label} are not tried: {reason}." in report.warnings
    assert on_remote(Failure).count() == 2
