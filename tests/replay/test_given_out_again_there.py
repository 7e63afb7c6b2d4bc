"""Numbers that the remote's own users delete and give out again: what has them there now is another object."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connections

from synchro_triggers import synchronize
from synchro_triggers.capture import install
from synchro_triggers.models import Checkpoint, Reference
from synchro_triggers.replay.identity.given_again import _candidates
from synchro_triggers.replay.log import users_changes
from synchro_triggers.replay.log.window import current_position
from synchro_triggers.replay.report import Told
from tests.databases import both
from tests.replay.hearing import REMOTE, later
from tests.replay.routes import batches, route  # noqa: F401  (fixtures)
from tests.testapp.models import Account, Item, Keyed, KeyedChild, Node, Place, Restaurant, Tag, Tagged

pytestmark = [both, pytest.mark.usefixtures("route", "batches"), pytest.mark.thinned("route", "batches")]


@pytest.fixture(params=[10_000, 0], ids=["few changes there", "too many there"])
def kept_in_memory(request, monkeypatch):
    monkeypatch.setattr(users_changes, "AT_MOST", request.param)


def there(model, field="name"):
    return sorted(model._base_manager.using(REMOTE).values_list(field, flat=True))


def replaced_there(model, **values):
    """The remote's users delete an object, and its number is given to another one of theirs."""
    later()
    rows = model._base_manager.using(REMOTE)
    key = rows.get().pk
    rows.all().delete()
    later()
    rows.create(pk=key, **values)
    later()


@pytest.fixture
def item():
    made = Item.objects.create(name="ours", cash=1)
    synchronize()
    return made


def test_newer_object_is_made_again_and_the_stranger_stays(item, kept_in_memory):
    replaced_there(Item, name="theirs")
    Item.objects.update(cash=2)

    dry, report = synchronize(dry_run=True), synchronize()

    assert there(Item) == ["ours", "theirs"]
    assert (report.created, report.updated, report.failures) == (1, 0, [])
    [told] = report.remarks
    assert (told.kind, told.key) == (Told.LOCAL_WON, str(item.pk)) and "deleted on 'remote'" in told.reason
    assert dry.remarks == report.remarks and dry.created == 1
    Item.objects.update(cash=3)
    assert synchronize().updated == 1
    assert there(Item, "cash") == [0, 3]
    assert not synchronize().changed


def test_object_that_was_changed_before_stays_deleted_there(item, kept_in_memory):
    Item.objects.update(cash=2)
    replaced_there(Item, name="theirs")

    report = synchronize()

    assert there(Item) == ["theirs"]
    assert report.conflicts == 1 and [told.kind for told in report.remarks] == [Told.REMOTE_WON]


def test_when_the_stranger_was_changed_last_does_not_matter(item):
    replaced_there(Item, name="theirs")
    Item.objects.update(cash=2)
    later()
    Item.objects.using(REMOTE).update(cash=7)

    synchronize()

    assert there(Item, "cash") == [2, 7]


def test_stranger_is_not_deleted_with_the_object(item, kept_in_memory):
    replaced_there(Item, name="theirs")
    item.delete()

    report = synchronize()

    assert there(Item) == ["theirs"]
    assert (report.deleted, report.failures) == (0, [])
    assert not Reference.objects.using(REMOTE).filter(model_label="testapp.Item").exists()


def test_nothing_points_to_the_stranger():
    parent = Node.objects.create(name="parent")
    synchronize()
    replaced_there(Node, name="theirs")
    Node.objects.create(name="child", parent=parent)

    assert synchronize().failures == []

    child = Node.objects.using(REMOTE).get(name="child")
    assert child.parent.name == "parent" and there(Node) == ["child", "parent", "theirs"]


def test_inherited_object_and_its_stranger_are_two():
    Restaurant.objects.create(name="ours", stars=1)
    synchronize()
    replaced_there(Restaurant, name="theirs", stars=5)
    Restaurant.objects.update(stars=2)

    assert synchronize().failures == []

    assert there(Restaurant, "stars") == [2, 5] and there(Place) == ["ours", "theirs"]


def test_links_of_the_object_are_not_the_strangers():
    tagged = Tagged.objects.create(title="ours")
    synchronize()
    replaced_there(Tagged, title="theirs")
    tagged.tags.add(Tag.objects.create(label="t"))

    assert synchronize().failures == []

    assert there(Tagged, "title") == ["ours", "theirs"]
    assert Tagged.objects.using(REMOTE).get(tags__label="t").title == "ours"


