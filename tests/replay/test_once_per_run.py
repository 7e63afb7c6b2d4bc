"""An object is written once in a run however often it was logged, whatever is read and written at a time."""

from __future__ import annotations

import pytest

from synchro_triggers import synchronize
from tests.databases import both
from tests.replay.hearing import REMOTE, hearing, names
from tests.testapp.models import (
    Account,
    Entry,
    Item,
    Keyed,
)

pytestmark = [both, pytest.mark.mariadb]

PAGES_AND_BATCHES = pytest.mark.parametrize(
    ("page_rows", "batch_size"), [(20_000, 1000), (20_000, 1), (1, 1000), (3, 2)]
)


@pytest.fixture
def pages(monkeypatch, settings):
    """Set how much a run reads, and writes, at a time."""

    def set_sizes(page_rows, batch_size):
        monkeypatch.setattr("synchro_triggers.replay.backlog.PAGE_ROWS", page_rows)
        settings.SYNCHRO_BATCH_SIZE = batch_size

    return set_sizes


def remote(model):
    return model._base_manager.using(REMOTE)


@pytest.mark.thinned("page_rows,batch_size")
@PAGES_AND_BATCHES
def test_object_logged_often_is_written_once(pages, page_rows, batch_size):
    pages(page_rows, batch_size)
    first, second = Item.objects.create(name="a"), Item.objects.create(name="b")
    for cash in range(1, 6):
        Item.objects.filter(pk=first.pk).update(cash=cash)
        Item.objects.filter(pk=second.pk).update(cash=-cash)

    with hearing(Item) as heard:
        report = synchronize()

    assert names(heard) == ["pre_save", "post_save"] * 2
    assert (report.created, report.updated, report.unchanged) == (2, 0, 0)
    assert sorted(remote(Item).values_list("name", "cash")) == [("a", 5), ("b", -5)]


@pytest.mark.thinned("page_rows,batch_size")
@PAGES_AND_BATCHES
def test_mixed_story_ends_equal_whatever_is_read_and_written_at_a_time(pages, page_rows, batch_size):
    pages(page_rows, batch_size)
    account = Account.objects.create(name="old")
    gone = Item.objects.create(name="gone")
    synchronize()
    gone.delete()
    Entry.objects.bulk_create(Entry(name=f"e{number}", account=account) for number in range(4))
    Entry.objects.filter(name="e1").update(account=Account.objects.create(name="new"))
    Entry.objects.filter(name="e2").delete()
    account.cash = 3
    account.save()

    report = synchronize()

    assert report.failures == []
    assert sorted(remote(Entry).values_list("name", "account_id")) == [("e0", "old"), ("e1", "new"), ("e3", "old")]
    assert dict(remote(Account).values_list("name", "cash")) == {"old": 3, "new": 0}
    assert not remote(Item).exists()
    assert not synchronize().changed


@pytest.mark.thinned("page_rows,batch_size")
@PAGES_AND_BATCHES
def test_object_added_and_deleted_between_two_runs_causes_no_action(pages, page_rows, batch_size):
    pages(page_rows, batch_size)
    item = Item.objects.create(name="a")
    Item.objects.update(cash=1)
    item.delete()

    with hearing(Item) as heard:
        report = synchronize()

    assert heard == [] and not report.changed
    assert not remote(Item).exists()


def test_added_and_deleted_object_with_natural_key_leaves_its_namesake_alone():
    remote(Keyed).create(code="x", cash=1)
    Keyed.objects.create(code="x").delete()

    report = synchronize()

    assert not report.changed and remote(Keyed).get().cash == 1


@pytest.mark.thinned("page_rows,batch_size")
@PAGES_AND_BATCHES
def test_object_changed_and_deleted_is_only_deleted(pages, page_rows, batch_size):
    item = Item.objects.create(name="a")
    synchronize()
    pages(page_rows, batch_size)
    item.name = "b"
    item.save()
    item.delete()

    with hearing(Item) as heard:
        synchronize()

    assert names(heard) == ["pre_delete", "post_delete"]
    assert not remote(Item).exists()


def test_one_object_goes_and_another_comes_in_one_run():
    first = Item.objects.create(name="James", cash=7)
    first.name = "Bond"
    first.save()
    first.delete()
    second = Item.objects.create(name="Vimes", cash=7)
    second.cash = 77
    second.save()

    synchronize()

    assert remote(Item).values_list("name", "cash").get() == ("Vimes", 77)
