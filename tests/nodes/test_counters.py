"""Counters: differences add up exactly, at any number of databases, whichever way they come."""

from __future__ import annotations

import itertools

import pytest
from django.db import IntegrityError, connections
from django.db.models import F

from synchro_triggers.models import Conflict, Contribution
from tests.nodes.nodes import NAMES, STAR, TOPOLOGIES
from tests.replay.hearing import later, receiving
from tests.testapp.models import Account, Item

PAIR = (("a", "b"), ("b", "a"))


@pytest.fixture(autouse=True)
def counting(settings):
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"counters": ("cash",)}, "testapp.Account": {"counters": ("cash",)}}


def add(nodes, at, number, **values):
    assert nodes.rows(at, Item).update(cash=F("cash") + number, **values) == 1
    later()


def records(nodes):
    return sum(Conflict.objects.using(name).count() for name in NAMES)


@pytest.fixture
def shared(nodes):
    """An object that all three nodes have."""
    nodes.rows("a", Item).create(name="0", cash=10)
    nodes.rounds(STAR)
    later()
    return nodes


@pytest.mark.parametrize("topology", ["star", "mesh", "ring"])
def test_differences_of_three_nodes_add_up(shared, topology):
    pairs, due = TOPOLOGIES[topology], 10
    for number in range(1, 4):
        for at, difference in zip(NAMES, (number, -2 * number, 30), strict=True):
            add(shared, at, difference)
            due += difference

        assert shared.rounds(pairs) == []
        assert shared.all(Item, "cash") == [[due]] * 3
    assert records(shared) == 0
    shared.assert_at_rest(pairs)


@pytest.mark.parametrize("policy", ["newest", "local", "remote"])
def test_what_is_no_counter_is_decided_beside_it(shared, settings, policy):
    settings.SYNCHRO_CONFLICT = policy
    add(shared, "a", 1, name="a")
    add(shared, "c", 5, name="c")

    told = shared.rounds(STAR)

    assert shared.all(Item, "cash") == [[16]] * 3
    [[name]] = {tuple(names) for names in shared.all(Item, "name")}
    assert name == ("a" if policy == "local" else "c")
    assert len(told) == records(shared) == 1
    shared.assert_at_rest(STAR)


def test_equal_values_are_not_the_same_difference(shared):
    add(shared, "a", 1)
    add(shared, "b", 1)

    shared.rounds(STAR)

    assert shared.all(Item, "cash") == [[12]] * 3


@pytest.mark.parametrize("model", [Item, Account])
def test_differences_that_are_nothing_together_are_handed_on(nodes, model):
    """C receives both at once, and has what it had; but A lacks one of them."""
    nodes.rows("a", model).create(name="0", cash=10)
    nodes.rounds(TOPOLOGIES["ring"])
    later()
    nodes.rows("a", model).update(cash=F("cash") + 3)
    nodes.run("a", "b")
    nodes.rows("b", model).update(cash=F("cash") - 3)

    for pair in (("b", "c"), ("c", "a")):
        nodes.run(*pair)

    assert nodes.all(model, "cash") == [[10]] * 3
    nodes.assert_at_rest(TOPOLOGIES["ring"])


def test_runs_between_the_changes_of_an_object_bring_each_once(shared):
    """The hub hands on what it has got while others go on."""
    due = 10
    for at, pair in itertools.islice(itertools.cycle(itertools.product(NAMES, STAR)), 24):
        add(shared, at, 1)
        due += 1
        shared.run(*pair)

    shared.rounds(STAR)

    assert shared.all(Item, "cash") == [[due]] * 3
    shared.assert_at_rest(STAR)


def test_one_way_the_remotes_own_differences_stay(nodes):
    nodes.rows("a", Item).create(name="0", cash=10)
    nodes.run("a", "b")
    later()
    for _ in range(3):
        add(nodes, "b", 100)
        add(nodes, "a", 1)
        assert nodes.run("a", "b").remarks == []

    assert nodes.all(Item, "cash")[:2] == [[13], [313]]


def test_what_was_refused_comes_once(shared):
    def refuse(**told):
        raise IntegrityError("not today")

    add(shared, "a", 1)
    with receiving("pre_save", Item, refuse):
        for _ in range(2):
            assert shared.run("a", "b").failures
    add(shared, "a", 2)
    add(shared, "b", 5)

    shared.rounds(STAR)

    assert shared.all(Item, "cash") == [[18]] * 3


