"""A link that its maker has removed, and that comes back to it by others who have not heard of that."""

from __future__ import annotations

import pytest

from synchro_triggers.models import Checkpoint, Conflict
from tests.nodes.nodes import MESH, NAMES
from tests.replay.hearing import later
from tests.testapp.models import Tag, Tagged

rules = pytest.mark.parametrize("rule", ["newest", "local", "remote"])


@pytest.fixture
def removed(nodes):
    """A has made a link, which C has by B, and removed it."""
    nodes.rows("a", Tagged).create(title="t")
    nodes.rows("a", Tag).create(label="l")
    nodes.rounds(MESH)
    later()
    link(nodes, "a")
    nodes.run("a", "b")
    nodes.run("b", "c")
    assert linked(nodes) == [1, 1, 1]
    unlink(nodes, "a")


def link(nodes, at):
    nodes.rows(at, Tagged).get().tags.add(nodes.rows(at, Tag).get())
    later()


def unlink(nodes, at):
    nodes.rows(at, Tagged).get().tags.clear()
    later()


def linked(nodes):
    return [nodes.rows(name, Tagged).get().tags.count() for name in NAMES]


def records():
    return [each.kind for name in NAMES for each in Conflict.objects.using(name)]


@rules
def test_it_stays_removed_and_is_no_conflict(nodes, settings, removed, rule):
    settings.SYNCHRO_CONFLICT = rule

    report = nodes.run("c", "a")

    assert linked(nodes) == [0, 1, 1]
    assert records() == [] and not report.remarks
    nodes.rounds(MESH)
    assert linked(nodes) == [0, 0, 0]
    assert records() == []
    nodes.assert_at_rest(MESH)


@rules
def test_what_somebody_else_has_linked_again_meanwhile_is_one(nodes, settings, removed, rule):
    settings.SYNCHRO_CONFLICT = rule
    unlink(nodes, "b")
    link(nodes, "b")
    nodes.run("b", "c")

    nodes.run("c", "a")

    assert linked(nodes) == [1 if rule == "local" else 0, 1, 1]  # C's is of the time when it has come there first
    assert records() == ["links"]


@rules
def test_what_has_come_by_a_run_that_has_not_ended_is_one(nodes, settings, removed, rule):
    """Nobody can tell then whose it is."""
    settings.SYNCHRO_CONFLICT = rule
    checkpoint = Checkpoint.objects.using("c").filter(source=nodes.identity("b"))
    checkpoint.update(window_end=checkpoint.get().position)

    nodes.run("c", "a")

    assert records() == ["links"]


@pytest.mark.parametrize("size", [1, 1000])
def test_what_somebody_has_linked_again_himself_is_one(nodes, settings, removed, size):
    """The log of C speaks of two rows: of the one that has come, and of its own."""
    settings.SYNCHRO_CONFLICT, settings.SYNCHRO_BATCH_SIZE = "remote", size
    unlink(nodes, "c")
    link(nodes, "c")

    nodes.run("c", "a")

    assert linked(nodes) == [0, 1, 1]
    assert records() == ["links"]


@pytest.fixture
def linked_at_a_and_c(nodes):
    """A has made a link, and has sent it to C alone."""
    nodes.rounds(MESH)
    nodes.rows("a", Tagged).create(title="t")
    nodes.rows("a", Tag).create(label="l")
    link(nodes, "a")
    nodes.run("a", "c")


@rules
@pytest.mark.parametrize("had", [False, True], ids=["never had", "had"])
@pytest.mark.parametrize("size", [1, 1000])
def test_it_does_not_come_to_who_has_seen_that_somebody_else_has_removed_it(
    nodes, settings, linked_at_a_and_c, rule, had, size
):
    """No log of B speaks of its own users. Else it would go round in a mesh for ever."""
    settings.SYNCHRO_CONFLICT, settings.SYNCHRO_BATCH_SIZE = rule, size
    if had:
        nodes.run("a", "b")
    unlink(nodes, "a")
    nodes.run("a", "b")

    nodes.run("c", "b")

    assert linked(nodes) == [0, 0, 1]
    nodes.rounds(MESH)
    assert linked(nodes) == [0, 0, 0]
    assert records() == []
    nodes.assert_at_rest(MESH)


@rules
def test_it_does_come_to_who_has_not_seen_all(nodes, settings, linked_at_a_and_c, rule):
    """A has linked again what B has seen removed."""
    settings.SYNCHRO_CONFLICT = rule
    unlink(nodes, "a")
    nodes.run("a", "b")
    link(nodes, "a")
    nodes.run("a", "c")

    nodes.run("c", "b")

    assert linked(nodes) == [1, 1, 1]
    nodes.rounds(MESH)
    assert linked(nodes) == [1, 1, 1]
    assert records() == []
