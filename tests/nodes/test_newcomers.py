"""The first run ever of a second sender, beside one of the first: neither overwrites what it has not seen."""

from __future__ import annotations

import time

from django.db import connections

from synchro_triggers import synchronize
from synchro_triggers.models import Conflict
from tests.nodes.nodes import Nodes
from tests.processes import Process
from tests.replay.hearing import later
from tests.testapp.models import Account, Keyed


class Newcomer:
    """Lets C run to B for the first time when a transaction of A's run asks whether others may ask B for versions."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._until = 0.0
        self.process: Process | None = None

    def __call__(self, execute, sql, params, many, context):
        found = execute(sql, params, many, context)
        asks = "SELECT EXISTS" in sql and "synchro_triggers_metnode" in sql
        if asks and self.process is None and connections["b"].in_atomic_block:
            self.process = self._nodes.start("c", "b")
            self._until = time.monotonic() + (3 if connections["b"].vendor == "sqlite" else 20)
            while self.process.poll() is None and not self._waits():
                time.sleep(0.05)
        return found

    def _waits(self) -> bool:
        """Tell whether C's run waits for A's, as it does on SQLite before it writes anything."""
        if time.monotonic() > self._until:
            return True
        if connections["b"].vendor == "sqlite":
            return False
        with connections["b"].cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)")
            return bool(cursor.fetchone()[0])


def test_what_a_newcomer_has_written_meanwhile_is_not_overwritten(nodes):
    nodes.rows("a", Keyed).create(code="x", cash=1)
    nodes.run("a", "b")
    later()
    nodes.rows("a", Account).create(name="whose row is looked for, and locked, first")
    nodes.rows("a", Keyed).update(cash=2)
    later()
    nodes.rows("c", Keyed).create(code="x", cash=3)
    newcomer = Newcomer(nodes)

    with nodes.turn_of("a", "b"), connections["b"].execute_wrapper(newcomer):
        synchronize()
    assert newcomer.process is not None
    _, errors = newcomer.process.communicate(timeout=600)
    assert newcomer.process.returncode == 0, errors

    assert nodes.rows("b", Keyed).get().cash == 3
    assert Conflict.objects.using("b").exists()
