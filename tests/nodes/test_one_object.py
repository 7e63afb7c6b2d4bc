"""One object is one object on every node, whichever way and in whichever order it has travelled."""

from __future__ import annotations

import pytest

from synchro_triggers.models import Reference
from tests.nodes.nodes import NAMES, STAR
from tests.replay.hearing import later
from tests.testapp.models import Account, Entry, Item, Keyed, KeyedChild, Node, Tag, Tagged

#: What an object that A has made goes through on its way, and back.
THERE_AND_BACK = (*STAR, ("b", "a"))


def test_objects_of_all_nodes_arrive_once_everywhere_and_come_to_rest(nodes, pairs):
    for name in NAMES:
        for number in range(3):
            nodes.rows(name, Item).create(name=f"{number} of {name}")

    nodes.rounds(pairs)

    everything = sorted(f"{number} of {name}" for name in NAMES for number in range(3))
    assert nodes.all(Item, "name") == [everything] * 3
    nodes.assert_at_rest(pairs)


@pytest.mark.parametrize("by", NAMES)
def test_update_travels_all_the_way_whoever_made_it(nodes, pairs, by):
    for name in NAMES:
        nodes.rows(name, Item).create(name=f"of {name}", cash=1)
    nodes.rounds(pairs)
    later()

    nodes.rows(by, Item).update(cash=5)
    nodes.rounds(pairs)

    assert nodes.all(Item, "name", "cash") == [[("of a", 5), ("of b", 5), ("of c", 5)]] * 3
    nodes.assert_at_rest(pairs)


@pytest.mark.parametrize("by", NAMES)
def test_delete_travels_all_the_way_whoever_made_the_object(nodes, pairs, by):
    for name in NAMES:
        nodes.rows(name, Item).create(name=f"of {name}")
        nodes.rows(name, Item).create(name=f"stays, of {name}")
    nodes.rounds(pairs)
    later()

    nodes.rows(by, Item).filter(name__startswith="of").delete()
    nodes.rounds(pairs)

    assert nodes.all(Item, "name") == [["stays, of a", "stays, of b", "stays, of c"]] * 3
    nodes.assert_at_rest(pairs)


def test_object_that_was_made_and_deleted_between_two_runs_leaves_nothing(nodes, pairs):
    nodes.rounds(pairs, 1)
    nodes.rows("a", Item).create(name="brief")
    nodes.run("a", "b")
    nodes.rows("a", Item).all().delete()

    nodes.rounds(pairs)

    assert nodes.all(Item, "name") == [[], [], []]
    nodes.assert_at_rest(pairs)


def test_child_made_at_one_node_for_a_parent_made_at_another(nodes, pairs):
    root = nodes.rows("c", Node).create(name="root, of c")
    nodes.rounds(pairs)
    here = nodes.rows("a", Node).get(name="root, of c")
    nodes.rows("a", Node).create(name="child, of a", parent=here)
    nodes.rounds(pairs)
    there = nodes.rows("c", Node).get(name="child, of a")
    assert there.parent_id == root.pk
    nodes.rows("c", Node).create(name="grandchild, of c", parent=there)
    nodes.rounds(pairs)

    family = [("child, of a", "root, of c"), ("grandchild, of c", "child, of a")]
    for name in NAMES:
        assert sorted(nodes.rows(name, Node).exclude(parent=None).values_list("name", "parent__name")) == family
        assert nodes.rows(name, Node).count() == 3
    nodes.assert_at_rest(pairs)


def test_links_and_their_ends_are_the_same_everywhere(nodes, pairs):
    for name in NAMES:
        tagged = nodes.rows(name, Tagged).create(title=f"of {name}")
        tagged.tags.add(nodes.rows(name, Tag).create(label="shared"), nodes.rows(name, Tag).create(label=f"of {name}"))
    nodes.rounds(pairs)

    expected = sorted((f"of {name}", label) for name in NAMES for label in ("shared", f"of {name}"))
    assert nodes.all(Tagged, "title", "tags__label") == [expected] * 3
    later()
    nodes.rows("a", Tagged).get(title="of c").tags.through._base_manager.using("a").filter(tag__label="of c").delete()
    nodes.rounds(pairs)

    assert nodes.all(Tagged, "title", "tags__label") == [[pair for pair in expected if pair != ("of c", "of c")]] * 3
    nodes.assert_at_rest(pairs)


