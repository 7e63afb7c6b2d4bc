"""``SYNCHRO_MERGE = 'fields'``: each side keeps what it alone has changed; a conflict is over what both have."""

from __future__ import annotations

import json

import pytest
from django.db.models import F

from synchro_triggers import Decision, synchro_paused, synchronize
from synchro_triggers.models import Conflict
from synchro_triggers.replay.report import Told
from tests.databases import both
from tests.replay.hearing import REMOTE, later, receiving
from tests.replay.routes import batches, route  # noqa: F401  (fixtures)
from tests.testapp.models import Item, Place, Restaurant, Tag

pytestmark = [both, pytest.mark.all_pairs]


@pytest.fixture(autouse=True)
def by_field(settings):
    settings.SYNCHRO_MERGE = "fields"


@pytest.fixture
def item():
    made = Item.objects.create(name="a", cash=1)
    synchronize()
    later()
    return made


def change(alias="default", model=Item, **values):
    assert model._base_manager.using(alias).update(**values) == 1
    later()


def on(alias, model=Item):
    return model._base_manager.using(alias).values_list("name", "cash").get()


def records():
    return list(Conflict.objects.using(REMOTE))


@pytest.mark.usefixtures("route", "batches")
@pytest.mark.thinned("route", "batches")
@pytest.mark.parametrize("policy", ["newest", "remote", "local"])
@pytest.mark.parametrize("first", ["default", REMOTE])
def test_what_each_side_alone_has_changed_stays_and_is_no_conflict(item, settings, policy, first):
    settings.SYNCHRO_CONFLICT = policy
    for alias in (first, REMOTE if first == "default" else "default"):
        change(alias, **({"cash": 2} if alias == "default" else {"name": "b"}))

    report = synchronize()

    assert on(REMOTE) == ("b", 2) and not report.remarks and records() == []
    assert (report.updated, report.conflicts) == (1, 0)
    assert synchronize(pull=True).changed == 1
    assert on("default") == on(REMOTE) == ("b", 2)
    for options in ({}, {"pull": True}, {}):
        report = synchronize(**options)
        assert not report.changed and not report.remarks


@pytest.mark.usefixtures("route")
@pytest.mark.thinned("route")
@pytest.mark.parametrize(("policy", "name"), [("newest", "there"), ("remote", "there"), ("local", "here")])
def test_rule_decides_over_what_both_have_changed_alone(item, settings, policy, name):
    settings.SYNCHRO_CONFLICT = policy
    change(name="here", cash=2)
    change(REMOTE, name="there")

    report = synchronize()

    assert on(REMOTE) == (name, 2)
    [record] = records()
    if policy == "local":
        assert (record.result, record.merged_values) == ("local", None)
        assert [each.kind for each in report.remarks] == [Told.LOCAL_WON]
    else:
        assert record.result == "merged" and json.loads(record.merged_values)["name"] == "there"
        assert [each.kind for each in report.remarks] == [Told.MERGED]
    assert synchronize(pull=True).remarks == [] and on("default") == (name, 2)
    assert not synchronize().changed and len(records()) == 1


@pytest.mark.parametrize("policy", ["newest", "remote", "local"])
def test_same_value_of_both_sides_is_no_conflict(item, settings, policy):
    settings.SYNCHRO_CONFLICT = policy
    change(name="same", cash=2)
    change(REMOTE, name="same")

    assert synchronize().remarks == [] and records() == []
    assert on(REMOTE) == ("same", 2)


def test_what_lost_wholly_leaves_the_remote_as_it_is(item, settings):
    settings.SYNCHRO_CONFLICT = "remote"
    change(cash=2)
    change(REMOTE, name="b", cash=3)

    report = synchronize()

    assert on(REMOTE) == ("b", 3) and [each.kind for each in report.remarks] == [Told.REMOTE_WON]
    assert records()[0].result == "remote"
    synchronize(pull=True)
    assert on("default") == ("b", 3)


