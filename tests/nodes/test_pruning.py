"""Pruning keeps what some known node has not passed; who stays away for too long is refused, and told the way back."""

from __future__ import annotations

import pytest

from synchro_triggers import Refused
from synchro_triggers.models import ChangeLog, Conflict, Node, Reference, Window
from tests.managing import in_process
from tests.nodes.nodes import NAMES, RING, STAR
from tests.replay.hearing import later
from tests.testapp.models import Account, Item

BACK = ("synchronize", "--full", "--both", "--verbosity=0")


def change(nodes, name, cash, of="shared"):
    assert nodes.rows(name, Item).filter(name=of).update(cash=cash) == 1
    later()


def items(nodes):
    return nodes.all(Item, "name", "cash")


def prune(nodes, name, *remotes, keep=0, forget=None):
    later()
    arguments = ["synchro_prune", "--keep", str(keep), *(["--forget", str(forget)] if forget is not None else [])]
    with nodes.turn_of(name, *remotes):
        done = in_process(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tombstones(name):
    return Reference.objects.using(name).filter(remote_pk__startswith="gone:").count()


@pytest.fixture
def shared(nodes):
    """Three objects that all have; one of them is deleted at the hub, and changed at A."""
    for name in ("shared", "other", "gone"):
        nodes.rows("a", Item).create(name=name)
    nodes.rounds(STAR)
    later()


def away(nodes):
    """C stays away: it changes something, the others change and delete something, and meet."""
    change(nodes, "c", 3, "other")
    change(nodes, "a", 1)
    nodes.rows("b", Item).filter(name="gone").delete()
    nodes.rows("b", Account).create(name="new")
    later()
    nodes.rounds([("a", "b"), ("b", "a")], 2)


def test_what_all_have_passed_goes_and_nothing_changes_by_it(nodes, shared):
    nodes.rows("a", Item).filter(name="gone").delete()
    change(nodes, "c", 3)
    nodes.rounds(STAR)
    assert tombstones("c")

    for name, remotes in (("a", "b"), ("b", "ac"), ("c", "b")):
        prune(nodes, name, *remotes)

    assert [ChangeLog.objects.using(name).count() for name in NAMES] == [0, 0, 0]
    assert [tombstones(name) for name in NAMES] == [0, 0, 0]
    assert all(Window.objects.using(name).count() <= 2 for name in NAMES)
    nodes.assert_at_rest(STAR)
    change(nodes, "a", 5)
    change(nodes, "c", 6)  # concurrent, and newer
    told = nodes.rounds(STAR)
    assert len(told) == 1
    assert items(nodes) == [[("other", 0), ("shared", 6)]] * 3
    nodes.assert_at_rest(STAR)


def test_node_that_is_away_within_the_limit_misses_nothing(nodes, shared):
    away(nodes)

    kept = prune(nodes, "b", "a", "c")
    prune(nodes, "a", "b")

    assert "c" in kept
    assert ChangeLog.objects.using("b").exists()
    assert not Node.objects.using("b").get().forgotten
    assert nodes.rounds(STAR) == []
    assert items(nodes) == [[("other", 3), ("shared", 1)]] * 3
    nodes.assert_at_rest(STAR)


def test_deletion_that_an_absent_node_has_not_seen_meets_its_change(nodes, shared):
    nodes.rows("a", Item).filter(name="gone").delete()
    later()
    change(nodes, "c", 7, "gone")
    nodes.rounds([("a", "b"), ("b", "a")], 2)
    prune(nodes, "b", "a", "c")
    prune(nodes, "a", "b")

    told = nodes.rounds(STAR)

    assert told
    assert items(nodes) == [[("gone", 7), ("other", 0), ("shared", 0)]] * 3
    nodes.assert_at_rest(STAR)


@pytest.mark.parametrize("pair", [("c", "b"), ("b", "c")])
def test_node_that_is_away_beyond_the_limit_is_refused_both_ways(nodes, shared, pair):
    away(nodes)
    before = items(nodes)
    told = prune(nodes, "b", "a", "c", forget=0)
    assert "c" in told
    assert not ChangeLog.objects.using("b").exists()

    done = nodes.command(*pair, "synchronize")

    assert done.returncode == 3
    assert "--full --both" in done.stderr and "synchro_link" in done.stderr
    assert items(nodes) == before
    with pytest.raises(Refused):
        nodes.run(*pair, full=True)  # one way alone would be half of it
    assert items(nodes) == before
    nodes.assert_at_rest([("a", "b"), ("b", "a")])


@pytest.mark.parametrize("pair", [("c", "b"), ("b", "c")])
def test_everything_both_ways_is_a_way_back(nodes, shared, pair):
    away(nodes)
    prune(nodes, "b", "a", "c", forget=0)

    done = nodes.command(*pair, *BACK)

    assert done.returncode == 0, done.stderr
    nodes.rounds(STAR)
    there = items(nodes)
    assert there == [there[0]] * 3
    assert ("other", 3) in there[0] and ("shared", 1) in there[0]  # nobody's change is lost
    assert nodes.all(Account, "name") == [["new"]] * 3
    nodes.assert_at_rest(STAR)
    assert not Node.objects.using("b").get().forgotten
    change(nodes, "c", 9)
    assert nodes.rounds(STAR) == []
    assert {("shared", 9)} <= set(items(nodes)[0])


@pytest.mark.parametrize("pair", [("c", "b"), ("b", "c")])
def test_way_back_brings_what_both_sides_have_made_under_automatic_keys(nodes, shared, pair):
    """The log that said of the hub's that it was made is pruned."""
    away(nodes)
    for name in NAMES:
        nodes.rows(name, Item).create(name=f"of {name}")
    nodes.rounds([("a", "b"), ("b", "a")], 2)
    prune(nodes, "b", "a", "c", forget=0)

    done = nodes.command(*pair, *BACK)

    assert done.returncode == 0, done.stderr
    nodes.rounds(STAR)
    there = nodes.all(Item, "name")
    assert there == [there[0]] * 3
    assert {"of a", "of b", "of c"} <= set(there[0])
    assert len(set(there[0])) == len(there[0])
    nodes.assert_at_rest(STAR)


def test_copy_that_becomes_a_node_of_its_own_is_a_way_back(nodes, shared):
    away(nodes)
    nodes.rows("c", Item).filter(name="other").update(cash=0)
    prune(nodes, "b", "a", "c", forget=0)

    nodes.import_anew("b", "c", Item, Account)
    assert nodes.command("c", "b", "synchro_link").returncode == 0

    nodes.rounds(STAR)
    assert items(nodes) == [[("other", 0), ("shared", 1)]] * 3
    nodes.assert_at_rest(STAR)
    change(nodes, "c", 9)
    assert nodes.rounds(STAR) == []
    assert items(nodes) == [[("other", 0), ("shared", 9)]] * 3


def test_node_that_fetches_says_how_far_it_has_come(nodes):
    nodes.rows("b", Item).create(name="shared")
    nodes.pull("b", "c")

    prune(nodes, "b")

    assert not ChangeLog.objects.using("b").exists()
    nodes.rows("b", Item).create(name="more")
    assert "c" in prune(nodes, "b") or ChangeLog.objects.using("b").exists()
    nodes.pull("b", "c")
    assert nodes.all(Item, "name")[1:] == [["more", "shared"]] * 2


def test_one_that_sends_only_is_kept_what_it_has_never_heard_of(nodes):
    """What the users of B change is a conflict for A, as long as A does not know it."""
    nodes.rows("a", Account).create(name="shared")
    nodes.run("a", "b")
    nodes.rows("b", Account).update(cash=2)

    prune(nodes, "b")

    later()
    nodes.rows("a", Account).update(cash=1)
    [told] = nodes.run("a", "b").remarks
    assert told.model == "testapp.Account"


def test_in_a_ring_own_changes_are_kept_for_the_one_before_until_it_has_heard_of_them(nodes):
    nodes.rows("a", Item).create(name="shared")
    nodes.rounds(RING)
    later()
    change(nodes, "b", 2)
    nodes.run("b", "c")  # all that B sends to has passed it
    assert "kept for" in prune(nodes, "b", "c")
    assert ChangeLog.objects.using("b").filter(origin="").exists()

    nodes.run("c", "a")
    nodes.rows("a", Account).create(name="more")
    nodes.run("a", "b")  # which says that A has heard of it
    prune(nodes, "b", "c")
    assert not ChangeLog.objects.using("b").filter(origin="").exists()

    change(nodes, "a", 3)
    assert nodes.rounds(RING) == []
    assert items(nodes) == [[("shared", 3)]] * 3


def test_change_that_the_one_before_in_a_ring_has_not_heard_of_is_a_conflict_after_pruning(nodes):
    nodes.rows("a", Item).create(name="shared")
    nodes.rounds(RING)
    later()
    change(nodes, "b", 2)
    nodes.run("b", "c")
    prune(nodes, "b", "c")
    change(nodes, "a", 3)

    [told] = nodes.run("a", "b").remarks

    assert told.model == "testapp.Item" and Conflict.objects.using("b").exists()


def test_conflicts_go_with_the_log(nodes, shared):
    change(nodes, "a", 1)
    change(nodes, "c", 2)
    assert nodes.rounds(STAR)
    [where] = [name for name in NAMES if Conflict.objects.using(name).exists()]
    remotes = {"a": "b", "b": "ac", "c": "b"}[where]
    prune(nodes, where, *remotes, keep=1)
    assert Conflict.objects.using(where).exists()

    prune(nodes, where, *remotes)

    assert not Conflict.objects.using(where).exists()


def test_setting_prunes_with_each_run(nodes, shared, settings):
    nodes.rounds(STAR)
    later()
    settings.SYNCHRO_RETENTION = 0

    nodes.run("a", "b")

    assert not ChangeLog.objects.using("a").exists()
    settings.SYNCHRO_RETENTION = None
    nodes.assert_at_rest(STAR)


def test_node_that_has_only_fetched_is_told_by_its_identity(nodes):
    """It calls itself default, as all do; here that is the name of the one that prunes."""
    nodes.rows("b", Item).create(name="shared", cash=0)
    nodes.pull("b", "c")
    change(nodes, "b", 1)

    told = prune(nodes, "b"), prune(nodes, "b", forget=0)

    assert f"1 old log rows are kept for {nodes.identity('c')}, which has not passed them; --forget" in told[0]
    assert f"{nodes.identity('c')} is forgotten" in told[1] and "default" not in "".join(told)
