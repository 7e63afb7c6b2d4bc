"""Runs that go opposite ways at the same time, with users beside them: who writes waits for other writers."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connections
from django.db.backends.signals import connection_created
from django.db.models.signals import pre_save

from synchro_triggers.models import Conflict, Failure, Introduction
from tests.nodes.nodes import MESH
from tests.replay.hearing import later
from tests.testapp.models import Item

_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_OURS = "/synchro_triggers/replay/"


@contextmanager
def watched() -> Iterator[list[str]]:
    """Yield a list of what SQLite does not let wait: transactions of this package that write after they have read.

    SQLite refuses such a write at once where another connection has written, or is about to commit.
    """
    found: list[str] = []

    def watch(connection, **kwargs):
        if connection.vendor != "sqlite":
            return
        first: list[tuple[str, str]] = []

        def see(statement):
            word = statement.split(None, 1)[0].upper()
            if word in ("BEGIN", "COMMIT") or (word == "ROLLBACK" and " TO " not in statement.upper()):
                first.clear()
            elif word in ("SELECT", "WITH", *_WRITES):
                now = (word, f"{statement[:200]} at {_place()}")
                if driver.in_transaction and first and first[0][0] not in _WRITES and word in _WRITES:
                    found.append(f"{connection.alias}: {first[0][1]}, then {now[1]}")
                    first[:] = [now]  # told once
                elif driver.in_transaction and not first:
                    first.append(now)

        driver = connection.connection
        driver.set_trace_callback(see)

    connection_created.connect(watch)
    try:
        for connection in connections.all(initialized_only=True):
            connection.close()
        yield found
    finally:
        connection_created.disconnect(watch)
        for connection in connections.all(initialized_only=True):
            connection.close()


def _place() -> str:
    ours = [frame for frame in traceback.extract_stack() if _OURS in frame.filename]
    return ", ".join(f"{frame.filename.rpartition(_OURS)[2]}:{frame.lineno}" for frame in ours[-3:]) or "somewhere else"


def refuse(instance, using, **kwargs):
    if using == "c":
        raise ValueError("no new objects today")


@pytest.mark.parametrize("nodes", ["sqlite", "mixed"], indirect=True)
def test_what_writes_on_sqlite_waits_for_other_writers_from_its_first_statement(nodes):
    with watched() as upgraded:
        for name in "abc":
            nodes.rows(name, Item).create(name=f"of {name}", cash=0)
        nodes.rounds(MESH, 2)
        later()
        for name in "ac":
            nodes.rows(name, Item).filter(name="of b").update(cash=ord(name))
        nodes.rounds(MESH, 2)
        pre_save.connect(refuse, sender=Item)
        try:
            nodes.rows("a", Item).create(name="refused")
            for _ in range(2):
                assert len(nodes.run("a", "c").failures) == 1
        finally:
            pre_save.disconnect(refuse, sender=Item)
        [(name, conflict)] = [(name, each) for name in "abc" for each in Conflict.objects.using(name)]
        side = "local" if conflict.result == "remote" else "remote"
        local = "a" if name == "b" else "b"
        done = nodes.command(local, name, "synchro_conflicts", "--take", side, str(conflict.pk))
        assert done.returncode == 0, done.stderr
        for options in (["--keep-identity"], ["--no-input"], ["--new-identity", "--no-input"]):
            done = nodes.command("a", "b", "synchro_reset", *options)
            assert done.returncode == 0, done.stderr
        assert Introduction.objects.using("c").exists() and Failure.objects.using("c").exists()

    assert upgraded == []


def test_first_runs_in_opposite_directions_at_once(nodes):
    for name in "ab":
        for number in range(20):
            nodes.rows(name, Item).create(name=f"{number:02} of {name}")

    for process in [nodes.start(*pair) for pair in (("a", "b"), ("b", "a"))]:
        output, errors = process.communicate(timeout=600)
        assert process.returncode == 0, output + errors
    nodes.rounds([("a", "b"), ("b", "a")], 1)

    here, there, _ = nodes.all(Item, "name")
    assert here == there == sorted(f"{number:02} of {name}" for number in range(20) for name in "ab")
    nodes.assert_at_rest([("a", "b"), ("b", "a")])