def test_same_natural_or_kept_key_is_the_same_object():
    Keyed.objects.create(code="k")
    Account.objects.create(name="a")
    synchronize()
    replaced_there(Keyed, code="k", cash=7)
    replaced_there(Account, name="a", cash=7)
    Keyed.objects.update(cash=2)
    Account.objects.update(cash=2)

    report = synchronize()

    assert there(Keyed, "code") == ["k"] and there(Account) == ["a"]
    assert (report.created, report.updated) == (0, 2)


def test_row_that_was_met_since_it_was_made_there_is_the_object():
    """A natural key has found it, after the remote's users had made it; later it is just changed."""
    Keyed.objects.using(REMOTE).create(code="k")
    later()
    parent = Keyed.objects.create(code="k")
    KeyedChild.objects.create(name="c", parent=parent)
    synchronize()

    Keyed.objects.update(cash=2)
    report = synchronize()

    assert (report.updated, report.created, report.remarks) == (1, 0, [])


@pytest.mark.vendor("sqlite")
def test_row_that_is_replaced_under_its_own_key_is_the_object(item):
    later()
    with connections[REMOTE].cursor() as cursor:
        key = Item.objects.using(REMOTE).get().pk
        cursor.execute("INSERT OR REPLACE INTO testapp_item (id, name, cash) VALUES (%s, 'replaced', 5)", [key])
    later()
    Item.objects.update(cash=2)

    report = synchronize()

    assert (report.updated, report.created) == (1, 0) and there(Item) == ["ours"]


@pytest.fixture
def long_log(monkeypatch):
    """A log of which each run sees only what has come since the one before it."""
    monkeypatch.setattr(users_changes, "_READ_ALL", -1)
    monkeypatch.setattr(users_changes, "_CLOCKS_DIFFER", timedelta())


def run_between(*, idle):
    """A run that has nothing to do with the object."""
    if not idle:
        Tag.objects.create(label=f"tag {Tag.objects.count()}")
    synchronize()
    later()


@pytest.mark.parametrize("idle", [False, True], ids=["", "idle"])
def test_number_that_was_given_out_again_many_runs_ago(item, long_log, idle):
    run_between(idle=idle)
    replaced_there(Item, name="theirs")
    run_between(idle=idle)
    run_between(idle=True)
    Item.objects.update(cash=2)

    dry, report = synchronize(dry_run=True), synchronize()

    assert there(Item) == ["ours", "theirs"]
    assert (report.created, report.updated, report.failures) == (1, 0, [])
    assert [told.kind for told in report.remarks] == [Told.LOCAL_WON] and dry.remarks == report.remarks
    Item.objects.update(cash=3)
    assert synchronize().updated == 1
    assert there(Item, "cash") == [0, 3]
    assert not Reference.objects.using(REMOTE).filter(replaced_at__isnull=False).exists()


def test_object_whose_number_was_given_out_again_many_runs_ago_is_deleted(item, long_log):
    replaced_there(Item, name="theirs")
    run_between(idle=False)
    item.delete()

    assert synchronize().deleted == 0

    assert there(Item) == ["theirs"]


def test_full_run_makes_it_again_once(item, long_log):
    replaced_there(Item, name="theirs")
    run_between(idle=False)
    Item.objects.update(cash=2)

    report = synchronize(full=True)

    assert (report.created, report.failures) == (1, []) and there(Item) == ["ours", "theirs"]
    assert synchronize(full=True).created == 0


def test_of_a_long_log_each_row_is_looked_at_once(item, long_log):
    for _ in range(2):
        run_between(idle=False)
    checkpoint = Checkpoint.objects.using(REMOTE).get()
    end = current_position(REMOTE)

    assert checkpoint.looked and not _candidates(REMOTE, checkpoint, end)
    Item.objects.using(REMOTE).filter(name="ours").delete()
    Item.objects.using(REMOTE).create(pk=Reference.objects.using(REMOTE).first().remote_pk, name="theirs")
    assert list(_candidates(REMOTE, checkpoint, current_position(REMOTE))) == ["testapp.Item"]


def test_without_triggers_there_nobody_can_know(item):
    install.uninstall(REMOTE)
    replaced_there(Item, name="theirs")
    Item.objects.update(cash=2)

    report = synchronize()

    assert there(Item) == ["ours"] and "has no triggers" in " ".join(report.warnings)
