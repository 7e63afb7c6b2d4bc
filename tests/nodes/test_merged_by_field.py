"""``SYNCHRO_MERGE = 'fields'`` with three nodes: what each has changed alone reaches all, whoever met whom first."""

from __future__ import annotations

from itertools import permutations

import pytest

from synchro_triggers.models import Conflict
from tests.nodes.nodes import NAMES, STAR
from tests.replay.hearing import later
from tests.testapp.models import Account, Entry, Item


@pytest.fixture(autouse=True)
def by_field(settings):
    settings.SYNCHRO_MERGE = "fields"


def change(nodes, at, model=Item, **values):
    assert nodes.rows(at, model).update(**values) == 1
    later()


def records(nodes):
    return sum(Conflict.objects.using(name).count() for name in NAMES)


@pytest.mark.parametrize(("one", "other"), list(permutations(NAMES, 2)))
def test_different_fields_of_two_nodes_reach_all(nodes, pairs, one, other):
    nodes.rows("a", Item).create(name="0", cash=0)
    nodes.rounds(pairs)
    later()
    for number in range(1, 3):
        change(nodes, one, name=f"{number}")
        change(nodes, other, cash=number)

        assert nodes.rounds(pairs) == []
        assert nodes.all(Item, "name", "cash") == [[(f"{number}", number)]] * 3
    assert records(nodes) == 0
    nodes.assert_at_rest(pairs)


@pytest.mark.parametrize("order", list(permutations(NAMES)))
def test_three_fields_of_three_nodes_reach_all(nodes, pairs, order):
    for name in "xy":
        nodes.rows("a", Account).create(name=name)
    nodes.rows("a", Entry).create(name="0", visits=0, account_id="x")
    nodes.rounds(pairs)
    later()
    for name, values in zip(order, ({"name": "1"}, {"visits": 1}, {"account_id": "y"}), strict=True):
        change(nodes, name, Entry, **values)

    assert nodes.rounds(pairs, 4) == []
    assert nodes.all(Entry, "name", "visits", "account_id") == [[("1", 1, "y")]] * 3
    assert records(nodes) == 0
    nodes.assert_at_rest(pairs)


@pytest.mark.parametrize(("one", "other"), list(permutations(NAMES, 2)))
def test_newest_of_what_both_have_changed_stands_beside_what_each_has_changed_alone(nodes, pairs, one, other):
    nodes.rows("a", Entry).create(name="0", visits=0, account=nodes.rows("a", Account).create(name="x"))
    nodes.rounds(pairs)
    later()
    change(nodes, one, Entry, name="one", visits=1)
    change(nodes, other, Entry, name="other")

    told = nodes.rounds(pairs, 4)

    assert nodes.all(Entry, "name", "visits") == [[("other", 1)]] * 3
    assert len(told) == records(nodes) == 1
    nodes.assert_at_rest(pairs)


def test_who_has_got_one_change_alone_gets_what_it_was_merged_with(nodes):
    nodes.rows("a", Item).create(name="0", cash=0)
    nodes.rounds(STAR)
    later()
    change(nodes, "b", cash=1)
    nodes.run("b", "c")
    change(nodes, "a", name="1")
    nodes.run("a", "b")
    nodes.run("b", "c")

    assert list(nodes.rows("c", Item).values_list("name", "cash")) == [("1", 1)]
    change(nodes, "c", cash=2)
    assert nodes.rounds(STAR) == []
    assert nodes.all(Item, "name", "cash") == [[("1", 2)]] * 3
