"""Both databases synchronise to each other: nothing goes round in circles, and both end equal.

With the aliases exchanged the same program plays the other side's.
"""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from django.db import connections

from synchro_triggers import synchronize
from tests.comparing import assert_same
from tests.databases import both_committed
from tests.managing import in_process
from tests.replay.hearing import LOCAL, REMOTE, later
from tests.testapp.models import Account, Entry, Friend, Item, Keyed, KeyedChild, Tag, Tagged

pytestmark = both_committed


@pytest.fixture
def synchronize_back():
    """Run the remote's own ``synchronize``, whose remote is our LOCAL; returns its report."""

    def run():
        with exchanged():
            done = in_process("synchronize", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@contextmanager
def exchanged():
    """Let each alias be the other one's database, as the remote's own project has it."""
    before = {alias: connections.settings[alias] for alias in (LOCAL, REMOTE)}
    try:
        _point_at({LOCAL: before[REMOTE], REMOTE: before[LOCAL]})
        yield
    finally:
        _point_at(before)


def _point_at(databases):
    for alias, settings in databases.items():
        connections[alias].close()
        del connections[alias]
        connections.settings[alias] = settings


def on(alias, model):
    return model._base_manager.using(alias)


@pytest.mark.all_pairs
def test_new_objects_of_both_sides_are_on_both_sides_once(synchronize_back):
    on(LOCAL, Item).create(name="ours")
    on(REMOTE, Item).create(name="theirs")

    assert synchronize().created == 1
    assert synchronize_back()["created"] == 1

    for alias in (LOCAL, REMOTE):
        assert sorted(on(alias, Item).values_list("name", flat=True)) == ["ours", "theirs"]
    assert not synchronize().changed and not synchronize_back()["changed"]


@pytest.mark.all_pairs
def test_object_goes_to_and_fro_without_a_second_copy(synchronize_back):
    on(LOCAL, Item).create(name="a", cash=0)
    synchronize()
    for cash in (1, 3):
        later()
        on(REMOTE, Item).update(cash=cash)
        assert synchronize_back()["updated"] == 1
        assert on(LOCAL, Item).get().cash == cash
        later()
        on(LOCAL, Item).update(cash=cash + 1)
        report = synchronize()

        assert (report.updated, report.conflicts) == (1, 0)
        assert on(REMOTE, Item).get().cash == cash + 1


@pytest.mark.all_pairs
@pytest.mark.parametrize("first", [LOCAL, REMOTE])
@pytest.mark.parametrize("changed_last", [LOCAL, REMOTE])
def test_object_changed_on_both_sides_ends_as_it_was_changed_last(synchronize_back, first, changed_last):
    on(LOCAL, Item).create(name="a")
    synchronize()
    earlier = REMOTE if changed_last == LOCAL else LOCAL
    later()
    on(earlier, Item).update(cash=1)
    later()
    on(changed_last, Item).update(cash=2)
    later()

    for run in (synchronize, synchronize_back) if first == LOCAL else (synchronize_back, synchronize):
        run()

    assert [on(alias, Item).get().cash for alias in (LOCAL, REMOTE)] == [2, 2]
    assert not synchronize().changed and not synchronize_back()["changed"]


@pytest.mark.parametrize("deleted_on", [LOCAL, REMOTE])
def test_object_deleted_on_either_side_is_gone_on_both(synchronize_back, deleted_on):
    for alias in (LOCAL, REMOTE):
        on(alias, Item).create(name=f"of {alias}")
    synchronize()
    synchronize_back()
    later()

    on(deleted_on, Item).all().delete()
    synchronize()
    synchronize_back()

    assert not on(LOCAL, Item).exists() and not on(REMOTE, Item).exists()
    assert not synchronize().changed and not synchronize_back()["changed"]


def test_object_deleted_here_and_changed_later_there_comes_back_on_both(synchronize_back):
    on(LOCAL, Item).create(name="a")
    synchronize()
    later()
    on(LOCAL, Item).all().delete()
    later()
    on(REMOTE, Item).update(cash=5)
    later()

    synchronize()
    synchronize_back()

    assert on(LOCAL, Item).get().cash == 5 and on(REMOTE, Item).get().cash == 5
    assert not synchronize().changed and not synchronize_back()["changed"]


@pytest.mark.all_pairs
def test_relations_made_on_both_sides_are_equal_in_the_end(synchronize_back):
    for alias in (LOCAL, REMOTE):
        account = on(alias, Account).create(name=f"account of {alias}")
        on(alias, Entry).create(name=f"entry of {alias}", account=account)
        keyed = on(alias, Keyed).create(code="shared", cash=7)
        on(alias, KeyedChild).create(name=f"child of {alias}", parent=keyed)
        later()
    tagged = Tagged.objects.create(title="t")
    tagged.tags.add(Tag.objects.create(label="x"))
    one = Friend.objects.create(name="one")
    one.friends.add(Friend.objects.create(name="two"))

    synchronize()
    synchronize_back()

    assert_same("testapp")
    assert on(LOCAL, Keyed).count() == 1 and on(LOCAL, KeyedChild).count() == 2
    assert not synchronize().changed and not synchronize_back()["changed"]


def test_links_changed_on_the_other_side_come_back(synchronize_back):
    tagged = Tagged.objects.create(title="t")
    for label in "ab":
        tagged.tags.add(Tag.objects.create(label=label))
    synchronize()
    there = on(REMOTE, Tagged).get()
    through = Tagged.tags.through
    on(REMOTE, through).filter(tag__label="a").delete()
    new = on(REMOTE, Tag).create(label="c")
    on(REMOTE, through).create(tagged_id=there.pk, tag_id=new.pk)

    synchronize_back()

    assert sorted(tag.label for tag in tagged.tags.all()) == ["b", "c"]
    assert_same("testapp")
    assert not synchronize().changed and not synchronize_back()["changed"]


def test_number_that_its_maker_has_given_out_again_is_another_object(synchronize_back):
    on(REMOTE, Item).create(name="first", cash=1)
    assert synchronize_back()["created"] == 1
    key = on(REMOTE, Item).get().pk
    later()
    on(REMOTE, Item).all().delete()
    on(REMOTE, Item).create(pk=key, name="second", cash=5)
    later()
    on(LOCAL, Item).update(cash=2)

    report = synchronize()

    assert sorted(on(REMOTE, Item).values_list("name", "cash")) == [("first", 2), ("second", 5)]
    assert (report.created, report.updated, len(report.remarks)) == (1, 0, 1)
    synchronize_back()
    for alias in (LOCAL, REMOTE):
        assert sorted(on(alias, Item).values_list("name", "cash")) == [("first", 2), ("second", 5)]
    assert not synchronize().changed and not synchronize_back()["changed"]


@pytest.mark.parametrize("policy", ["newest", "remote"])
def test_link_that_came_from_there_and_is_changed_here_is_no_conflict(synchronize_back, settings, policy):
    settings.SYNCHRO_CONFLICT = policy
    tagged, tag = on(LOCAL, Tagged).create(title="t"), on(LOCAL, Tag).create(label="a")
    synchronize()
    there = on(REMOTE, Tagged).get()
    for add in (True, False):
        later()
        (there.tags.add if add else there.tags.remove)(on(REMOTE, Tag).get())
        synchronize_back()
        assert tagged.tags.exists() is add
        later()
        (tagged.tags.remove if add else tagged.tags.add)(tag)

        report = synchronize()

        assert (report.remarks, report.conflicts, report.failures) == ([], 0, [])
        assert there.tags.using(REMOTE).exists() is not add
        if add:  # and back, for the other way about
            later()
            there.tags.add(on(REMOTE, Tag).get())
            synchronize_back()
