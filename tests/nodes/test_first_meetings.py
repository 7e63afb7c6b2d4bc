"""Databases that have never met: what two have made, or changed, is a conflict where the two meet first."""

from __future__ import annotations

import datetime

import pytest
from django.test import override_settings

from synchro_triggers import synchro_paused
from synchro_triggers.models import Arrival, Conflict, MetNode, Reference
from synchro_triggers.replay.pruning import prune
from tests.nodes.nodes import NAMES
from tests.replay.hearing import later
from tests.testapp.models import Account, Item, Keyed


@pytest.mark.parametrize("newest", ["a", "c"])
@pytest.mark.parametrize("model", [Keyed, Account], ids=["natural key", "kept key"])
def test_what_two_offices_have_made_is_a_conflict_at_a_hub_that_has_never_sent(nodes, model, newest):
    """Each office sends and fetches in one run; nothing runs at the hub."""
    name = "code" if model is Keyed else "name"
    for number, office in enumerate(("c", "a") if newest == "a" else ("a", "c"), 1):
        nodes.rows(office, model).create(**{name: "x", "cash": number})
        later()

    for office in ("a", "c", "a", "c"):
        nodes.run(office, "b", both=True)

    assert nodes.all(model, "cash") == [[2]] * 3
    assert [name for name in NAMES if Conflict.objects.using(name).exists()] != []


def test_each_side_notes_the_other_one_once(nodes):
    nodes.rows("a", Keyed).create(code="x", cash=1)

    nodes.run("a", "b", both=True)

    assert list(MetNode.objects.using("a").values_list("alias", "node_id")) == [("b", nodes.identity("b"))]
    assert list(MetNode.objects.using("b").values_list("alias", "node_id")) == [("default", nodes.identity("a"))]


CASES = {"natural key": (Keyed, "code"), "kept key": (Account, "name")}


@pytest.fixture(params=CASES.values(), ids=CASES)
def told_by(request):
    """A model whose objects are told by a value of theirs, and its name."""
    return request.param


def _made(nodes, node, model, name, value, cash):
    nodes.rows(node, model).create(**{name: value, "cash": cash})
    later()


def _on_record(nodes):
    return [(name, each.result) for name in NAMES for each in Conflict.objects.using(name)]


@pytest.mark.parametrize("newest", ["a", "c"])
def test_what_two_have_made_is_a_conflict_at_a_hub_that_only_receives(nodes, told_by, newest):
    model, name = told_by
    for number, office in enumerate(("c", "a") if newest == "a" else ("a", "c"), 1):
        _made(nodes, office, model, name, "x", number)

    reports = nodes.run("a", "b"), nodes.run("c", "b")

    assert [report.warnings for report in reports] == [[], []]
    assert nodes.rows("b", model).get().cash == 2
    assert _on_record(nodes) == [("b", "local" if newest == "c" else "remote")]
    nodes.rounds((("b", "a"), ("b", "c"), ("a", "b"), ("c", "b")))
    assert nodes.all(model, "cash") == [[2]] * 3
    assert len(_on_record(nodes)) == 1


@pytest.mark.parametrize("newest", ["a", "c"])
def test_what_two_have_changed_is_a_conflict_however_often_one_has_sent_it(nodes, told_by, newest):
    model, name = told_by
    for node in NAMES:
        with synchro_paused(using=node):
            nodes.rows(node, model).create(**{name: "x", "cash": 0})
    if newest == "a":
        nodes.rows("c", model).update(cash=9)
        later()
    for cash in (1, 2, 3):
        nodes.rows("a", model).update(cash=cash)
        later()
        nodes.run("a", "b")
    if newest == "c":
        nodes.rows("c", model).update(cash=9)
        later()

    nodes.run("c", "b")

    assert nodes.rows("b", model).get().cash == (9 if newest == "c" else 3)
    assert _on_record(nodes) == [("b", "local" if newest == "c" else "remote")]


def test_what_one_has_deleted_and_another_changed_is_a_conflict(nodes):
    for node in NAMES:
        with synchro_paused(using=node):
            nodes.rows(node, Account).create(name="x", cash=0)
    nodes.rows("c", Account).update(cash=1)
    later()
    nodes.rows("a", Account).delete()
    nodes.run("a", "b")

    nodes.run("c", "b")

    assert nodes.all(Account, "cash") == [[], [], [1]]
    assert _on_record(nodes) == [("b", "remote")]
    nodes.rounds((("b", "c"), ("c", "b"), ("b", "a")))
    assert nodes.all(Account, "cash") == [[], [], []]


def test_what_one_has_handed_on_has_the_version_of_its_author(nodes, told_by):
    model, name = told_by
    _made(nodes, "a", model, name, "x", 1)
    nodes.run("a", "c")
    later()
    nodes.run("c", "b")

    nodes.run("a", "b")

    assert _on_record(nodes) == []
    nodes.rows("a", model).update(cash=2)
    later()
    assert nodes.run("a", "b").updated == 1
    assert _on_record(nodes) == []
    assert nodes.rows("b", model).get().cash == 2


def test_what_its_author_changes_again_is_no_conflict_once_somebody_asks(nodes, told_by):
    model, name = told_by
    _made(nodes, "a", model, name, "x", 1)
    nodes.run("a", "b")
    nodes.run("b", "c")
    nodes.rows("a", model).update(cash=2)
    later()
    nodes.run("a", "b")
    nodes.run("b", "c")
    nodes.rows("c", model).update(cash=3)
    later()
    nodes.run("c", "b")
    nodes.run("b", "a")

    assert nodes.all(model, "cash") == [[3]] * 3
    assert _on_record(nodes) == []


