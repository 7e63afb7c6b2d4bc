"""What random histories over families have found: each a short story."""

from __future__ import annotations

from tests.nodes.nodes import MESH, STAR
from tests.nodes.test_conflicts import records
from tests.replay.hearing import later
from tests.shapeapp.models import CascadePet, NullPet, Owner
from tests.testapp.models import Keyed, Tag, Tagged


def test_delete_does_not_meet_what_was_made_where_its_object_was_deleted_too(nodes):
    """B's new object has the natural key of the old one, which both have deleted: C has not seen it."""
    nodes.rows("c", Keyed).create(code="x", cash=1)
    nodes.rounds(STAR)
    later()
    nodes.rows("c", Keyed).all().delete()
    nodes.rows("b", Keyed).all().delete()
    later()
    nodes.rows("b", Keyed).create(code="x", cash=2)

    nodes.run("c", "b")

    assert records(nodes) == []
    nodes.rounds(STAR)
    assert nodes.all(Keyed, "code", "cash") == [[("x", 2)]] * 3
    nodes.assert_at_rest(STAR)


def test_object_that_comes_back_is_not_written_over_what_has_its_former_natural_key(nodes):
    nodes.rows("c", Keyed).create(code="x", cash=1)
    nodes.rounds(STAR)
    later()
    nodes.rows("c", Keyed).all().delete()
    nodes.rows("b", Keyed).all().delete()
    later()
    nodes.rows("a", Keyed).update(code="y", cash=3)
    nodes.rows("b", Keyed).create(code="x", cash=2)
    nodes.run("b", "a")
    nodes.run("c", "b")

    nodes.rounds(STAR)

    assert nodes.all(Keyed, "code", "cash") == [[("x", 2), ("y", 3)]] * 3
    nodes.assert_at_rest(STAR)


def test_object_that_comes_back_to_its_maker_for_a_link_is_not_deleted_elsewhere(nodes):
    """C has made and deleted it, and has not seen A's link, which comes through B."""
    nodes.rounds(MESH, 1)
    nodes.rows("c", Tag).create(label="l")
    nodes.rows("c", Tagged).create(title="t")
    nodes.run("c", "a")
    later()
    nodes.rows("c", Tagged).all().delete()
    later()
    nodes.rows("a", Tagged).get().tags.add(nodes.rows("a", Tag).get())
    nodes.run("a", "b")

    nodes.run("b", "c")

    assert nodes.rows("c", Tagged).count() == 1
    nodes.rounds(MESH)
    assert nodes.all(Tagged, "title", "tags__label") == [[("t", "l")]] * 3
    nodes.assert_at_rest(MESH)


def test_child_that_went_with_its_parent_unseen_does_not_go_round(nodes):
    """C has deleted the parent, and has never had B's child; A has the child, and has changed the parent."""
    nodes.rounds(MESH, 1)
    nodes.rows("c", Owner).create(name="o")
    nodes.run("c", "b")
    nodes.run("c", "a")
    later()
    nodes.rows("b", NullPet).create(name="null", owner=nodes.rows("b", Owner).get())
    nodes.rows("b", CascadePet).create(name="p", owner=nodes.rows("b", Owner).get())
    nodes.run("b", "a")
    later()
    nodes.rows("c", Owner).all().delete()
    nodes.run("c", "b")
    assert not nodes.rows("b", CascadePet).exists()
    later()
    nodes.rows("a", Owner).update(name="changed")
    nodes.run("a", "c")

    nodes.rounds(MESH)

    assert nodes.all(Owner, "name") == [["changed"]] * 3
    assert nodes.all(CascadePet, "name") == [[]] * 3  # it is on record
    assert '"p"' in "".join(each.remote_values or "" for each in records(nodes))
    nodes.assert_at_rest(MESH)
