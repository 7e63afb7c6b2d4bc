"""Changes in sequence are no conflict, whatever the clocks say; concurrent ones are, and end the same on all nodes."""

from __future__ import annotations

import datetime

import pytest

from synchro_triggers.models import Checkpoint, Knowledge, Node, Window
from tests.nodes.nodes import MESH, NAMES, RING, STAR
from tests.replay.hearing import later
from tests.testapp.models import Item

HOUR = datetime.timedelta(hours=1)
ON_TIME = datetime.timedelta()
AHEAD = {"a": HOUR, "b": ON_TIME, "c": -HOUR}


@pytest.fixture
def item(nodes, pairs):
    """An object that all nodes have, and that each of them has sent and received."""
    nodes.rows("a", Item).create(name="shared", cash=0)
    nodes.rounds(pairs)
    later()


def change(nodes, name, cash):
    with nodes.clock_of(name, AHEAD[name]):
        assert nodes.rows(name, Item).update(cash=cash) == 1
    later()


def cash(nodes):
    return [list(nodes.rows(name, Item).values_list("cash", flat=True)) for name in NAMES]


@pytest.mark.parametrize("order", ["abc", "cba", "bca"])
def test_changes_in_sequence_are_no_conflict_an_hour_apart(nodes, pairs, item, order):
    for number, name in enumerate(order * 2, 1):
        change(nodes, name, number)
        assert nodes.rounds(pairs) == []
        assert cash(nodes) == [[number]] * 3

    nodes.assert_at_rest(pairs)


@pytest.mark.parametrize("policy", ["newest", "remote", "local"])
def test_change_of_what_was_received_is_no_conflict_before_all_know_of_it(nodes, settings, policy):
    settings.SYNCHRO_CONFLICT = policy
    nodes.rows("a", Item).create(name="shared", cash=0)
    nodes.rounds(STAR)
    later()

    change(nodes, "a", 1)
    told = nodes.rounds([("a", "b"), ("b", "c")], 1)
    change(nodes, "c", 2)  # which has seen A's
    told += nodes.rounds([("c", "b"), ("b", "a"), ("a", "b")], 1)

    assert told == [] and cash(nodes) == [[2]] * 3
    nodes.assert_at_rest(STAR)


@pytest.mark.parametrize("by", ["ab", "bc", "ac", "abc"])
def test_concurrent_changes_end_as_the_newest_on_all_nodes_and_are_told(nodes, pairs, item, by):
    for number, name in enumerate(by, 1):
        change(nodes, name, number)

    told = nodes.rounds(pairs)

    newest = by.index(max(by, key=AHEAD.__getitem__)) + 1
    assert cash(nodes) == [[newest]] * 3
    assert told
    nodes.assert_at_rest(pairs)


def test_ring_the_other_way_round_ends_the_same(nodes):
    nodes.rows("b", Item).create(name="shared", cash=0)
    ring = [(b, a) for a, b in reversed(RING)]
    nodes.rounds(ring)
    later()
    change(nodes, "c", 1)
    change(nodes, "a", 2)

    nodes.rounds(ring)

    assert cash(nodes) == [[2]] * 3
    nodes.assert_at_rest(ring)


@pytest.mark.parametrize("policy", ["newest", "local", "remote"])
@pytest.mark.parametrize("first", ["a", "c"])
def test_loser_learns_the_winner_as_an_ordinary_newer_one(nodes, settings, policy, first):
    settings.SYNCHRO_CONFLICT = policy
    nodes.rows("b", Item).create(name="shared", cash=0)
    nodes.rounds(STAR)
    later()
    change(nodes, "a", 1)
    change(nodes, "c", 2)

    second = "c" if first == "a" else "a"
    told = nodes.rounds([(first, "b"), (second, "b"), ("b", "a"), ("b", "c")], 1)

    assert len(told) == 1
    assert cash(nodes) == [cash(nodes)[1]] * 3
    nodes.assert_at_rest(STAR)
    change(nodes, "a", 3)
    assert nodes.rounds(STAR) == []
    assert cash(nodes) == [[3]] * 3


