"""What an object is called that its maker has deleted: it comes back, its key is given out again, the news travels."""

from __future__ import annotations

import pytest

from synchro_triggers import Told
from synchro_triggers.models import ChangeLog, Reference
from tests.nodes.nodes import MESH, NAMES, RING, STAR
from tests.replay.hearing import later
from tests.testapp.models import Account, Item, Keyed


def conflicts(report):
    return [each for each in report.remarks if each.kind in {Told.LOCAL_WON, Told.REMOTE_WON}]


def items(nodes):
    return nodes.all(Item, "name", "cash")


def delete(nodes, node, **wanted):
    later()
    nodes.rows(node, Item).filter(**wanted).delete()


def change(nodes, node, cash, **wanted):
    later()
    assert nodes.rows(node, Item).filter(**wanted).update(cash=cash) == 1


def test_third_node_that_knows_the_first_name_meets_the_tombstone(nodes):
    """C has made and deleted what A changes meanwhile: B, which knows of the deletion, must tell the conflict."""
    nodes.rows("c", Item).create(name="x", cash=1)
    nodes.run("c", "b")
    nodes.run("b", "a")
    delete(nodes, "c")
    nodes.run("c", "b")
    assert not nodes.rows("b", Item).exists()
    change(nodes, "a", 2)

    report = nodes.run("a", "b")

    assert len(conflicts(report)) == 1 and nodes.rows("b", Item).get().cash == 2
    nodes.rounds(STAR)
    assert items(nodes) == [[("x", 2)]] * 3
    nodes.assert_at_rest(STAR)


def test_object_that_comes_back_to_its_maker_is_one_object_everywhere(nodes):
    nodes.rows("a", Item).create(name="x", cash=1)
    nodes.rounds(MESH)
    delete(nodes, "a")
    change(nodes, "b", 2)
    nodes.run("b", "a")  # where it comes back, under another key
    nodes.run("a", "c")
    nodes.run("c", "b")

    nodes.rounds(MESH)

    assert items(nodes) == [[("x", 2)]] * 3
    nodes.assert_at_rest(MESH)
    change(nodes, "c", 3)
    nodes.rounds(MESH)
    assert items(nodes) == [[("x", 3)]] * 3


def test_key_of_an_object_that_has_come_back_is_given_out_again(nodes):
    """So two objects have the key of one maker, and both live: under two names."""
    made = nodes.rows("a", Item).create(name="x", cash=1)
    nodes.rounds(MESH)
    delete(nodes, "a")
    change(nodes, "b", 2)
    nodes.run("b", "a")
    later()
    nodes.rows("a", Item).create(pk=made.pk, name="y", cash=5)
    nodes.run("a", "c")
    nodes.run("c", "b")

    nodes.rounds(MESH)

    assert items(nodes) == [[("x", 2), ("y", 5)]] * 3
    nodes.assert_at_rest(MESH)
    change(nodes, "b", 3, name="x")
    change(nodes, "c", 6, name="y")
    nodes.rounds(MESH)
    assert items(nodes) == [[("x", 3), ("y", 6)]] * 3


def test_object_that_has_come_back_is_deleted_again_and_the_conflict_is_told_once(nodes):
    nodes.rows("b", Item).create(name="x", cash=1)
    nodes.rounds(STAR)
    delete(nodes, "b")
    change(nodes, "a", 2)
    nodes.run("a", "b")
    delete(nodes, "b")
    change(nodes, "a", 3)

    report = nodes.run("b", "a")

    assert len(conflicts(report)) == 1 and nodes.rows("a", Item).get().cash == 3
    nodes.rounds(STAR)
    assert items(nodes) == [[("x", 3)]] * 3
    nodes.assert_at_rest(STAR)