def test_object_that_both_have_made_holds_what_both_have_put_in(nodes):
    for at, cash in (("a", 3), ("c", 4)):
        nodes.rows(at, Account).create(name="x", cash=cash)

    nodes.rounds(STAR)
    assert nodes.all(Account, "cash") == [[7]] * 3
    for at in NAMES:
        nodes.rows(at, Account).update(cash=F("cash") + 1)
    nodes.rounds(STAR)

    assert nodes.all(Account, "cash") == [[10]] * 3
    nodes.assert_at_rest(STAR)


def test_deletion_that_has_not_seen_a_difference_is_a_conflict(shared):
    add(shared, "a", 1)
    shared.run("a", "b")
    shared.rows("c", Item).delete()

    told = shared.rounds(STAR)

    assert len(told) == records(shared) == 1


def test_key_that_is_given_again_begins_anew(nodes):
    """SQLite gives the highest number again: what was stored of the object before is not the new one's."""
    for number in (10, 20):
        made = nodes.rows("a", Item).create(pk=7, name=f"{number}", cash=number)
        nodes.rounds(STAR)
        add(nodes, "b", 1)
        add(nodes, "c", 1)
        nodes.rounds(STAR)
        assert nodes.all(Item, "cash") == [[number + 2]] * 3
        nodes.rows("a", Item).filter(pk=made.pk).delete()
        if number == 20:
            nodes.rounds(STAR)
    assert nodes.all(Item, "cash") == [[]] * 3
    assert not any(Contribution.objects.using(name).exists() for name in "bc")


def test_copy_that_was_linked_goes_on_from_what_it_has(shared):
    add(shared, "b", 5)
    shared.rounds(STAR)
    shared.import_anew("b", "c", Item)
    shared.command("c", "b", "synchro_link")
    later()
    for at in NAMES:
        add(shared, at, 1)

    assert shared.rounds(STAR) == []
    assert shared.all(Item, "cash") == [[18]] * 3
    shared.assert_at_rest(STAR)


def test_reset_lets_counters_begin_with_what_both_hold(shared):
    add(shared, "c", 5)
    shared.rounds(STAR)
    done = shared.command("c", "b", "synchro_reset", "--no-input")
    assert done.returncode == 0, done.stderr
    done = shared.command("c", "b", "synchro_link", "--trust-keys")
    assert done.returncode == 0, done.stderr
    later()
    for at in NAMES:
        add(shared, at, 1)

    assert shared.rounds(STAR) == []
    assert shared.all(Item, "cash") == [[18]] * 3


def test_option_may_be_given_to_what_was_synchronised_before(nodes, settings):
    options = settings.SYNCHRO_OPTIONS
    settings.SYNCHRO_OPTIONS = {}
    nodes.rows("a", Item).create(name="0", cash=10)
    nodes.rounds(STAR)
    later()
    settings.SYNCHRO_OPTIONS = options
    add(nodes, "a", 1)
    nodes.rounds(STAR)
    for at in NAMES:
        add(nodes, at, 1)

    assert nodes.rounds(STAR) == []
    assert nodes.all(Item, "cash") == [[14]] * 3


def test_value_that_the_remote_refuses_is_kept_and_told(shared):
    """Two sell the last ones: the sum is below what the column takes."""
    for name in NAMES:
        with connections[name].cursor() as cursor:
            if connections[name].vendor == "postgresql":
                cursor.execute("ALTER TABLE testapp_item ADD CONSTRAINT never_less CHECK (cash >= 0)")
            else:
                cursor.execute(
                    "CREATE TRIGGER never_less BEFORE UPDATE ON testapp_item WHEN NEW.cash < 0"
                    " BEGIN SELECT RAISE(ABORT, 'never less than nothing'); END"
                )
    try:
        add(shared, "a", -8)
        add(shared, "b", -8)

        assert len(shared.run("a", "b").failures) == 1
        add(shared, "b", 8)
        shared.rounds(STAR)

        assert shared.all(Item, "cash") == [[2]] * 3
    finally:
        for name in NAMES:
            with connections[name].cursor() as cursor:
                if connections[name].vendor == "postgresql":
                    cursor.execute("ALTER TABLE testapp_item DROP CONSTRAINT never_less")
                else:
                    cursor.execute("DROP TRIGGER never_less")
