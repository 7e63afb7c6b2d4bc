"""Users who write while a run is under way: what they have written is of the version that it is, wherever it goes.

A run reads objects as they are now, which may be later than the window of the log that it brings.
"""

from __future__ import annotations

import datetime

import pytest
from django.db import connections

from synchro_triggers.models import Conflict
from tests.nodes.nodes import Nodes
from tests.replay.hearing import later, receiving
from tests.testapp.models import Account, Entry, Item, Tag, Tagged

PAIRS = (("a", "b"), ("b", "a"))
HOUR = datetime.timedelta(hours=1)


@pytest.fixture(autouse=True)
def a_transaction_for_each_object(settings):
    settings.SYNCHRO_BATCH_SIZE = 1


def run_with_user(nodes: Nodes, sender, name: str, act) -> None:
    """Synchronise A to B; when a row is written there, a user of A, whose clock is an hour ahead, does something."""
    connections.settings["user_of_a"] = connections.settings["a"]

    def write(instance, using, **kwargs):
        if using == "b" and instance.name == name:
            with nodes.clock_of("a", HOUR):
                act("user_of_a")

    with receiving("pre_save", sender, write):
        report = nodes.go("a", "b")
    connections["user_of_a"].close()
    assert not report.failures and not report.remarks


def test_what_was_changed_after_the_window_is_not_concurrent_with_what_was_written_upon_it(nodes):
    for name in ("first", "second"):
        nodes.rows("a", Item).create(name=name)
    nodes.rounds(PAIRS, 2)
    for name in ("first", "second"):
        nodes.rows("a", Item).filter(name=name).update(cash=1)

    run_with_user(nodes, Item, "first", lambda user: nodes.rows(user, Item).filter(name="second").update(cash=2))
    assert nodes.rows("b", Item).get(name="second").cash == 2
    later()
    nodes.rows("b", Item).filter(name="second").update(cash=3)
    nodes.rounds(PAIRS, 2)

    assert [nodes.rows(name, Item).get(name="second").cash for name in "ab"] == [3, 3]
    assert not any(Conflict.objects.using(name).exists() for name in "ab")
    nodes.assert_at_rest(PAIRS)


def test_a_field_that_was_changed_after_the_window_has_its_own_version(nodes, settings):
    settings.SYNCHRO_MERGE = "fields"
    nodes.rows("a", Account).create(name="account")
    for name in ("first", "second"):
        nodes.rows("a", Entry).create(name=name, account_id="account")
    nodes.rounds(PAIRS, 2)
    for name in ("first", "second"):
        nodes.rows("a", Entry).filter(name=name).update(visits=1)

    run_with_user(nodes, Entry, "first", lambda user: nodes.rows(user, Entry).filter(name="second").update(visits=2))
    later()
    nodes.rows("b", Entry).filter(name="second").update(visits=3)
    seen = 2 in nodes.all(Entry, "visits")[0]
    nodes.rounds(PAIRS, 2)

    assert seen and [nodes.rows(name, Entry).get(name="second").visits for name in "ab"] == [3, 3]
    assert not any(Conflict.objects.using(name).exists() for name in "ab")


def test_what_is_changed_once_more_before_the_next_window_is_another_version(nodes):
    for name in ("first", "second"):
        nodes.rows("a", Item).create(name=name)
    nodes.rounds(PAIRS, 2)
    for name in ("first", "second"):
        nodes.rows("a", Item).filter(name=name).update(cash=1)

    run_with_user(nodes, Item, "first", lambda user: nodes.rows(user, Item).filter(name="second").update(cash=2))
    later()
    nodes.rows("b", Item).filter(name="second").update(cash=3)
    later()
    with nodes.clock_of("a", HOUR):
        nodes.rows("a", Item).filter(name="second").update(cash=4)
    nodes.rounds(PAIRS, 2)

    assert [nodes.rows(name, Item).get(name="second").cash for name in "ab"] == [4, 4]
    assert sum(Conflict.objects.using(name).count() for name in "ab") == 1


def test_what_was_made_after_the_window_and_came_along_is_not_made_concurrently(nodes):
    nodes.rows("a", Account).create(name="old")
    for name in ("first", "second"):
        nodes.rows("a", Entry).create(name=name, account_id="old")
    nodes.rounds(PAIRS, 2)
    for name in ("first", "second"):
        nodes.rows("a", Entry).filter(name=name).update(visits=1)

    def move(user: str) -> None:
        nodes.rows(user, Account).create(name="new", cash=1)
        nodes.rows(user, Entry).filter(name="second").update(account_id="new")

    run_with_user(nodes, Entry, "first", move)
    assert nodes.rows("b", Account).get(name="new").cash == 1
    later()
    nodes.rows("b", Account).filter(name="new").update(cash=2)
    nodes.rounds(PAIRS, 2)

    assert [nodes.rows(name, Account).get(name="new").cash for name in "ab"] == [2, 2]
    assert not any(Conflict.objects.using(name).exists() for name in "ab")


def test_a_link_that_was_made_again_after_the_window_is_left_to_the_next(nodes):
    nodes.rows("a", Item).create(name="first")
    nodes.rows("a", Tagged).create(title="second")
    tag = nodes.rows("a", Tag).create(label="tag")
    nodes.rows("a", Tagged).get(title="second").tags.add(tag)
    nodes.rounds(PAIRS, 2)
    nodes.rows("a", Item).update(cash=1)
    nodes.rows("a", Tagged).get(title="second").tags.remove(tag)

    def link(user: str) -> None:
        nodes.rows(user, Tagged).get(title="second").tags.add(tag.pk)

    run_with_user(nodes, Item, "first", link)
    there = nodes.rows("b", Tagged).get(title="second")
    assert there.tags.count() == 0
    nodes.rounds(PAIRS, 2)
    assert there.tags.count() == 1
    later()
    there.tags.clear()
    nodes.rounds(PAIRS, 2)

    assert [nodes.rows(name, Tagged).get(title="second").tags.count() for name in "ab"] == [0, 0]
    assert not any(Conflict.objects.using(name).exists() for name in "ab")


@pytest.mark.parametrize("merge", ["objects", "fields"])
def test_what_comes_back_to_its_author_does_not_overwrite_what_was_written_since(nodes, settings, merge):
    """Both writes are of one window, and have one time: the author's clock is behind what it has received."""
    settings.SYNCHRO_MERGE = merge
    with nodes.clock_of("b", HOUR):
        for name in ("first", "second"):
            nodes.rows("b", Item).create(name=name)
    nodes.rounds(PAIRS, 2)
    with nodes.clock_of("b", -HOUR):
        nodes.rows("b", Item).filter(name="second").update(cash=9)
    for name in ("first", "second"):
        nodes.rows("a", Item).filter(name=name).update(cash=1)
    connections.settings["user_of_a"] = connections.settings["a"]

    def write(instance, using, **kwargs):
        if using == "b" and instance.name == "first":
            nodes.rows("user_of_a", Item).filter(name="second").update(cash=2)

    with receiving("pre_save", Item, write):
        nodes.go("a", "b")
    connections["user_of_a"].close()
    assert nodes.rows("b", Item).get(name="second").cash == 2
    nodes.rows("a", Item).filter(name="second").update(cash=3)

    nodes.go("b", "a")
    nodes.rounds(PAIRS, 3)

    assert [nodes.rows(name, Item).get(name="second").cash for name in "ab"] == [3, 3]
    assert sum(Conflict.objects.using(name).count() for name in "ab") == 1