@pytest.mark.usefixtures("route")
@pytest.mark.thinned("route")
@pytest.mark.parametrize("policy", ["newest", "remote", "local"])
def test_where_changes_go_one_way_they_stay_apart_for_ever(item, settings, policy):
    settings.SYNCHRO_CONFLICT = policy
    change(REMOTE, name="b")
    for number in range(2, 5):
        change(cash=number)
        assert synchronize().remarks == [] and on(REMOTE) == ("b", number)
    change(REMOTE, name="c")
    change(cash=5)

    assert synchronize().remarks == [] and on(REMOTE) == ("c", 5)
    assert records() == []


def test_what_local_has_won_is_not_the_remotes_any_more(item, settings):
    settings.SYNCHRO_CONFLICT = "local"
    change(REMOTE, name="there", cash=7)
    change(cash=2)
    synchronize()
    assert len(records()) == 1 and on(REMOTE) == ("there", 2)
    settings.SYNCHRO_CONFLICT = "remote"
    change(cash=3)

    assert synchronize().remarks == [] and on(REMOTE) == ("there", 3)


@pytest.mark.usefixtures("route")
@pytest.mark.thinned("route")
def test_only_what_local_has_changed_is_written(item):
    with synchro_paused(using=REMOTE):
        change(REMOTE, name="unseen by any log")
    change(cash=2)

    assert synchronize().updated == 1
    assert on(REMOTE) == ("unseen by any log", 2)


def test_objects_stand_as_a_whole_where_nothing_else_is_said(item, settings):
    settings.SYNCHRO_MERGE = "objects"
    change(REMOTE, name="b")
    change(cash=2)

    assert [each.kind for each in synchronize().remarks] == [Told.LOCAL_WON]
    assert on(REMOTE) == ("a", 2)


def test_model_may_be_merged_otherwise_than_the_others(item, settings):
    settings.SYNCHRO_MERGE = "objects"
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"merge": "fields"}}
    change(REMOTE, name="b")
    change(cash=2)

    assert synchronize().remarks == [] and on(REMOTE) == ("b", 2)


def joined(conflict):
    assert conflict.local_changed == {"name", "cash"} and conflict.remote_changed == {"name"}
    return Decision.merged({"name": f"{conflict.local['name']}+{conflict.remote['name']}"})


def test_callable_merges_what_both_have_changed(item, settings):
    settings.SYNCHRO_CONFLICT = joined
    change(name="here", cash=2)
    change(REMOTE, name="there")

    assert [each.kind for each in synchronize().remarks] == [Told.MERGED]
    assert on(REMOTE) == ("here+there", 2)
    synchronize(pull=True)
    assert on("default") == ("here+there", 2)


def test_fields_of_parents_and_children_are_merged_each():
    made = Restaurant.objects.create(name="r", stars=1)
    synchronize()
    later()
    change(REMOTE, Place, name="there")
    change(model=Restaurant, stars=2)

    assert synchronize().remarks == []
    there = Restaurant._base_manager.using(REMOTE).get()
    assert (there.name, there.stars) == ("there", 2)
    synchronize(pull=True)
    made.refresh_from_db()
    assert (made.name, made.stars) == ("there", 2)


def test_delete_is_a_conflict_over_the_whole(item):
    change(REMOTE, name="b")
    Item._base_manager.all().delete()

    [told] = synchronize().remarks
    assert told.kind in {Told.LOCAL_WON, Told.REMOTE_WON} and len(records()) == 1


def test_natural_keys_that_met_are_one_object_as_a_whole(settings):
    for alias in ("default", REMOTE):
        Tag._base_manager.using(alias).create(label="same")
    synchronize()

    assert Tag._base_manager.using(REMOTE).count() == 1


def test_the_bad_scenario_ends_well_without_pausing_the_handler():
    """That of django-synchro's README: A's ``foo`` is an item's name here, its ``bar`` the cash; X is a tag."""
    Item.objects.create(name="1", cash=1)  # Initially databases are synced.
    synchronize()
    later()

    def some_handler(instance, using, **told):  # of X: A.bar is incremented
        Item._base_manager.using(using).update(cash=F("cash") + 1)

    change(REMOTE, name="42")  # on REMOTE, A.foo is changed
    with receiving("post_save", Tag, some_handler):
        Tag.objects.create(label="X")  # on LOCAL, X is saved
        later()
        assert on("default") == ("1", 2)
        report = synchronize()

    assert on(REMOTE) == ("42", 2)
    assert report.remarks == [] and records() == []