def test_what_the_hubs_users_have_changed_since_is_theirs(nodes, told_by):
    model, name = told_by
    _made(nodes, "a", model, name, "x", 1)
    nodes.run("a", "b")
    nodes.rows("b", model).update(cash=2)
    later()
    nodes.run("a", "b")
    _made(nodes, "c", model, name, "x", 3)

    nodes.run("c", "b")

    [conflict] = Conflict.objects.using("b")
    assert (conflict.remote_author, conflict.local_author) == (nodes.identity("b"), nodes.identity("c"))
    assert nodes.rows("b", model).get().cash == 3


def test_fields_that_one_has_not_changed_are_no_conflict(nodes, told_by):
    model, name = told_by
    with override_settings(SYNCHRO_MERGE="fields"):
        for node in NAMES:
            with synchro_paused(using=node):
                nodes.rows(node, model).create(**{name: "x", "cash": 0})
        nodes.rows("a", model).update(cash=1)
        nodes.run("a", "b")
        later()
        nodes.rows("c", model).update(cash=2)
        nodes.run("c", "b")

    assert _on_record(nodes) == [("b", "local")]


def test_what_came_is_written_into_the_references_when_somebody_asks_or_the_log_is_pruned(nodes):
    for number in range(7):
        nodes.rows("a", Item).create(name=f"x{number}")
        nodes.run("a", "b")
    assert Arrival.objects.using("b").count() == 7
    assert {row.number for row in Reference.objects.using("b")} == {None}

    with nodes.turn_of("b"):
        prune(datetime.timedelta(days=1))

    assert not Arrival.objects.using("b").exists()
    times = [row.time for row in Reference.objects.using("b").order_by("pk")]
    assert {row.number for row in Reference.objects.using("b")} == {1}
    assert times == sorted(times)
    assert len(set(times)) == 7


def test_a_conflict_that_the_remote_has_won_before_anybody_asked_is_decided_once(nodes, told_by):
    model, name = told_by
    _made(nodes, "a", model, name, "x", 1)
    nodes.run("a", "b")
    with override_settings(SYNCHRO_CONFLICT="remote"):
        nodes.rows("b", model).update(cash=2)
        later()
        nodes.rows("a", model).update(cash=3)
        later()
        nodes.run("a", "b")
        assert _on_record(nodes) == [("b", "remote")]
        nodes.run("a", "c")

        nodes.run("b", "c")

    assert nodes.rows("c", model).get().cash == 2
    assert _on_record(nodes) == [("b", "remote")]


def test_versions_are_those_that_their_author_gives(nodes, told_by):
    model, name = told_by
    _made(nodes, "a", model, name, "x", 1)
    nodes.run("a", "b")
    nodes.run("a", "c")

    nodes.run("b", "c")

    [at_b], [at_c] = ({(row.number, row.time) for row in Reference.objects.using(node)} for node in ("b", "c"))
    assert at_b == at_c


def test_dry_run_foresees_the_conflict_and_writes_nothing(nodes, told_by):
    model, name = told_by
    _made(nodes, "c", model, name, "x", 2)
    _made(nodes, "a", model, name, "x", 1)
    nodes.run("a", "b")
    before = list(Arrival.objects.using("b").values())

    report = nodes.run("c", "b", dry_run=True)

    assert len(before) == 1
    assert list(Arrival.objects.using("b").values()) == before
    assert [remark.model for remark in report.remarks] == [model._meta.label]


@pytest.mark.parametrize("way", ["both", "pull"])
def test_copy_that_was_linked_has_seen_what_the_hub_had(nodes, told_by, way):
    """A copy of a hub that has received from one database, whose users go on with what they find."""
    model, name = told_by
    _made(nodes, "a", model, name, "x", 1)
    nodes.run("a", "b")
    nodes.import_anew("b", "c", model)
    assert nodes.command("c", "b", "synchro_link").returncode == 0
    nodes.rows("c", model).update(cash=2)
    later()

    nodes.run("c", "b", both=True) if way == "both" else nodes.pull("c", "b")

    assert nodes.rows("b", model).get().cash == 2
    assert _on_record(nodes) == []


def test_what_was_deleted_does_not_come_back_from_one_who_has_not_heard_of_it(nodes):
    """In a mesh: what B has made comes by C, and goes, before B sends to A for the first time."""
    nodes.rows("b", Item).create(name="x")
    nodes.run("b", "c")
    nodes.run("c", "a")
    assert nodes.all(Item, "name") == [["x"]] * 3
    nodes.rows("c", Item).get().delete()
    nodes.run("c", "a")

    nodes.run("b", "a")

    assert nodes.all(Item, "name") == [[], ["x"], []]
    nodes.rounds((("a", "c"), ("c", "a"), ("a", "b"), ("c", "b")))
    assert nodes.all(Item, "name") == [[]] * 3


def test_deletion_of_what_a_database_has_never_had_is_known_there(nodes):
    nodes.rows("b", Item).create(name="x")
    nodes.run("b", "c")
    nodes.rows("c", Item).get().delete()
    nodes.run("c", "a")

    nodes.run("b", "a")

    assert nodes.all(Item, "name") == [[], ["x"], []]
    nodes.rounds((("a", "c"), ("c", "a"), ("a", "b")))
    assert nodes.all(Item, "name") == [[]] * 3


@pytest.mark.parametrize("met", [True, False], ids=["have met", "strangers"])
def test_conflict_that_the_remote_wins_is_on_record_once(nodes, told_by, met):
    model, name = told_by
    if met:
        nodes.rounds((("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")), 1)
    _made(nodes, "a", model, name, "x", 1)
    _made(nodes, "c", model, name, "x", 2)

    nodes.rounds((("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")))

    assert nodes.all(model, "cash") == [[2]] * 3
    assert _on_record(nodes) == [("c", "remote")]
