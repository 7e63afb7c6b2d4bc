"""Links of an object that is deleted, and comes back by somebody's edit that wins over that.

Those that went along with it come back too, also to who deleted it, and though the editor has never had them. What was
removed before, by itself, stays removed.
"""

from __future__ import annotations

import pytest

from tests.nodes.nodes import MESH, NAMES, STAR
from tests.replay.hearing import later
from tests.testapp.models import Tag, Tagged

TOPOLOGIES = {"star": STAR, "mesh": MESH}

of_topologies = pytest.mark.parametrize("topology", TOPOLOGIES)
sizes = pytest.mark.parametrize("size", [1, 1000])
firsts = pytest.mark.parametrize("first", [("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")], ids="".join)

THROUGH = Tagged.tags.through


def links(nodes):
    return [sorted(nodes.rows(name, THROUGH).values_list("tagged__title", "tag__label")) for name in NAMES]


@pytest.fixture(params=NAMES)
def linked(nodes, request):
    """C has linked what one of them has made, and B knows of that; A has the object alone."""
    maker = request.param
    nodes.rows(maker, Tagged).create(title="t")
    nodes.rows("c", Tag).create(label="l")
    for run in (("a", "b"), ("b", "c"), ("c", "b")):
        nodes.run(*run)
    if maker != "a":
        nodes.run("b", "a", models=["testapp.Tagged"])
    later()
    nodes.rows("c", Tagged).get().tags.add(nodes.rows("c", Tag).get())
    later()
    nodes.run("c", "b")
    later()
    assert links(nodes) == [[], [("t", "l")], [("t", "l")]]


def play(nodes, topology, first):
    later()
    nodes.rows("a", Tagged).update(title="theirs")
    later()
    nodes.run(*first)
    nodes.rounds(TOPOLOGIES[topology])


@of_topologies
@sizes
@firsts
def test_they_come_back_everywhere(nodes, settings, linked, topology, size, first):
    settings.SYNCHRO_BATCH_SIZE = size
    nodes.rows("b", Tagged).get().delete()

    play(nodes, topology, first)

    assert links(nodes) == [[("theirs", "l")]] * 3
    nodes.assert_at_rest(TOPOLOGIES[topology])


@of_topologies
@sizes
@firsts
def test_what_was_removed_before_stays_removed(nodes, settings, linked, topology, size, first):
    settings.SYNCHRO_BATCH_SIZE = size
    nodes.rows("b", Tagged).get().tags.clear()
    later()
    nodes.rows("b", Tag).create(label="between")  # SQLite's log does not say what was one transaction
    later()
    nodes.rows("b", Tagged).get().delete()

    play(nodes, topology, first)

    assert links(nodes) == [[], [], []]
    assert nodes.all(Tagged, "title") == [["theirs"]] * 3
    nodes.assert_at_rest(TOPOLOGIES[topology])


@of_topologies
@sizes
def test_so_does_what_sql_removed_statement_by_statement(nodes, settings, linked, topology, size):
    """Nobody can tell on SQLite whether it went along; what is everywhere is the same."""
    settings.SYNCHRO_BATCH_SIZE = size
    nodes.rows("b", THROUGH).all()._raw_delete("b")
    nodes.rows("b", Tagged).all()._raw_delete("b")

    play(nodes, topology, ("a", "b"))

    found = links(nodes)
    assert found[0] == found[1] == found[2]
    assert nodes.all(Tagged, "title") == [["theirs"]] * 3
    nodes.assert_at_rest(TOPOLOGIES[topology])


@of_topologies
@sizes
def test_those_that_somebody_else_has_made_stay(nodes, settings, topology, size):
    """C's own link goes with its end, and the same one of A brings the end back: there is nothing to remove at B."""
    settings.SYNCHRO_BATCH_SIZE = size
    nodes.rows("c", Tagged).create(title="t")
    nodes.rows("c", Tag).create(label="l")
    nodes.rounds(MESH)
    for name in ("a", "c"):
        later()
        nodes.rows(name, Tagged).get().tags.add(nodes.rows(name, Tag).get())
    later()
    nodes.rows("c", Tag).get().delete()
    later()
    nodes.rows("c", Tag).create(label="another")
    later()
    nodes.run("a", "b")
    nodes.rows("b", Tag).update(label="theirs")  # whatever the rule says of the link
    later()

    nodes.rounds(TOPOLOGIES[topology])

    assert links(nodes) == [[("t", "theirs")]] * 3
    nodes.assert_at_rest(TOPOLOGIES[topology])
