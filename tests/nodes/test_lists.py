"""Nodes whose ``SYNCHRO_MODELS`` differ: nobody is taken to know what was never sent to it."""

from __future__ import annotations

import pytest

from synchro_triggers.capture.install import uninstall
from synchro_triggers.capture.migrating import rename_labels
from synchro_triggers.models import Checkpoint, Conflict, Knowledge, Node, Window
from synchro_triggers.replay.report import Told
from tests.nodes.nodes import MESH, NAMES
from tests.replay.hearing import later
from tests.testapp.models import Account, Item

ITEM, ACCOUNT = "testapp.Item", "testapp.Account"


def change(nodes, name, model, cash):
    assert nodes.rows(name, model).update(cash=cash) == 1
    later()


def cash(nodes, model=Account):
    return [list(nodes.rows(name, model).values_list("cash", flat=True)) for name in NAMES]


def conflicts(nodes):
    return sum(Conflict.objects.using(name).count() for name in NAMES)


def shared(nodes):
    """An object of both models that all have, and that all have sent and received."""
    nodes.rows("a", Account).create(name="shared")
    nodes.rows("a", Item).create(name="shared")
    nodes.rounds(MESH)
    later()


def assert_conflict_is_seen(nodes):
    """A's last change of an account was sent to B; C has changed it before, without having seen it."""
    told = nodes.run("b", "c").remarks
    told += nodes.run("a", "c").remarks

    assert [each.model for each in told if each.kind == Told.LOCAL_WON] == [ACCOUNT]
    assert conflicts(nodes) == 1
    nodes.run("c", "a")
    assert cash(nodes)[0] == cash(nodes)[2] == [1]


def test_hub_that_does_not_capture_a_model_hands_on_no_knowledge_of_it(nodes):
    nodes.list_models("b", ITEM)
    shared(nodes)
    change(nodes, "c", Account, 2)
    change(nodes, "a", Account, 1)

    nodes.run("a", "b")

    assert_conflict_is_seen(nodes)


def test_hub_that_fetches_some_models_alone_does_the_same(nodes):
    nodes.list_models("b", ITEM)
    shared(nodes)
    change(nodes, "c", Account, 2)
    change(nodes, "a", Account, 1)

    nodes.pull("a", "b")

    assert_conflict_is_seen(nodes)


def test_hub_that_captures_a_model_later_does_not_hand_on_what_it_has_not_logged(nodes):
    nodes.list_models("b", ITEM)
    shared(nodes)
    change(nodes, "c", Account, 2)
    change(nodes, "a", Account, 1)
    nodes.run("a", "b")

    nodes.list_models("b")

    assert_conflict_is_seen(nodes)


def test_node_that_has_received_before_it_had_triggers_does_not_hand_that_on(nodes):
    shared(nodes)
    uninstall("b")
    change(nodes, "c", Account, 2)
    change(nodes, "a", Account, 1)
    nodes.run("a", "b")

    nodes.list_models("b")

    assert_conflict_is_seen(nodes)


def test_complete_run_of_everything_lets_a_node_know_what_it_was_not_sent(nodes):
    nodes.list_models("b", ITEM)
    shared(nodes)
    change(nodes, "a", Account, 1)
    nodes.run("a", "b")
    nodes.list_models("b")
    nodes.run("b", "c", full=True)
    change(nodes, "b", Account, 2)  # on top of A's
    nodes.run("b", "c")
    change(nodes, "c", Account, 3)

    told = nodes.run("a", "c").remarks

    assert told == [] and cash(nodes)[2] == [3]
    nodes.rounds(MESH)
    assert conflicts(nodes) == 0 and cash(nodes) == [[3]] * 3


def test_knowledge_of_the_other_models_is_handed_on_all_the_same(nodes):
    nodes.list_models("b", ITEM)
    shared(nodes)
    nodes.rows("a", Account).update(cash=7)
    change(nodes, "a", Item, 1)
    nodes.run("a", "b")
    change(nodes, "b", Item, 2)  # on top of A's
    nodes.run("b", "c")
    change(nodes, "c", Item, 3)  # on top of B's

    told = nodes.run("a", "c").remarks

    assert [each for each in told if each.model == ITEM] == []
    assert cash(nodes, Item)[2] == [3]
    assert Knowledge.objects.using("c").filter(author=nodes.identity("a"), model_label=ITEM).exists()


