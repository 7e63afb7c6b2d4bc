"""Stories that a stranger would tell first: combinations of what other files hold each for itself."""

from __future__ import annotations

import pytest
from django.db.models import QuerySet

from synchro_triggers import Decision, synchro_paused
from synchro_triggers.models import Conflict, Failure
from tests.nodes.nodes import MESH, NAMES, STAR
from tests.nodes.test_conflicts import PAIR
from tests.replay.hearing import later
from tests.testapp.models import Account, Item, Keyed, Numbered

OFFICE_BY_OFFICE = (("a", "b"), ("b", "a"), ("c", "b"), ("b", "c"))
"""A star: each office sends first, then fetches, as ``--both`` does."""

FAN_IN = (("a", "b"), ("c", "b"))
MADE_TWICE = {"natural key": (Keyed, {"code": "k"}), "kept key": (Account, {"name": "k"})}


def records(nodes):
    return [each for name in NAMES for each in Conflict.objects.using(name)]


def make(nodes, name, kind, cash):
    model, keys = MADE_TWICE[kind]
    nodes.rows(name, model).create(**keys, cash=cash)
    later()
    return model


@pytest.mark.parametrize("met", [True, False], ids=["have met", "strangers"])
@pytest.mark.parametrize("kind", MADE_TWICE)
def test_newest_of_what_two_have_made_stands_where_a_hub_brings_one_to_a_node_it_has_never_met(nodes, kind, met):
    if met:
        nodes.rounds(STAR, 1)
    make(nodes, "a", kind, 1)
    model = make(nodes, "c", kind, 2)

    nodes.rounds(STAR)

    assert nodes.all(model, "cash") == [[2]] * 3
    assert len(records(nodes)) == 1


@pytest.mark.parametrize("pairs", [OFFICE_BY_OFFICE, MESH, FAN_IN], ids=["star", "mesh", "fan in"])
@pytest.mark.parametrize("met", [True, False], ids=["have met", "strangers"])
@pytest.mark.parametrize("way", ["ac", "ca"])
@pytest.mark.parametrize("kind", MADE_TWICE)
def test_what_two_have_made_is_a_conflict_where_they_meet_at_a_hub_that_has_never_sent(nodes, kind, way, met, pairs):
    if met:
        nodes.rounds(pairs, 1)
    make(nodes, way[0], kind, 1)
    model = make(nodes, way[1], kind, 2)

    nodes.rounds(pairs)

    assert nodes.all(model, "cash")[1] == [2]
    assert pairs is FAN_IN or nodes.all(model, "cash") == [[2]] * 3
    assert len(records(nodes)) == 1


@pytest.mark.parametrize("way", ["ac", "ca"])
@pytest.mark.parametrize("kind", MADE_TWICE)
def test_changes_of_equal_copies_are_a_conflict_where_they_meet_at_a_hub_that_has_never_sent(nodes, kind, way):
    """All begin with the rows of one import, of which no log tells."""
    model, keys = MADE_TWICE[kind]
    for name in NAMES:
        with nodes.turn_of(name), synchro_paused(using="default"):
            QuerySet(model, using="default").create(**keys, cash=0)
    for number, name in enumerate(way, 1):
        assert nodes.rows(name, model).update(cash=number) == 1
        later()

    nodes.rounds(OFFICE_BY_OFFICE)

    assert nodes.all(model, "cash") == [[2]] * 3
    assert len(records(nodes)) == 1


@pytest.mark.parametrize("runs", [1, 3])
@pytest.mark.parametrize("how", ["change", "delete"])
def test_clash_goes_on_with_the_next_run_when_a_user_has_changed_one_of_both(nodes, how, runs):
    """However often it was tried in vain (docs/how-to/both-ways.md, "Change one of them, and the next run goes on")."""
    for name in "ab":
        nodes.rows(name, Numbered).create(name=f"of {name}", number=5)
        later()
    for pair in PAIR * runs:
        nodes.run(*pair)
    mine = nodes.rows("b", Numbered).filter(name="of b")
    mine.update(number=9) if how == "change" else mine.delete()
    later()

    nodes.rounds(PAIR)

    assert nodes.all(Numbered, "name", "number")[0] == nodes.all(Numbered, "name", "number")[1]
    assert not any(Failure.objects.using(name).exists() for name in NAMES)
    assert all(each.taken for each in records(nodes))


def leaves(conflict):
    raise SystemExit("out")


def raises(conflict):
    raise ValueError("no idea")


def no_number(conflict):
    return Decision.merged({"cash": "not a number"})


def no_value(conflict):
    return Decision.merged({"name": None})


@pytest.mark.parametrize("rule", [leaves, raises, no_number, no_value], ids=lambda rule: rule.__name__)
def test_failure_names_the_rule_that_has_made_it(nodes, settings, rule):
    """docs/how-to/both-ways.md: a failure that names rule, model and key."""
    nodes.rows("a", Item).create(name="0", cash=0)
    nodes.rounds(PAIR)
    for name in "ab":
        later()
        nodes.rows(name, Item).update(name=name)
    settings.SYNCHRO_CONFLICT = f"{__name__}.{rule.__name__}"

    [failure] = nodes.run("a", "b").failures

    [kept] = Failure.objects.using("b")
    assert (failure.model, failure.key) == ("testapp.Item", "1")
    assert "SYNCHRO_CONFLICT" in str(failure.error) or "SYNCHRO_CONFLICT" in kept.error
