"""The first run ever of a node to which others send, beside theirs: it knows the versions of all that it brings."""

from __future__ import annotations

import datetime
import threading

import pytest

from synchro_triggers.models import Conflict
from synchro_triggers.replay import run
from synchro_triggers.replay.state.knowledge import RunKnowledge
from tests import processes
from tests.replay.hearing import later
from tests.testapp.models import Item

HOUR = datetime.timedelta(hours=1)


@pytest.fixture(autouse=True)
def sent(nodes):
    """A has sent an object to B, which has never sent anything."""
    with nodes.clock_of("a", HOUR):
        nodes.rows("a", Item).create(name="x", cash=1)
    nodes.run("a", "b")
    later()


def change(nodes, name, cash, ahead=datetime.timedelta()):
    with nodes.clock_of(name, ahead):
        assert nodes.rows(name, Item).filter(name="x").update(cash=cash) == 1
    later()


def assert_that_c_stands(nodes):
    """C's users have changed what A's had, and nobody else: whose clock is behind does not matter."""
    assert nodes.rows("c", Item).get(name="x").cash == 2
    change(nodes, "c", 3)
    nodes.run("a", "c")

    assert nodes.rows("c", Item).get(name="x").cash == 3
    assert not any(Conflict.objects.using(name).exists() for name in "abc")


def test_what_comes_before_others_hear_of_it_has_a_version(nodes, monkeypatch):
    """A's run has ended when B's says that somebody will ask from now on."""
    change(nodes, "a", 2, HOUR)
    note = run.note_met

    def send_before(*args, **kwargs):
        monkeypatch.setattr(run, "note_met", note)
        _, errors = (process := nodes.start("a", "b")).communicate(timeout=600)
        assert process.returncode == 0, errors
        note(*args, **kwargs)

    monkeypatch.setattr(run, "note_met", send_before)
    nodes.run("b", "c")

    assert_that_c_stands(nodes)


#: A run to B that stands still in its transaction, after it has asked whether others may ask B for versions.
SLOW = """
import pathlib, sys, time
import django
from django.db import connections
django.setup()
from synchro_triggers import synchronize
asked, go_on = map(pathlib.Path, sys.argv[1:])
def stand_still(execute, sql, params, many, context):
    found = execute(sql, params, many, context)
    asks = "SELECT EXISTS" in sql and "synchro_triggers_metnode" in sql
    if asks and connections["b"].in_atomic_block and not asked.exists():
        asked.touch()
        while not go_on.exists():
            time.sleep(0.01)
    return found
with connections["b"].execute_wrapper(stand_still):
    synchronize()
"""


def test_it_waits_for_what_does_not_know_that_others_will_ask(nodes, monkeypatch, tmp_path):
    """B's run would write down all versions that it has, and then read what A's run has brought without one."""
    change(nodes, "a", 2, HOUR)
    asked, go_on = tmp_path / "asked", tmp_path / "go on"
    note, close = run.note_met, RunKnowledge.close_window
    slow = processes.start("-c", SLOW, str(asked), str(go_on), env=nodes.env("a", "b"))

    def wait_for_it(*args, **kwargs):
        while not asked.exists():
            assert slow.poll() is None, slow.communicate()
        threading.Timer(1, go_on.touch).start()  # who waits for it does not come to the next step
        note(*args, **kwargs)

    def close_and_let_go(self, position):
        close(self, position)
        go_on.touch()
        assert slow.wait(timeout=600) == 0, slow.communicate()

    monkeypatch.setattr(run, "note_met", wait_for_it)
    monkeypatch.setattr(RunKnowledge, "close_window", close_and_let_go)
    nodes.run("b", "c")
    monkeypatch.undo()

    assert_that_c_stands(nodes)