def test_change_of_a_model_that_was_off_the_list_for_a_run_is_not_taken_for_sent(nodes):
    shared(nodes)
    change(nodes, "a", Account, 1)
    nodes.list_models("a", ITEM, install_triggers=False)
    assert nodes.run("a", "b").remarks  # that it was left out
    nodes.list_models("a")
    change(nodes, "b", Account, 2)

    told = nodes.run("b", "a").remarks

    assert [each.kind for each in told] == [Told.LOCAL_WON]
    assert conflicts(nodes) == 1
    assert cash(nodes)[:2] == [[2], [2]]


def test_full_run_makes_good_what_was_off_the_list_for_a_run(nodes):
    shared(nodes)
    change(nodes, "a", Account, 1)
    nodes.list_models("a", ITEM, install_triggers=False)
    nodes.run("a", "b")
    assert Checkpoint.objects.using("b").get(source=nodes.identity("a")).lacks == f'["{ACCOUNT}"]'
    nodes.list_models("a")

    nodes.run("a", "b", full=True, models=[ACCOUNT])

    assert Checkpoint.objects.using("b").get(source=nodes.identity("a")).lacks == ""
    change(nodes, "b", Account, 2)
    assert nodes.run("b", "a").remarks == []
    nodes.rounds(MESH)
    assert conflicts(nodes) == 0 and cash(nodes) == [[2]] * 3


def test_model_that_all_list_later_is_known_like_the_others(nodes):
    for name in NAMES:
        nodes.list_models(name, ITEM)
    nodes.rows("a", Item).create(name="shared")
    nodes.rounds(MESH)
    for name in NAMES:
        nodes.list_models(name)
    shared(nodes)
    change(nodes, "a", Account, 1)
    nodes.run("a", "b")
    change(nodes, "b", Account, 2)
    nodes.run("b", "c")
    change(nodes, "c", Account, 3)

    assert nodes.run("a", "c").remarks == []
    nodes.rounds(MESH)
    assert conflicts(nodes) == 0 and cash(nodes) == [[3]] * 3


def test_what_is_known_and_lacking_follows_a_model_that_is_renamed(nodes):
    maker, renames = nodes.identity("a"), [("testapp.Former", ITEM)]
    Checkpoint.objects.using("b").create(
        source=maker, lacks='["testapp.Former"]', unlogged='{"testapp.Former": "1"}', whole='{"testapp.Former": "0"}'
    )
    for author, label, number in (("x", "testapp.Former", 3), ("y", "testapp.Former", 5), ("y", ITEM, 4)):
        Knowledge.objects.using("b").create(author=author, model_label=label, number=number)

    rename_labels("b", renames)

    [stored] = Checkpoint.objects.using("b").values_list("lacks", "unlogged", "whole")
    assert stored == (f'["{ITEM}"]', f'{{"{ITEM}": "1"}}', f'{{"{ITEM}": "0"}}')
    known = Knowledge.objects.using("b").order_by("author").values_list("author", "model_label", "number")
    assert list(known) == [("x", ITEM, 3), ("y", ITEM, 5)]


@pytest.mark.parametrize("pull", [False, True])
def test_nodes_with_equal_lists_note_nothing_of_them(nodes, pull):
    shared(nodes)
    (nodes.pull if pull else nodes.run)("a", "b")

    for name in NAMES:
        assert set(Checkpoint.objects.using(name).values_list("lacks", "unlogged", "whole")) == {("", "", "")}
        assert not Knowledge.objects.using(name).exclude(model_label="").exists()


def test_windows_are_not_numbered_where_nobody_asks_whatever_is_reset(nodes):
    nodes.rows("a", Item).create(name="shared")
    nodes.run("a", "b")
    nodes.rows("a", Item).create(name="more")

    assert nodes.command("a", "b", "synchro_reset", "--noinput").returncode == 0
    Node.objects.using("a").update(fingerprint="another place")
    assert nodes.command("a", "b", "synchro_reset", "--keep-identity").returncode == 0
    assert not Window.objects.using("a").exists()

    nodes.run("b", "a")
    nodes.rows("a", Item).create(name="third")
    nodes.run("a", "b")
    assert nodes.command("a", "b", "synchro_reset", "--noinput").returncode == 0
    assert Window.objects.using("a").exists()
    assert Checkpoint.objects.using("b").get(source=nodes.identity("a")).number > 0
