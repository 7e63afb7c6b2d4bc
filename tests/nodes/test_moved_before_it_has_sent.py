"""A hub is moved to another place that has received, and sent to one office; another has never got anything from it."""

from __future__ import annotations

from synchro_triggers.models import Node
from tests.replay.hearing import later
from tests.testapp.models import Item


def test_windows_are_kept_where_a_remote_has_never_received_anything(nodes):
    nodes.rows("a", Item).create(name="a", cash=1)
    nodes.run("a", "b")
    nodes.rows("b", Item).create(name="b", cash=2)
    later()
    nodes.run("b", "c")
    nodes.run("c", "b")
    Node.objects.using("b").update(fingerprint="of another place")

    assert nodes.command("b", "a", "synchro_reset", "--keep-identity").returncode == 0

    done = nodes.command("b", "a", "synchro_prune", "--keep", "0")
    assert done.returncode == 0, done.stderr
    nodes.run("b", "a")
    nodes.run("b", "c")
    assert nodes.all(Item, "name") == [["a", "b"]] * 3
