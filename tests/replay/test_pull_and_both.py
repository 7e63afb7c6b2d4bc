"""``--pull`` and ``--both``: a side that reaches the other fetches its changes, too; nothing runs over there."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.db import transaction

from synchro_triggers import (
    Refused,
    SynchroConfigurationError,
    TriggersNotReady,
    counterparts,
    synchro_paused,
    synchronize,
)
from synchro_triggers.models import ChangeLog, Window
from synchro_triggers.replay.follow import Follower
from synchro_triggers.replay.state.node import node_id
from tests.comparing import assert_same
from tests.databases import both_committed
from tests.managing import in_process
from tests.replay.hearing import LOCAL, REMOTE, hearing, later, receiving
from tests.testapp.models import Account, Entry, Friend, Item, Tag, Tagged

pytestmark = both_committed


def on(alias, model):
    return model._base_manager.using(alias)


def names(alias):
    return sorted(on(alias, Item).values_list("name", flat=True))


@pytest.mark.all_pairs
def test_what_the_remotes_users_have_changed_is_fetched():
    on(REMOTE, Item).create(name="theirs")
    on(LOCAL, Item).create(name="ours")

    report = synchronize(pull=True)

    [way] = report.ways
    assert (report.created, report.remotes, way.source, way.remote) == (1, (LOCAL,), REMOTE, LOCAL)
    assert (names(LOCAL), names(REMOTE)) == (["ours", "theirs"], ["theirs"])  # nothing went there
    assert not synchronize(pull=True).changed


def test_first_run_both_ways_tells_nothing_of_what_was_linked():
    for alias in (LOCAL, REMOTE):
        with synchro_paused(using=alias):
            on(alias, Item).create(pk=7, name="imported by both")
    call_command("synchro_link", verbosity=0)

    assert synchronize(both=True).warnings == []


def test_first_fetch_tells_of_what_it_does_not_look_at_and_how_that_is_fetched():
    with synchro_paused(using=REMOTE):
        on(REMOTE, Item).create(name="older, theirs")
    on(REMOTE, Item).create(name="theirs")
    on(LOCAL, Item).bulk_create([Item(name="ours"), Item(name="ours too")])

    [warning] = synchronize(both=True).warnings

    assert "1 rows" in warning and "testapp.Item 1" in warning
    assert "`manage.py synchronize --full --pull --remote remote` fetches them" in warning
    synchronize(full=True, pull=True)
    assert "older, theirs" in names(LOCAL)


@pytest.mark.all_pairs
def test_both_ways_end_equal_and_there_is_nothing_left_to_do():
    on(REMOTE, Item).create(name="theirs")
    ours = on(LOCAL, Item).create(name="ours")
    first = synchronize(both=True)
    on(REMOTE, Item).filter(name="ours").update(name="ours, edited there")
    on(LOCAL, Item).filter(name="theirs").update(name="theirs, edited here")
    second = synchronize(both=True)

    assert (first.created, [(way.source, way.remote) for way in first.ways]) == (2, [(LOCAL, REMOTE), (REMOTE, LOCAL)])
    assert (second.updated, second.conflicts, second.told) == (2, 0, {})
    assert names(LOCAL) == names(REMOTE) == ["ours, edited there", "theirs, edited here"]
    assert on(REMOTE, Item).get(pk=counterparts(Item, [ours.pk])[ours.pk]).name == "ours, edited there"
    assert not synchronize(both=True).changed and not synchronize(pull=True).changed


@pytest.mark.all_pairs
def test_relations_links_and_deletes_are_fetched():
    tag = on(REMOTE, Tag).create(label="red")
    tagged = on(REMOTE, Tagged).create(title="a")
    tagged.tags.add(tag)
    account = on(REMOTE, Account).create(name="cash")
    on(REMOTE, Entry).create(name="e", account=account)
    friend = on(REMOTE, Friend).create(name="f")
    synchronize(pull=True)
    here = on(LOCAL, Tagged).get()
    assert [each.label for each in here.tags.all()] == ["red"] and on(LOCAL, Entry).get().account.name == "cash"

    tagged.tags.clear()
    on(REMOTE, Entry).all().delete()
    friend.delete()
    report = synchronize(pull=True)

    assert report.failures == [] and not here.tags.exists() and not on(LOCAL, Entry).exists()
    assert_same(Tagged, Tag, Account, Entry, Friend)


def test_receivers_here_are_called_with_the_alias_of_this_database():
    on(REMOTE, Item).create(name="theirs")
    with hearing(Item, only=("pre_save", "post_save")) as heard:
        synchronize(pull=True)

    assert [(each.name, each.told["using"], each.instance._state.db) for each in heard] == [
        ("pre_save", LOCAL, LOCAL),
        ("post_save", LOCAL, LOCAL),
    ]


def test_what_a_receiver_writes_without_naming_a_database_is_written_here():
    on(REMOTE, Item).create(name="theirs")

    def write(instance, **told):
        Tag.objects.get_or_create(label=f"of {instance.name}")

    with receiving("post_save", Item, write):
        synchronize(pull=True)

    assert on(LOCAL, Tag).get().label == "of theirs" and not on(REMOTE, Tag).exists()


def test_what_is_fetched_is_logged_as_the_remotes_and_does_not_go_back():
    on(REMOTE, Item).create(name="theirs")
    synchronize(pull=True)

    assert {row.origin for row in on(LOCAL, ChangeLog).filter(model_label="testapp.Item")} == {node_id(REMOTE)}
    assert not synchronize().changed


def test_changes_on_both_sides_are_a_conflict_and_end_equal():
    item = on(LOCAL, Item).create(name="first")
    synchronize()
    on(LOCAL, Item).update(name="ours")
    later()
    on(REMOTE, Item).update(name="theirs")

    report = synchronize(both=True)

    assert (report.conflicts, names(LOCAL), names(REMOTE)) == (1, ["theirs"], ["theirs"])
    assert on(LOCAL, Item).get().pk == item.pk and not synchronize(both=True).changed


@pytest.mark.all_pairs
def test_where_changes_go_one_way_nothing_is_numbered_and_both_ways_may_begin_late():
    on(LOCAL, Item).create(name="first")
    synchronize()
    on(LOCAL, Item).update(name="second")
    synchronize()
    assert not Window.objects.using(LOCAL).exists()

    on(REMOTE, Item).update(name="third, there")
    reports = [synchronize(both=True)]
    on(LOCAL, Item).update(name="fourth, here")
    reports.append(synchronize(both=True))
    on(REMOTE, Item).update(name="fifth, there")
    reports.append(synchronize(both=True))

    assert [(report.conflicts, report.told) for report in reports] == [(0, {})] * 3
    assert names(LOCAL) == names(REMOTE) == ["fifth, there"]


def test_dry_run_fetches_nothing():
    on(REMOTE, Item).create(name="theirs")

    report = synchronize(pull=True, dry_run=True)

    assert report.created == 1 and not on(LOCAL, Item).exists() and synchronize(pull=True).created == 1


def test_remote_without_triggers_is_refused_by_name_and_the_other_way_is_gone():
    on(LOCAL, Item).create(name="ours")
    in_process("synchro_install_triggers", "--database", REMOTE, "--uninstall")
    try:
        with pytest.raises(TriggersNotReady, match=rf"--database {REMOTE}") as caught:
            synchronize(both=True)
    finally:
        in_process("synchro_install_triggers", "--database", REMOTE)

    assert caught.value.report.created == 1 and names(REMOTE) == ["ours"]


def test_fetching_inside_a_transaction_is_refused():
    on(REMOTE, Item).create(name="theirs")
    with transaction.atomic(using=LOCAL), pytest.raises(Refused, match="A transaction is open on 'default'"):
        synchronize(pull=True)

    assert not on(LOCAL, Item).exists()


def test_both_and_pull_exclude_one_another():
    with pytest.raises(SynchroConfigurationError, match="exclude one another"):
        synchronize(pull=True, both=True)
    for following in ((), ("--follow",)):
        done = in_process("synchronize", "--pull", "--both", *following)
        assert done.returncode == 2 and "exclude one another" in done.stderr


def test_command_fetches_and_says_which_way_things_went():
    on(REMOTE, Item).create(name="theirs")
    on(LOCAL, Item).create(name="ours")

    done = in_process("synchronize", "--both", "--json")

    assert done.returncode == 0, done.stderr
    ways = json.loads(done.stdout)["ways"]
    assert [(way["source"], way["remote"], way["created"]) for way in ways] == [
        (LOCAL, REMOTE, 1),
        (REMOTE, LOCAL, 1),
    ]
    assert in_process("synchronize", "--pull").returncode == 0


def test_follower_goes_both_ways():
    on(LOCAL, Item).create(name="ours")
    on(REMOTE, Item).create(name="theirs")
    seen = []

    def on_run(remote, report):
        seen.append((remote, report.created))
        if len(seen) == 2:
            follower.stop()

    follower = Follower(interval=0.01, both=True, on_run=on_run, on_problem=pytest.fail)
    follower.run()

    assert sorted(seen) == [(LOCAL, 1), (REMOTE, 1)] and names(LOCAL) == names(REMOTE) == ["ours", "theirs"]


def test_notices_come_from_one_side_only():
    with pytest.raises(SynchroConfigurationError, match="--notify cannot be combined"):
        Follower(both=True, notify=True).run()


def test_kept_failure_of_what_was_fetched_is_tried_again():
    on(REMOTE, Item).create(name="theirs")

    def refuse(**told):
        raise ValueError("not today")

    with receiving("post_save", Item, refuse):
        report = synchronize(pull=True)
    assert [(each.remote, each.model) for each in report.failures] == [(LOCAL, "testapp.Item")]

    assert synchronize(pull=True).created == 1 and names(LOCAL) == ["theirs"]
