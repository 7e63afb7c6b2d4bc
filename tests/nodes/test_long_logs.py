"""A log that is too long to be looked through in each run tells all the same what its users have changed long ago."""

from __future__ import annotations

import datetime

import pytest

from synchro_triggers.models import ChangeLog, Conflict, UsersChange
from synchro_triggers.replay.log import users_changes
from synchro_triggers.replay.report import Told
from tests.nodes.nodes import STAR
from tests.replay.hearing import later
from tests.testapp.models import Account, Item

PAIR = [("a", "b"), ("b", "a")]


@pytest.fixture
def long_logs(monkeypatch):
    """Logs of which each run sees only what has come since the one before it."""
    monkeypatch.setattr(users_changes, "_READ_ALL", -1)
    monkeypatch.setattr(users_changes, "_CLOCKS_DIFFER", datetime.timedelta())


def change(nodes, name, model, cash):
    assert nodes.rows(name, model).update(cash=cash) == 1
    later()


def run_that_has_to_do_with_something_else(nodes, number):
    nodes.rows("a", Account).create(name=f"else {number}")
    later()
    nodes.run("a", "b")


@pytest.mark.parametrize("model", [Item, Account])
@pytest.mark.parametrize("runs", [1, 2])
def test_change_that_is_older_than_the_run_before_is_a_conflict(nodes, long_logs, model, runs):
    nodes.rows("a", model).create(name="shared")
    nodes.run("a", "b")
    later()
    change(nodes, "b", model, 2)
    for number in range(runs):
        run_that_has_to_do_with_something_else(nodes, number)
    nodes.rows("a", model).filter(name="shared").update(cash=1)
    later()

    dry, report = nodes.run("a", "b", dry_run=True), nodes.run("a", "b")

    assert [each.kind for each in report.remarks] == [Told.LOCAL_WON] and dry.remarks == report.remarks
    [record] = Conflict.objects.using("b")
    assert '"cash": 2' in record.remote_values
    nodes.rows("a", model).filter(name="shared").update(cash=3)
    assert nodes.run("a", "b").remarks == []


def test_change_that_the_sender_has_received_is_none(nodes, long_logs):
    nodes.rows("a", Item).create(name="shared")
    nodes.rounds(PAIR)
    later()
    change(nodes, "b", Item, 2)
    run_that_has_to_do_with_something_else(nodes, 1)
    nodes.run("b", "a")
    change(nodes, "a", Item, 3)

    assert nodes.rounds(PAIR) == []
    assert nodes.all(Item, "cash")[:2] == [[3], [3]]
    nodes.assert_at_rest(PAIR)


def test_row_that_was_pruned_is_not_asked(nodes, long_logs):
    nodes.rows("a", Item).create(name="shared")
    nodes.rounds(STAR)
    later()
    change(nodes, "b", Item, 2)
    run_that_has_to_do_with_something_else(nodes, 1)
    assert UsersChange.objects.using("b").exists()
    ChangeLog.objects.using("b").all()._raw_delete("b")
    change(nodes, "a", Item, 3)

    assert nodes.run("a", "b").remarks == []


def test_nothing_is_noted_where_changes_go_one_way(nodes, long_logs):
    nodes.rows("a", Item).create(name="shared")
    nodes.run("a", "b")
    run_that_has_to_do_with_something_else(nodes, 1)

    assert not UsersChange.objects.using("b").exists()
