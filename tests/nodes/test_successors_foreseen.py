"""A database that was put back has not met another one yet: what only looks foresees that, and writes nothing."""

from __future__ import annotations

import pytest

from synchro_triggers.models import Checkpoint, Failure, Introduction, MetNode, Node
from tests.nodes.nodes import STAR, as_json
from tests.replay.hearing import later
from tests.testapp.models import Item


def tables(name):
    """Return what a database says of others."""
    kept = [list(model.objects.using(name).order_by("pk").values()) for model in (Checkpoint, MetNode, Node)]
    return kept, [list(model.objects.using(name).values_list("source")) for model in (Failure, Introduction)]


@pytest.fixture
def put_back(nodes, backups):
    """B has lost something; it has met A since, and not C, which has changed something."""
    for name in ("old", "other"):
        nodes.rows("b", Item).create(name=name, cash=1)
    nodes.rounds(STAR)
    backups.take("b")
    nodes.rows("b", Item).create(name="lost", cash=2)
    nodes.rounds(STAR)
    backups.put_back("b")
    assert nodes.command("a", "b", "synchro_reset", "--keep-identity", "--database", "b").returncode == 0
    nodes.rows("c", Item).filter(name="old").update(cash=3)
    later()


def test_dry_run_foresees_what_a_run_does_and_writes_nothing(nodes, put_back):
    before = tables("b"), tables("c")

    dry = nodes.run("c", "b", dry_run=True)

    assert (tables("b"), tables("c")) == before
    real = nodes.run("c", "b")
    assert dry.as_dict()["models"] == real.as_dict()["models"]
    assert real.changed
    assert tables("b") != before[0]


def test_status_tells_what_waits_and_writes_nothing(nodes, put_back):
    before = tables("b"), tables("c")

    told = as_json(nodes.command("c", "b", "synchro_status", "--json"))

    assert (tables("b"), tables("c")) == before
    assert told["remotes"]["b"]["pending"] == {"testapp.Item": 2}  # with what B has lost
    assert told["remotes"]["b"]["refused"] == ""


def test_a_dry_run_and_status_write_nothing_where_all_have_met(nodes):
    nodes.rounds(STAR)
    nodes.rows("c", Item).create(name="new")
    before = tables("b"), tables("c")

    nodes.run("c", "b", dry_run=True)
    nodes.command("c", "b", "synchro_status")

    assert (tables("b"), tables("c")) == before