def test_objects_with_one_natural_key_are_one_with_several_names(nodes, pairs):
    for name in NAMES:
        for code in range({"a": 0, "b": 2, "c": 5}[name]):  # so that the keys differ
            nodes.rows(name, Keyed).create(code=f"{code} of {name}")
        parent = nodes.rows(name, Keyed).create(code="shared", cash=1)
        nodes.rows(name, KeyedChild).create(name=f"of {name}", parent=parent)

    nodes.rounds(pairs)

    for name in NAMES:
        assert nodes.rows(name, Keyed).count() == 8
        children = nodes.rows(name, KeyedChild).values_list("name", "parent__code")
        assert sorted(children) == [(f"of {each}", "shared") for each in NAMES]
    nodes.assert_at_rest(pairs)
    later()
    nodes.rows("c", Keyed).filter(code="shared").update(code="renamed")  # from now on only names tell
    nodes.rounds(pairs)
    assert nodes.all(Keyed, "code") == [nodes.all(Keyed, "code")[0]] * 3
    assert all(nodes.rows(name, Keyed).filter(code="renamed").count() == 1 for name in NAMES)
    nodes.assert_at_rest(pairs)


def test_kept_keys_are_the_same_everywhere(nodes, pairs):
    account = nodes.rows("a", Account).create(name="shared", cash=1)
    nodes.rows("a", Entry).create(name="of a", account=account)
    nodes.rounds(pairs)
    nodes.rows("c", Entry).create(name="of c", account=nodes.rows("c", Account).get())
    nodes.rounds(pairs)

    assert nodes.all(Entry, "name", "account") == [[("of a", "shared"), ("of c", "shared")]] * 3
    later()
    nodes.rows("c", Entry).all().delete()
    nodes.rounds(pairs)
    assert nodes.all(Entry, "name") == [[], [], []]
    nodes.assert_at_rest(pairs)


def test_key_that_was_given_out_again_at_its_maker_is_another_object_everywhere(nodes, pairs):
    made = nodes.rows("a", Node).create(name="first")
    nodes.rows("a", Node).create(name="child of first", parent=made)
    nodes.rounds(pairs)
    later()
    nodes.rows("a", Node).all().delete()
    nodes.rows("a", Node).create(pk=made.pk, name="second")

    nodes.rounds(pairs)

    assert nodes.all(Node, "name") == [["second"]] * 3
    nodes.assert_at_rest(pairs)
    later()
    nodes.rows("c", Node).update(name="changed at c")
    nodes.rounds(pairs)
    assert nodes.all(Node, "name") == [["changed at c"]] * 3


def test_key_that_was_given_out_again_bit_by_bit_is_another_object_everywhere(nodes):
    made = nodes.rows("a", Item).create(name="first")
    nodes.rounds(STAR)
    later()
    nodes.rows("a", Item).all().delete()
    nodes.run("a", "b")
    nodes.rows("a", Item).create(pk=made.pk, name="second")
    nodes.run("a", "b")
    later()
    nodes.rows("a", Item).all().delete()
    nodes.rows("a", Item).create(pk=made.pk, name="third")
    nodes.run("a", "b")

    nodes.rounds(STAR)

    assert nodes.all(Item, "name") == [["third"]] * 3
    nodes.assert_at_rest(STAR)