@pytest.mark.parametrize("deleter", ["a", "c"])
def test_deletion_and_change_end_the_same_on_all_nodes(nodes, pairs, item, deleter):
    changer = "c" if deleter == "a" else "a"
    with nodes.clock_of(deleter, AHEAD[deleter]):
        nodes.rows(deleter, Item).all().delete()
    later()
    change(nodes, changer, 5)

    told = nodes.rounds(pairs)

    assert cash(nodes) == ([[]] * 3 if AHEAD[deleter] > AHEAD[changer] else [[5]] * 3)
    assert told
    nodes.assert_at_rest(pairs)


def test_deletion_of_what_was_changed_elsewhere_and_received_is_no_conflict(nodes, pairs, item):
    change(nodes, "a", 1)
    nodes.rounds(pairs)
    with nodes.clock_of("c", AHEAD["c"]):
        nodes.rows("c", Item).all().delete()

    assert nodes.rounds(pairs) == []
    assert cash(nodes) == [[]] * 3


def test_change_that_a_node_has_got_another_way_does_not_undo_a_newer_one(nodes):
    """In a mesh, B has A's older change, and brings it to C after A itself has brought a newer one."""
    nodes.rows("a", Item).create(name="shared", cash=0)
    nodes.rounds(MESH)
    later()
    change(nodes, "a", 1)
    nodes.run("a", "b")
    change(nodes, "a", 2)
    nodes.run("a", "c")

    told = nodes.run("b", "c").remarks

    assert told == [] and cash(nodes)[2] == [2]
    nodes.rounds(MESH)
    assert cash(nodes) == [[2]] * 3


def test_knowledge_is_handed_on_with_complete_runs_alone(nodes):
    nodes.rows("a", Item).create(name="shared", cash=0)
    nodes.rounds(STAR)
    maker = nodes.identity("a")
    [before] = Knowledge.objects.using("c").filter(author=maker).values_list("number", flat=True)
    change(nodes, "a", 1)
    nodes.run("a", "b")
    nodes.run("b", "c", models=["testapp.Account"])
    assert Knowledge.objects.using("c").get(author=maker, model_label="").number == before
    nodes.run("b", "c")

    assert Knowledge.objects.using("c").get(author=maker, model_label="").number > before


def test_run_of_some_models_is_known_for_those(nodes):
    nodes.rows("a", Item).create(name="shared", cash=0)
    nodes.rounds(STAR)
    later()
    change(nodes, "a", 1)
    nodes.run("a", "b", models=["testapp.Item"])
    nodes.run("b", "c", models=["testapp.Item"])
    change(nodes, "c", 2)

    assert nodes.rounds([("c", "b"), ("b", "a")], 1) == []
    assert cash(nodes) == [[2]] * 3


def test_windows_are_closed_where_users_have_changed_something(nodes):
    nodes.run("a", "b")
    assert not Window.objects.using("a").exists()  # while changes go one way nobody asks for their numbers
    nodes.run("b", "a")
    for number in range(3):
        nodes.rows("a", Item).create(name=f"{number}")
        for _ in range(2):
            nodes.run("a", "b")

    closed = Window.objects.using("a").count()
    assert closed in (3, 4)  # the first may lie before any change
    nodes.run("b", "a")
    assert Window.objects.using("a").count() == closed
    assert Window.objects.using("b").count() <= 1


