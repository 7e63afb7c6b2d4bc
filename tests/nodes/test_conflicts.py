"""Conflicts of nodes that synchronise both ways: what is merged, or taken afterwards, travels, and all end equal."""

from __future__ import annotations

import pytest

from synchro_triggers import Decision
from synchro_triggers.models import Checkpoint, Conflict
from tests.nodes.nodes import NAMES, STAR
from tests.replay.hearing import later
from tests.testapp.models import Item, Keyed

PAIR = (("a", "b"), ("b", "a"))
"""Two nodes, both ways."""


def sum_up(conflict):
    return Decision.merged({"cash": conflict.local["cash"] + conflict.remote["cash"]})


noted = []


def note_changed(conflict):
    noted.append((conflict.local_changed, conflict.remote_changed))
    return Decision.LOCAL


def records(nodes):
    return [each for name in NAMES for each in Conflict.objects.using(name)]


def cash(nodes, model=Item):
    return [list(nodes.rows(name, model).values_list("cash", flat=True)) for name in NAMES]


@pytest.fixture
def item(nodes):
    nodes.rows("b", Item).create(name="shared", cash=0)
    nodes.rounds(STAR)
    later()


def change(nodes, name, number, model=Item):
    assert nodes.rows(name, model).update(cash=number) == 1
    later()


@pytest.mark.parametrize("by", ["ab", "ba", "ac", "ca"])
def test_merged_values_are_a_new_version_that_travels(nodes, settings, item, by):
    settings.SYNCHRO_CONFLICT = f"{__name__}.sum_up"
    for number, name in enumerate(by, 1):
        change(nodes, name, number)

    nodes.rounds(STAR)

    assert cash(nodes) == [[3]] * 3
    assert [each.result for each in records(nodes)] == ["merged"]
    nodes.assert_at_rest(STAR)


def test_rule_is_not_told_which_fields_were_changed_in_what_the_remote_has_received(nodes, settings, item):
    settings.SYNCHRO_CONFLICT = f"{__name__}.note_changed"
    noted.clear()

    change(nodes, "a", 1)
    change(nodes, "c", 2)
    nodes.run("a", "b")
    nodes.run("c", "b")
    change(nodes, "b", 3)
    change(nodes, "c", 4)
    nodes.run("c", "b")

    assert noted == [({"cash"}, None), ({"cash"}, {"cash"})]


@pytest.mark.parametrize("policy", ["newest", "local", "remote"])
@pytest.mark.parametrize("by", ["ab", "bc", "ac"])
def test_conflict_is_on_record_once(nodes, settings, item, policy, by):
    settings.SYNCHRO_CONFLICT = policy
    for number, name in enumerate(by, 1):
        change(nodes, name, number)

    nodes.rounds(STAR)

    assert len(records(nodes)) == 1
    assert cash(nodes) == [cash(nodes)[0]] * 3


@pytest.mark.parametrize("policy", ["newest", "local", "remote"])
def test_objects_that_two_nodes_have_made_end_equal_and_are_on_record_once(nodes, settings, policy):
    settings.SYNCHRO_CONFLICT = policy
    nodes.rounds(PAIR)
    for number, name in enumerate("ab", 1):
        nodes.rows(name, Keyed).create(code="x", cash=number)
        later()

    nodes.rounds(PAIR)

    here, there, _ = cash(nodes, Keyed)
    assert here == there and len(records(nodes)) == 1
    change(nodes, "a", 7, Keyed)
    nodes.rounds(PAIR)
    assert cash(nodes, Keyed)[:2] == [[7], [7]] and len(records(nodes)) == 1


@pytest.mark.parametrize("policy", ["local", "remote"])
def test_version_that_is_taken_afterwards_travels_to_all(nodes, settings, item, policy):
    settings.SYNCHRO_CONFLICT = policy
    change(nodes, "a", 1)
    change(nodes, "b", 2)
    nodes.run("a", "b")
    other = "remote" if policy == "local" else "local"
    [made] = Conflict.objects.using("b")

    done = nodes.command("a", "b", "synchro_conflicts", "--take", other, str(made.pk))

    assert done.returncode == 0, done.stderr
    later()
    assert nodes.rounds(STAR) == []
    assert cash(nodes) == [[2 if other == "remote" else 1]] * 3
    nodes.assert_at_rest(STAR)


@pytest.mark.parametrize("deleter", ["a", "b"])
@pytest.mark.parametrize("travels_first", [True, False], ids=["after all have learnt", "at once"])
@pytest.mark.parametrize("at", ["sender", "receiver"])
def test_object_that_is_taken_back_comes_back_everywhere_once(nodes, settings, item, deleter, travels_first, at):
    other = "b" if deleter == "a" else "a"
    settings.SYNCHRO_CONFLICT = "local" if deleter == "a" else "remote"
    nodes.rows(deleter, Item).all().delete()
    later()
    change(nodes, other, 2)
    nodes.run("a", "b")
    [made] = Conflict.objects.using("b")
    if travels_first:
        nodes.rounds(STAR)
    side, local = "remote" if deleter == "a" else "local", "a" if at == "sender" else "b"
    where = ("--here",) if at == "receiver" else ()

    done = nodes.command(local, "b" if local == "a" else "a", "synchro_conflicts", "--take", side, str(made.pk), *where)

    assert done.returncode == 0, done.stderr
    later()
    nodes.rounds(STAR)
    assert cash(nodes) == [[2]] * 3
    change(nodes, "a", 7)
    assert nodes.rounds(STAR) == []
    assert cash(nodes) == [[7]] * 3
    nodes.assert_at_rest(STAR)


def test_conflict_that_a_killed_run_has_decided_is_on_record_once(nodes):
    """The run was killed before it had noted how far it was."""
    nodes.rows("a", Item).create(name="0", cash=0)
    nodes.rounds(PAIR)
    later()
    nodes.rows("a", Item).update(cash=1)
    later()
    nodes.rows("b", Item).update(cash=2)
    checkpoint = Checkpoint.objects.using("b").get(source=nodes.identity("a"))
    assert len(nodes.run("a", "b").remarks) == 1

    checkpoint.save(using="b")
    report = nodes.run("a", "b")

    assert len(report.remarks) == 1  # it is decided again
    assert Conflict.objects.using("b").count() == 1
    nodes.rounds(PAIR)
    assert nodes.all(Item, "cash")[:2] == [[2], [2]]


@pytest.mark.parametrize("asked", ["--take remote", "--show", "--forget"])
def test_conflict_of_somebody_elses_run_is_said_to_be_where_it_can_be_decided(nodes, item, asked):
    change(nodes, "b", 1)
    change(nodes, "c", 2)
    nodes.run("b", "c")
    [made] = Conflict.objects.using("c")
    nodes.run("a", "c")

    done = nodes.command("a", "c", "synchro_conflicts", *asked.split(), str(made.pk))

    assert done.returncode == 2
    assert f"Conflict {made.pk} on 'c' was met by a run of 'b'" in done.stderr
    assert "`manage.py synchro_conflicts --here` in the project of 'c'" in done.stderr
    assert not Conflict.objects.using("c").get().taken


def test_conflict_that_is_nowhere_in_sight_may_be_on_record_in_a_database_beyond(nodes, item):
    change(nodes, "b", 1)
    change(nodes, "c", 2)
    nodes.run("b", "c")

    done = nodes.command("a", "b", "synchro_conflicts", "--take", "remote", "1")

    assert done.returncode == 2
    assert "What other databases have on record is shown and decided in their own projects" in done.stderr
