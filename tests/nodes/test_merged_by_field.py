"""``SYNCHRO_MERGE = 'fields'`` both ways between two databases; with a third one, objects count as a whole."""

from __future__ import annotations

import pytest

from synchro_triggers.models import Conflict
from tests.nodes.nodes import NAMES, STAR
from tests.replay.hearing import later
from tests.testapp.models import Account, Entry, Item

PAIR = (("a", "b"), ("b", "a"))


@pytest.fixture(autouse=True)
def by_field(settings):
    settings.SYNCHRO_MERGE = "fields"


def change(nodes, at, model=Item, **values):
    assert nodes.rows(at, model).update(**values) == 1
    later()


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


def test_with_a_third_database_objects_count_as_a_whole_and_each_run_says_so(nodes):
    nodes.rows("a", Item).create(name="0", cash=0)
    nodes.rounds(STAR)
    later()
    change(nodes, "a", name="1")
    change(nodes, "b", cash=1)

    warnings = nodes.run("a", "b").warnings

    assert [
        text for text in warnings if text.startswith("SYNCHRO_MERGE: 'b' or 'default' has received changes of a third")
    ]
    nodes.rounds(STAR)
    assert nodes.all(Item, "name", "cash") == [[("0", 1)]] * 3
    assert records(nodes) == 1
