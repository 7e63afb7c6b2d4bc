"""``SYNCHRO_MERGE = 'fields'`` both ways, between two databases and three: each field counts by itself."""

from __future__ import annotations

import pytest

from synchro_triggers import Told
from synchro_triggers.models import Conflict
from tests.nodes.nodes import NAMES, STAR, TOPOLOGIES
from tests.replay.hearing import later, receiving
from tests.testapp.models import Account, Entry, Item

PAIR = (("a", "b"), ("b", "a"))


@pytest.fixture(autouse=True)
def by_field(settings):
    settings.SYNCHRO_MERGE = "fields"


def change(nodes, at, model=Item, **values):
    assert nodes.rows(at, model).update(**values) == 1
    later()


def refuse_today(**told):
    raise ValueError("not today")


def records(nodes):
    return sum(Conflict.objects.using(name).count() for name in NAMES)


@pytest.mark.parametrize("made_at", ["a", "b"])
@pytest.mark.parametrize(("one", "other"), PAIR)
@pytest.mark.parametrize("policy", ["newest", "local", "remote"])
def test_different_fields_of_both_sides_reach_both(nodes, settings, made_at, one, other, policy):
    settings.SYNCHRO_CONFLICT = policy
    nodes.rows(made_at, Item).create(name="0", cash=0)
    nodes.rounds(PAIR)
    later()
    for number in range(1, 4):
        change(nodes, one, name=f"{number}")
        change(nodes, other, cash=number)

        assert nodes.rounds(PAIR) == []
        assert nodes.all(Item, "name", "cash")[:2] == [[(f"{number}", number)]] * 2
    assert records(nodes) == 0
    nodes.assert_at_rest(PAIR)


@pytest.mark.parametrize("made_at", ["a", "b"])
@pytest.mark.parametrize(("one", "other"), PAIR)
def test_newest_of_what_both_have_changed_stands_beside_what_each_has_changed_alone(nodes, made_at, one, other):
    for name in "xyz":
        nodes.rows(made_at, Account).create(name=name)
    nodes.rows(made_at, Entry).create(name="0", visits=0, account_id="x")
    nodes.rounds(PAIR)
    later()
    change(nodes, one, Entry, name="one", visits=1)
    change(nodes, other, Entry, name="other", account_id="y")

    told = nodes.rounds(PAIR, 4)

    assert nodes.all(Entry, "name", "visits", "account_id")[:2] == [[("other", 1, "y")]] * 2
    assert len(told) == records(nodes) == 1
    nodes.assert_at_rest(PAIR)


@pytest.mark.parametrize("topology", ["star", "mesh", "ring"])
def test_fields_changed_at_three_nodes_all_stay(nodes, topology):
    pairs = TOPOLOGIES[topology]
    for name in "xyz":
        nodes.rows("a", Account).create(name=name)
    nodes.rows("a", Entry).create(name="0", visits=0, account_id="x")
    nodes.rounds(pairs)
    later()
    for number, accounts in ((1, "y"), (2, "z")):
        change(nodes, "a", Entry, name=f"{number}")
        change(nodes, "b", Entry, visits=number)
        change(nodes, "c", Entry, account_id=accounts)

        assert nodes.rounds(pairs) == []
        assert nodes.all(Entry, "name", "visits", "account_id") == [[(f"{number}", number, accounts)]] * 3
    assert records(nodes) == 0
    nodes.assert_at_rest(pairs)


@pytest.mark.parametrize("first", ["a", "c"])
def test_newest_of_each_field_stands_whoever_met_whom_first(nodes, first):
    nodes.rows("b", Item).create(name="0", cash=0)
    nodes.rounds(STAR)
    later()
    change(nodes, "a", cash=1)
    change(nodes, "c", name="c", cash=2)
    change(nodes, "a", name="a")
    order = STAR if first == "a" else (*STAR[2:], *STAR[:2])

    told = nodes.rounds(order)

    assert nodes.all(Item, "name", "cash") == [[("a", 2)]] * 3
    assert [each.kind for each in told] == [Told.MERGED] and records(nodes) == 1
    nodes.assert_at_rest(STAR)


@pytest.mark.parametrize("policy", ["newest", "local", "remote"])
@pytest.mark.parametrize("changed_at", ["a", "b"])
def test_deletion_that_has_not_seen_a_field_is_a_conflict(nodes, settings, policy, changed_at):
    """The hub has got another field since: what its users, or others, have changed before it is not forgotten."""
    settings.SYNCHRO_CONFLICT = policy
    nodes.rows("a", Item).create(name="0", cash=0)
    nodes.rounds(STAR)
    later()
    change(nodes, changed_at, name="unseen")
    nodes.run("a", "b")
    change(nodes, "c", cash=1)
    nodes.run("c", "b")
    nodes.rows("c", Item).delete()
    later()

    told = nodes.run("c", "b").remarks

    assert len(told) == records(nodes) == 1
    nodes.rounds(STAR)
    left = [[]] * 3 if policy != "remote" else [[("unseen", 1)]] * 3
    assert nodes.all(Item, "name", "cash") == left
    nodes.assert_at_rest(STAR)


def test_deletion_that_has_seen_all_fields_is_none(nodes):
    nodes.rows("a", Item).create(name="0", cash=0)
    nodes.rounds(STAR)
    later()
    change(nodes, "a", name="1")
    change(nodes, "b", cash=1)
    nodes.rounds(STAR)
    later()
    nodes.rows("c", Item).delete()

    assert nodes.rounds(STAR) == []
    assert nodes.all(Item, "name") == [[]] * 3


def test_what_failed_brings_only_the_fields_that_it_has_changed(nodes):
    """It is tried again as a whole: what others have brought meanwhile must not be taken back."""
    nodes.rows("a", Item).create(name="0", cash=0)
    nodes.rounds(STAR)
    later()
    change(nodes, "a", cash=1)
    with receiving("pre_save", Item, refuse_today):
        assert nodes.run("a", "b").failures
    change(nodes, "c", name="c")
    nodes.run("c", "b")

    nodes.rounds(STAR)

    assert nodes.all(Item, "name", "cash") == [[("c", 1)]] * 3
    nodes.assert_at_rest(STAR)


def test_object_that_is_new_to_a_node_brings_the_versions_of_its_fields(nodes):
    """C gets it from the hub, with a field of A's and one of the hub's, and neither is a conflict later."""
    nodes.rows("a", Item).create(name="0", cash=0)
    nodes.rounds(STAR[:2])
    later()
    change(nodes, "a", name="1")
    change(nodes, "b", cash=1)
    nodes.rounds(STAR[:2])
    nodes.rounds(STAR[2:])
    later()
    change(nodes, "c", name="2", cash=2)
    nodes.run("c", "b")
    change(nodes, "a", name="3")

    told = nodes.rounds(STAR)

    assert nodes.all(Item, "name", "cash") == [[("3", 2)]] * 3
    assert len(told) == records(nodes) == 1
    nodes.assert_at_rest(STAR)