def test_maker_remembers_who_has_deleted_what_it_had_made(nodes):
    """B has it from C, which has deleted it since at A too: B must not bring it back to A."""
    nodes.rounds(MESH, 2)
    nodes.rows("a", Item).create(name="x", cash=1)
    nodes.run("a", "c")
    nodes.run("c", "b")
    delete(nodes, "c")
    nodes.run("c", "a")
    assert not nodes.rows("a", Item).exists()

    report = nodes.run("b", "a")

    assert report.created == 0 and not conflicts(report) and not nodes.rows("a", Item).exists()
    nodes.rounds(MESH)
    assert items(nodes) == [[], [], []]
    nodes.assert_at_rest(MESH)


@pytest.mark.parametrize("model", [Item, Keyed, Account])
def test_deletion_travels_through_a_node_that_has_never_had_the_object(nodes, model):
    """In a ring, A deletes before B has heard of the object: C must hear of it all the same, through B."""
    name = "code" if model is Keyed else "name"
    nodes.rows("a", model).create(**{name: "other"})
    nodes.rounds(RING)
    nodes.rows("c", model).create(**{name: "x"})
    nodes.run("c", "a")
    later()
    nodes.rows("a", model).filter(**{name: "x"}).delete()

    nodes.run("a", "b")
    nodes.run("b", "c")

    assert nodes.all(model, name) == [["other"]] * 3
    nodes.rounds(RING)
    nodes.assert_at_rest(RING)
    assert nodes.all(model, name) == [["other"]] * 3


def test_deletion_that_travels_through_a_node_is_weighed_where_the_object_is(nodes):
    nodes.rounds(RING, 2)
    nodes.rows("c", Item).create(name="x", cash=1)
    nodes.run("c", "a")
    delete(nodes, "a")
    change(nodes, "c", 2)
    nodes.run("a", "b")

    report = nodes.run("b", "c")

    assert len(conflicts(report)) == 1
    nodes.rounds(RING)
    assert items(nodes) == [[("x", 2)]] * 3
    nodes.assert_at_rest(RING)


def test_deletion_travels_through_a_node_that_has_deleted_the_object_itself(nodes):
    """The one that C makes has not seen A's change, B's has: in a ring it must pass C to reach A."""
    nodes.rounds(RING, 2)
    nodes.rows("b", Item).create(name="x", cash=1)
    nodes.run("b", "c")
    nodes.run("c", "a")
    delete(nodes, "c")
    change(nodes, "a", 2)
    nodes.run("a", "b")
    delete(nodes, "b")
    nodes.run("c", "a")  # whose change is newer
    assert nodes.rows("a", Item).exists()

    nodes.run("b", "c")
    nodes.run("c", "a")

    assert items(nodes) == [[], [], []]
    nodes.rounds(RING)
    nodes.assert_at_rest(RING)


def test_what_a_node_has_never_had_and_knows_to_be_gone_is_not_brought_to_it(nodes):
    nodes.rounds(MESH, 2)
    nodes.rows("c", Item).create(name="x", cash=1)
    nodes.run("c", "a")
    delete(nodes, "a")
    nodes.run("a", "b")

    report = nodes.run("c", "b")

    assert report.created == 0 and not conflicts(report) and not nodes.rows("b", Item).exists()
    nodes.rounds(MESH)
    assert items(nodes) == [[], [], []]
    nodes.assert_at_rest(MESH)


def test_where_a_node_sends_to_nobody_it_notes_nothing_of_what_it_never_had(nodes):
    nodes.run("a", "b")
    nodes.rows("a", Item).create(name="x", cash=1)
    delete(nodes, "a")

    nodes.run("a", "b")

    assert not Reference.objects.using("b").exists()
    assert not ChangeLog.objects.using("b").filter(model_label="testapp.Item").exists()


def test_names_are_looked_up_by_what_the_index_serves(nodes):
    """No text of a key says more than the key."""
    made = nodes.rows("a", Item).create(name="x", cash=1)
    nodes.rounds(MESH)
    delete(nodes, "a")
    change(nodes, "b", 2)
    nodes.rounds(MESH)

    for name in NAMES:
        rows = Reference.objects.using(name).filter(model_label="testapp.Item", source=nodes.identity("a"))
        assert [(row.local_pk, row.ended > 0) for row in rows] == [(str(made.pk), True)]
