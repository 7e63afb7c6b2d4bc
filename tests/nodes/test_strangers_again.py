"""Stories that a stranger would tell: databases that have never met, and what hangs together with that."""

from __future__ import annotations

import pytest

from synchro_triggers import synchro_paused
from synchro_triggers.models import Conflict
from tests.nodes.nodes import MESH, NAMES, STAR
from tests.replay.hearing import later
from tests.testapp.models import Account, Item, Keyed

KINDS = {"automatic key": (Item, "name"), "kept key": (Account, "name"), "natural key": (Keyed, "code")}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def told_by(request):
    """A model, and a value by which its objects are told."""
    return request.param


def make(nodes, name, told_by, cash):
    model, field = told_by
    nodes.rows(name, model).create(**{field: "x", "cash": cash})
    later()
    return model


def records(nodes):
    return [(name, each.kind, each.result) for name in NAMES for each in Conflict.objects.using(name)]


@pytest.mark.parametrize("back", [True, False])
def test_what_comes_back_to_its_maker_by_a_third_is_written_upon_what_that_has_made(nodes, told_by, back):
    """C sends to A, whose users go on; B, whom nobody has asked for anything, hands that on to C."""
    model = make(nodes, "c", told_by, 1)
    nodes.run("c", "a")
    nodes.rows("a", model).update(cash=2)
    later()
    nodes.run("a", "b")
    if back:
        nodes.run("b", "a")

    nodes.run("b", "c")

    assert nodes.all(model, "cash") == [[2]] * 3
    assert records(nodes) == []
    nodes.rounds(MESH)
    assert records(nodes) == []
    nodes.assert_at_rest(MESH)


@pytest.mark.parametrize("pairs", [STAR, (("a", "b"), ("b", "c"))], ids=["star", "chain"])
def test_deletion_goes_through_a_hub_that_has_never_had_the_object(nodes, told_by, pairs):
    """A has sent it to C itself, and later meets it by a hub alone."""
    model = make(nodes, "a", told_by, 1)
    nodes.run("a", "c")
    nodes.rows("a", model).get().delete()
    later()

    for pair in pairs * 2:
        nodes.run(*pair)

    assert nodes.all(model, "cash") == [[]] * 3
    assert records(nodes) == []
    nodes.assert_at_rest(pairs)


@pytest.mark.parametrize("before", [True, False], ids=["changed before", "changed after"])
@pytest.mark.parametrize("by", ["b", "c"])
def test_what_differs_when_it_is_linked_was_not_seen(nodes, told_by, before, by):
    """Copies of one import, of which the remote's was changed before ``synchro_link``."""
    model, field = told_by
    for name in NAMES if by == "c" else "ab":
        with synchro_paused(using=name):
            nodes.rows(name, model).create(**{field: "x"}, cash=0)
    if by == "c":
        assert nodes.command("c", "b", "synchro_link").returncode == 0
    nodes.rows(by, model).update(cash=1)
    later()
    if by == "c":
        nodes.run("c", "b")
    if before:
        nodes.rows("a", model).update(cash=2)
        later()
    assert nodes.command("a", "b", "synchro_link").returncode == (0 if before else 1)
    later()
    if not before:
        nodes.rows("a", model).update(cash=2)
        later()

    nodes.run("a", "b")
    nodes.run("b", "a")

    assert [list(nodes.rows(name, model).values_list("cash", flat=True)) for name in "ab"] == [[2], [2]]
    assert len(records(nodes)) == 1