def test_two_opposite_runs_at_once_with_writers_beside_them_lose_nothing(nodes):
    for number in range(20):
        nodes.rows("a", Item).create(name=f"{number:02}", cash=0)
    nodes.rounds([("a", "b"), ("b", "a")])
    later()
    for turn in range(1, 4):
        started = [nodes.start(*pair) for pair in (("a", "b"), ("b", "a"))]
        for number in range(20):
            name = "ab"[(number + turn) % 2]
            nodes.rows(name, Item).filter(name=f"{number:02}").update(cash=turn * 100 + number)
        for process in started:
            output, errors = process.communicate(timeout=600)
            assert process.returncode == 0, output + errors
        nodes.rounds([("a", "b"), ("b", "a")], 2)
        here, there, _ = nodes.all(Item, "name", "cash")
        assert here == there == [(f"{number:02}", turn * 100 + number) for number in range(20)]
        later()
    nodes.assert_at_rest([("a", "b"), ("b", "a")])


def test_numbers_of_a_node_that_was_moved_go_on_and_none_is_given_twice(nodes):
    nodes.rows("a", Item).create(name="shared", cash=0)
    nodes.rounds(STAR)
    later()
    change(nodes, "a", 1)
    nodes.rounds(STAR)
    before = Checkpoint.objects.using("b").get(source=nodes.identity("a")).number
    Node.objects.using("a").update(fingerprint="another place")

    assert nodes.command("a", "b", "synchro_reset", "--keep-identity", "--noinput").returncode == 0

    assert Checkpoint.objects.using("b").get(source=nodes.identity("a")).number > before
    change(nodes, "a", 2)
    assert nodes.rounds(STAR) == []
    change(nodes, "c", 3)
    assert nodes.rounds(STAR) == []
    assert cash(nodes) == [[3]] * 3
    nodes.assert_at_rest(STAR)


@pytest.mark.parametrize("policy", ["newest", "remote", "local"])
@pytest.mark.parametrize("order", ["ab", "ba"])
def test_conflict_in_which_the_receiver_s_own_users_win_is_told_once_and_ends_equal(nodes, settings, policy, order):
    settings.SYNCHRO_CONFLICT = policy
    pair = [("a", "b"), ("b", "a")]
    nodes.rows("a", Item).create(name="shared", cash=0)
    nodes.rounds(pair)
    later()
    for number, name in enumerate(order, 1):
        nodes.rows(name, Item).update(cash=number)
        later()

    told = nodes.rounds(pair, 1)

    assert len(told) == 1
    here, there, _ = cash(nodes)
    assert here == there
    nodes.rows("a", Item).update(cash=7)
    assert nodes.rounds(pair, 1) == []


@pytest.mark.parametrize("merge", ["objects", "fields"])
def test_change_that_was_fetched_with_everything_stays_its_authors_and_travels_on(nodes, settings, merge):
    """What all objects are brought for does not take them back to what their sender had received of them before."""
    settings.SYNCHRO_MERGE = merge
    nodes.rows("c", Item).create(name="shared", cash=0)
    nodes.rounds(STAR)
    later()
    change(nodes, "b", 1)

    for arguments in (["--full", "--pull"], ["--full"]):
        done = nodes.command("a", "b", "synchronize", "--verbosity=0", *arguments)
        assert done.returncode == 0, done.stderr
    told = nodes.rounds(STAR)

    assert (told, cash(nodes)) == ([], [[1]] * 3)
    nodes.assert_at_rest(STAR)


@pytest.mark.parametrize("merge", ["objects", "fields"])
def test_what_is_sent_with_everything_is_not_written_over_what_is_newer(nodes, settings, merge):
    """C has not fetched yet what A has changed, and B has received: its own version is older."""
    settings.SYNCHRO_MERGE = merge
    nodes.rows("c", Item).create(name="shared", cash=0)
    nodes.rounds(STAR)
    later()
    change(nodes, "a", 1)
    nodes.run("a", "b")

    nodes.run("c", "b", full=True)

    assert cash(nodes) == [[1], [1], [0]]
    assert (nodes.rounds(STAR), cash(nodes)) == ([], [[1]] * 3)
    nodes.assert_at_rest(STAR)
