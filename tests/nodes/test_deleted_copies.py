"""Copies of one import, of which one side deletes an object that the other one goes on with: a conflict, on record."""

from __future__ import annotations

import pytest
from django.db.models import QuerySet

from synchro_triggers import synchro_paused
from synchro_triggers.models import Conflict, Failure
from tests.nodes.nodes import MESH, NAMES
from tests.nodes.test_conflicts import PAIR
from tests.replay.hearing import later
from tests.testapp.models import Account, Entry, Keyed, KeyedChild

#: What tells which object is which: the model, and the field that does.
KINDS = {"natural key": (Keyed, "code"), "kept key": (Account, "name")}
kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def copies(nodes, kind):
    """All have what no log has seen being made."""
    model, key = KINDS[kind]
    for name in NAMES:
        with nodes.turn_of(name), synchro_paused(using="default"):
            QuerySet(model, using="default").create(**{key: "k"}, cash=0)
    return model


def change(nodes, name, model):
    assert nodes.rows(name, model).update(cash=1) == 1
    later()


def delete(nodes, name, model):
    nodes.rows(name, model).get().delete(using=name)
    later()


def records():
    return [each.kind for name in NAMES for each in Conflict.objects.using(name)]


@kinds
@pytest.mark.parametrize("rule", ["newest", "local", "remote"])
@pytest.mark.parametrize("here", [change, delete])
def test_two_that_have_never_met_end_as_the_table_of_who_wins_says(nodes, settings, copies, rule, here):
    settings.SYNCHRO_CONFLICT = rule
    here(nodes, "a", copies)
    (delete if here is change else change)(nodes, "b", copies)

    nodes.rounds(PAIR)

    stands = (here is change) is (rule == "local")
    assert nodes.all(copies, "cash")[:2] == [[1] if stands else []] * 2
    assert records() == ["update/delete" if here is change else "delete/update"]
    nodes.assert_at_rest(PAIR)


@kinds
@pytest.mark.parametrize("pairs", [MESH, MESH[::-1]], ids=["who changes is first", "who deletes is first"])
@pytest.mark.parametrize("last", [change, delete])
@pytest.mark.parametrize("full", [False, True])
def test_all_three_end_the_same_whoever_runs_first(nodes, copies, pairs, last, full):
    if last is change:
        delete(nodes, "c", copies)
    change(nodes, "a", copies)
    if last is delete:
        delete(nodes, "c", copies)

    for pair in pairs * 3:
        nodes.run(*pair, full=full)

    assert nodes.all(copies, "cash") == [[1] if last is change else []] * 3
    assert records()
    nodes.assert_at_rest(pairs)


@kinds
@pytest.mark.parametrize("full", [False, True])
def test_what_is_deleted_on_one_side_alone_does_not_come_back(nodes, copies, full):
    delete(nodes, "b", copies)

    for pair in PAIR * 2:
        nodes.run(*pair, full=full)

    assert nodes.all(copies, "cash")[:2] == [[], []]


@kinds
@pytest.mark.parametrize("full", [False, True])
def test_what_is_made_again_by_who_has_heard_of_the_delete_is_no_conflict(nodes, copies, full):
    model, key = copies, dict(KINDS.values())[copies]
    nodes.rounds(PAIR, 1)
    delete(nodes, "b", model)
    nodes.run("b", "a")
    assert nodes.all(model, "cash")[:2] == [[], []]
    nodes.rows("a", model).create(**{key: "k"}, cash=2)
    later()

    nodes.run("a", "b", full=full)

    assert nodes.all(model, "cash")[:2] == [[2], [2]]
    assert records() == []


CHILDREN = {Keyed: (KeyedChild, "parent"), Account: (Entry, "account")}


@kinds
@pytest.mark.parametrize("last", ["child", "delete"])
@pytest.mark.parametrize("pairs", [PAIR, PAIR[::-1]], ids=["who makes a child is first", "who deletes is first"])
def test_what_was_made_of_a_deleted_copy_ends_the_same_on_both(nodes, copies, last, pairs):
    model, (child, field) = copies, CHILDREN[copies]
    if last == "child":
        delete(nodes, "b", model)
    change(nodes, "a", model)
    nodes.rows("a", child).create(**{"name": "child", field: nodes.rows("a", model).get()})
    later()
    if last == "delete":
        delete(nodes, "b", model)

    for pair in pairs * 3:
        nodes.run(*pair)

    here, there = (nodes.all(each, "pk")[:2] for each in (model, child))
    assert len(here[0]) == len(here[1]) == len(there[0]) == len(there[1]) == (last == "child")
    assert records()
    assert not any(Failure.objects.using(name).exists() for name in NAMES)
    nodes.assert_at_rest(pairs)
