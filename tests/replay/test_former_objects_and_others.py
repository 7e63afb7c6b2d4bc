"""Keys that were given out again, where the time is over, where the remote's users write too, where a run is killed."""

from __future__ import annotations

import time

import pytest

from synchro_triggers import synchronize
from synchro_triggers.models import Failure, Reference
from synchro_triggers.replay import backlog
from synchro_triggers.replay.report import Told
from tests.databases import both
from tests.replay.hearing import REMOTE, later, receiving
from tests.replay.routes import route  # noqa: F401  (fixture)
from tests.testapp.models import Item

pytestmark = [both, pytest.mark.usefixtures("route"), pytest.mark.thinned("route")]


NUMBER = 12


def remote(model):
    return model._base_manager.using(REMOTE)


@pytest.fixture
def keys_there():
    """Give the keys of objects that the remote has to new ones; return the remote keys that the old ones had."""
    Item.objects.bulk_create(Item(name=f"old {number}") for number in range(NUMBER))
    synchronize()
    later()
    keys = list(Item.objects.order_by("pk").values_list("pk", flat=True))
    old = set(remote(Item).values_list("pk", flat=True))
    Item.objects.all().delete()
    Item.objects.bulk_create(Item(pk=key, name=f"new {number}") for number, key in enumerate(keys))
    later()
    return old


def assert_all_is_new(old):
    assert sorted(remote(Item).values_list("name", flat=True)) == sorted(f"new {number}" for number in range(NUMBER))
    assert old.isdisjoint(remote(Item).values_list("pk", flat=True))
    assert not Failure.objects.using(REMOTE).exists()
    assert not Reference.objects.using(REMOTE).filter(local_pk__contains="~").exists()
    again = synchronize()
    assert not again.changed and not again.remarks


def slow(**told):
    time.sleep(0.02)


@pytest.mark.parametrize("page", [20_000, NUMBER], ids=["one page", "deleted on one, inserted on another"])
def test_nothing_is_forgotten_where_the_time_is_over(keys_there, settings, monkeypatch, page):
    monkeypatch.setattr(backlog, "PAGE_ROWS", page)
    settings.SYNCHRO_BATCH_SECONDS = 0.05
    with receiving("post_save", Item, slow), receiving("post_delete", Item, slow):
        report = synchronize()

    assert not report.failures and not report.remarks
    assert (report.deleted, report.created) == (NUMBER, NUMBER)
    assert_all_is_new(keys_there)


@pytest.mark.parametrize("page", [20_000, NUMBER], ids=["one page", "deleted on one, inserted on another"])
@pytest.mark.parametrize("heard", ["post_save", "post_delete"])
def test_nothing_is_forgotten_where_a_run_is_killed_between(keys_there, settings, monkeypatch, page, heard):
    monkeypatch.setattr(backlog, "PAGE_ROWS", page)
    settings.SYNCHRO_BATCH_SECONDS = 0.05
    calls = []

    def killed(**told):
        time.sleep(0.02)
        calls.append(told)
        if len(calls) == NUMBER - 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), receiving(heard, Item, killed):
        synchronize()

    report = synchronize()
    assert not report.failures and not report.remarks
    assert_all_is_new(keys_there)


@pytest.mark.parametrize("winner", ["local", "remote", "newest"])
def test_conflict_of_a_former_object_is_told_under_the_key_that_people_know(settings, winner):
    settings.SYNCHRO_CONFLICT = winner
    item = Item.objects.create(name="old")
    synchronize()
    later()
    remote(Item).update(cash=9)
    later()
    old, key = remote(Item).get(), item.pk
    item.delete()
    Item.objects.create(pk=key, name="new")
    report = synchronize()

    assert report.failures == []
    [remark] = report.remarks
    assert (remark.kind, remark.model, remark.key) == (
        Told.REMOTE_WON if winner == "remote" else Told.LOCAL_WON,
        "testapp.Item",
        str(key),
    )
    names = ["new", "old"] if winner == "remote" else ["new"]
    assert sorted(remote(Item).values_list("name", flat=True)) == names
    assert remote(Item).get(name="new").pk != old.pk
    again = synchronize()
    assert not again.changed and not again.remarks


def test_former_object_whose_change_was_received_before_it_was_deleted_is_no_conflict(settings):
    settings.SYNCHRO_CONFLICT = "local"
    item = Item.objects.create(name="old")
    synchronize()
    later()
    remote(Item).update(cash=9)
    later()
    assert synchronize(pull=True).updated == 1
    later()
    key = item.pk
    item.delete()
    Item.objects.create(pk=key, name="new")
    report = synchronize()

    assert report.failures == [] and not report.remarks
    assert [item.name for item in remote(Item).all()] == ["new"]