def test_key_that_another_node_than_the_maker_has_given_out_again_is_another_object(nodes):
    """At the hub, a row that came from A goes, and its number is given to an object of the hub's own."""
    nodes.rows("a", Item).create(name="of a")
    nodes.rounds(STAR)
    later()
    here = nodes.rows("b", Item).get()
    nodes.rows("b", Item).all().delete()
    nodes.rows("b", Item).create(pk=here.pk, name="of the hub")

    nodes.rounds(STAR)

    assert nodes.all(Item, "name") == [["of the hub"]] * 3
    nodes.assert_at_rest(STAR)
    later()
    nodes.rows("c", Item).update(cash=7)
    nodes.rounds(STAR)
    assert nodes.all(Item, "name", "cash") == [[("of the hub", 7)]] * 3


def test_key_that_the_hub_gives_out_again_after_the_delete_was_sent_is_another_object(nodes):
    nodes.rows("a", Item).create(name="of a")
    nodes.rounds(STAR)
    later()
    here = nodes.rows("b", Item).get()
    nodes.rows("b", Item).all().delete()
    nodes.rounds(STAR)
    assert nodes.all(Item, "name") == [[], [], []]
    later()
    nodes.rows("b", Item).create(pk=here.pk, name="of the hub")

    nodes.rounds(STAR)

    assert nodes.all(Item, "name") == [["of the hub"]] * 3
    later()
    nodes.rows("a", Item).update(cash=7)
    nodes.rounds(STAR)
    assert nodes.all(Item, "name", "cash") == [[("of the hub", 7)]] * 3
    nodes.assert_at_rest(STAR)


def test_synchro_link_gives_an_object_the_names_of_both_sides(nodes):
    """All three were loaded with the same rows past the log; each link merges the names of two nodes."""
    for name, first in (("a", 1), ("b", 1), ("c", 1)):
        for number in range(3):
            nodes.rows(name, Item).create(pk=first + number, name=f"item {number}", cash=number)
    for pair in STAR:
        assert nodes.command(*pair, "synchro_reset", "--noinput").returncode == 0
    for pair in (("a", "b"), ("c", "b")):
        done = nodes.command(*pair, "synchro_link")
        assert done.returncode == 0, done.stderr
    nodes.rounds(STAR)
    later()

    nodes.rows("a", Item).filter(cash=1).update(name="changed at a")
    nodes.rows("c", Item).filter(cash=2).update(name="changed at c")
    nodes.rounds(STAR)
    nodes.rounds((("a", "c"), ("c", "a")))  # which have never met

    assert nodes.all(Item, "name") == [["changed at a", "changed at c", "item 0"]] * 3
    assert nodes.counterparts("a", "c", Item) == {1: 1, 2: 2, 3: 3}


def test_one_object_has_one_reference_where_a_hub_hands_it_on(nodes):
    made = nodes.rows("a", Item).create(name="of a")
    nodes.run("a", "b")
    nodes.run("b", "c")

    maker = nodes.identity("a")
    for name in ("b", "c"):
        [row] = Reference.objects.using(name).filter(model_label="testapp.Item")
        assert (row.source, row.local_pk, row.remote_pk) == (maker, str(made.pk), str(nodes.rows(name, Item).get().pk))
    assert Reference.objects.using("b").get().logged == Reference.objects.using("c").get().logged


def test_counterparts_tell_which_object_is_which(nodes):
    nodes.rows("b", Item).create(name="of the hub")
    made = nodes.rows("a", Item).create(name="of a")
    kept = nodes.rows("a", Account).create(name="kept")
    nodes.rows("a", Keyed).create(code="natural")
    nodes.rounds(STAR)

    [there] = nodes.rows("c", Item).filter(name="of a")
    assert nodes.counterparts("a", "c", Item)[made.pk] == there.pk
    assert nodes.counterparts("c", "a", Item)[there.pk] == made.pk
    assert nodes.counterparts("a", "c", Account) == {kept.pk: kept.pk}
    assert list(nodes.counterparts("a", "c", Keyed).values()) == [nodes.rows("c", Keyed).get().pk]
    unknown = nodes.rows("a", Item).create(name="not sent yet")
    assert unknown.pk not in nodes.counterparts("a", "c", Item)
