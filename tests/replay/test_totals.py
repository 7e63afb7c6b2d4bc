"""Totals of what was applied, and of conflicts, never fall: they outlive the runs and the records that they count."""

from __future__ import annotations

import datetime

import pytest
from django.core.management import call_command
from django.db.models.signals import pre_save

from synchro_triggers import synchronize
from synchro_triggers.models import AppliedTotal, Conflict, Run
from synchro_triggers.replay.pruning import prune
from synchro_triggers.replay.report import SyncReport
from synchro_triggers.replay.state.node import node_id
from synchro_triggers.replay.state.runs import FollowersRecord
from synchro_triggers.replay.state.totals import Applied, applied_totals, conflict_totals
from tests.databases import ALIASES, both
from tests.testapp.models import Item, Tag, Tagged

pytestmark = both

LOCAL, REMOTE = ALIASES


def totals(direction="push"):
    return {tuple(what): number for remote, way, what, number in applied_totals() if way == direction}


def in_conflict(*names):
    """Let both sides change objects that they have in common."""
    items = [Item.objects.create(name=name) for name in names]
    synchronize()
    for item in items:
        Item.objects.using(REMOTE).filter(name=item.name).update(cash=2)
        Item.objects.filter(name=item.name).update(cash=1)
    synchronize()
    assert Conflict.objects.using(REMOTE).count() == len(names)


@pytest.mark.all_pairs
def test_each_run_adds_what_it_has_applied():
    gone, _ = Item.objects.create(name="a"), Item.objects.create(name="b")
    synchronize()
    gone.delete()
    Item.objects.update(cash=1)
    tagged = Tagged.objects.create()
    tagged.tags.add(Tag.objects.create(label="x"))
    synchronize()
    synchronize(full=True)
    synchronize(dry_run=True)

    assert totals() == {
        ("testapp.Item", "created"): 2,
        ("testapp.Item", "updated"): 1,
        ("testapp.Item", "deleted"): 1,
        ("testapp.Tag", "created"): 1,
        ("testapp.Tagged", "created"): 1,
        ("testapp.Tagged_tags", "created"): 1,
    }
    assert not AppliedTotal.objects.using(REMOTE).exists()


def test_each_direction_has_its_own_totals():
    Item.objects.create(name="a")
    Item.objects.using(REMOTE).create(name="b")

    synchronize(both=True)

    assert totals("push") == totals("pull") == {("testapp.Item", "created"): 1}


def test_totals_stay_when_runs_are_pruned():
    Item.objects.create(name="a")
    synchronize()
    Run.objects.update(begun_at=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))

    assert prune(datetime.timedelta(days=1)).runs == 1

    assert totals() == {("testapp.Item", "created"): 1}


def test_what_was_committed_before_an_error_counts(settings):
    settings.SYNCHRO_BATCH_SIZE = 2
    for name in "abcd":
        Item.objects.create(name=name)

    class Lost(BaseException):
        """Not an object's fault: it ends the run."""

    def lose(instance, using, **kwargs):
        if using == REMOTE and instance.name == "c":
            raise Lost

    pre_save.connect(lose, sender=Item)
    try:
        with pytest.raises(Lost):
            synchronize()
    finally:
        pre_save.disconnect(lose, sender=Item)

    assert Item.objects.using(REMOTE).count() == 2
    assert totals() == {("testapp.Item", "created"): 2}
    assert Run.objects.get().written == 2


def test_follower_adds_what_it_has_applied_with_its_record():
    record = FollowersRecord(LOCAL, REMOTE)
    for _ in range(2):
        record.begin_pass()
        report = SyncReport()
        report.count("testapp.Item", "created")
        record.end(report)
    before = totals()

    record.write()

    assert before == {} and totals() == {("testapp.Item", "created"): 2}


def test_small_pass_of_a_follower_that_an_error_ends_counts_too():
    record = FollowersRecord(LOCAL, REMOTE)
    report = SyncReport()
    record.begin(report, 5)
    report.count("testapp.Item", "created", 3)

    record.fail(OSError("gone"))

    assert totals() == {("testapp.Item", "created"): 3}


def test_total_is_one_row_whatever_the_number_of_runs():
    for name in "abc":
        Item.objects.create(name=name)
        synchronize()

    assert AppliedTotal.objects.get().number == 3


def test_two_rows_of_one_total_are_added_up():
    """As two runs that end at the same time may leave them."""
    for number in (2, 3):
        row = {"remote": REMOTE, "direction": "push", "model_label": "testapp.Item", "operation": "created"}
        AppliedTotal.objects.create(**row, number=number)
    Item.objects.create(name="a")

    synchronize()

    assert applied_totals() == [(REMOTE, "push", Applied("testapp.Item", "created"), 6)]


@pytest.mark.all_pairs
def test_conflicts_that_are_forgotten_still_count():
    in_conflict("a", "b", "c")
    source = node_id(LOCAL)
    assert conflict_totals(REMOTE, source) == {"newest": 3}

    first = Conflict.objects.using(REMOTE).order_by("pk").first()
    call_command("synchro_conflicts", "--forget", str(first.pk), verbosity=0)
    assert Conflict.objects.using(REMOTE).count() == 2
    assert conflict_totals(REMOTE, source) == {"newest": 3}

    call_command("synchro_conflicts", "--forget", "--before", "0", verbosity=0)
    assert not Conflict.objects.using(REMOTE).exists()
    assert conflict_totals(REMOTE, source) == {"newest": 3}


def test_conflicts_that_are_pruned_still_count(monkeypatch):
    monkeypatch.setattr("synchro_triggers.replay.state.totals._AT_A_TIME", 2)
    source = node_id(REMOTE)
    for rule, number in (("newest", 3), ("shop.rules.mine", 2)):
        for each in range(number):
            Conflict.objects.create(
                source=source, model_label="testapp.Item", local_pk=str(each), remote_pk="1", rule=rule, result="local"
            )
    Conflict.objects.update(decided_at=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    Item.objects.create(name="a")
    synchronize()

    assert prune(datetime.timedelta(days=1)).conflicts == 5

    assert not Conflict.objects.exists()
    assert conflict_totals(LOCAL, source) == {"newest": 3, "shop.rules.mine": 2}
