"""Random histories of three nodes, and what must have become of them: an oracle that knows what users have seen.

A history is a list of steps: users of a node make, change or delete an object, by one of several roads, or one node
synchronises to another. Each write has a number, which stands in the object as its value; so a look at a node tells
which write it has. What a write was written upon is what its node had then. After each run the oracle says what the
remote must have now, and which conflicts must have been told, and no others; at the end, that all nodes come to rest,
equal. The rules are those of ``design.md``, section 7, as its model has them.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connections
from django.db.models import Max

from synchro_triggers import Told
from synchro_triggers.models import ChangeLog
from tests.nodes.nodes import NAMES, Nodes
from tests.replay.hearing import later
from tests.testapp.models import Account, Item

#: How far each node's clock is off.
CLOCKS = {
    "a": datetime.timedelta(hours=1),
    "b": datetime.timedelta(),
    "c": datetime.timedelta(hours=-1),
}

ROADS = ("save", "update", "bulk_update", "sql")


class Step(NamedTuple):
    """One step: ``write``, ``delete``, ``make``, or ``again`` at a node, or ``run`` from a node to another.

    ``again`` makes an object under a key that a former one had, where that is not there.

    ``thing`` is the number of an object, modulo those that there are; of a run the name of the remote.
    """

    what: str
    node: str
    thing: Any = 0
    road: str = "save"


class Written(NamedTuple):
    """A write: by whom, when (hybrid time), and whether the object was there after it."""

    author: str
    time: tuple[datetime.datetime, int]
    alive: bool

    def is_newer(self, other: Written, identities: dict[str, str]) -> bool:
        return (self.time, identities[self.author]) > (other.time, identities[other.author])


def random_history(seed: int, length: int, pairs: Sequence[tuple[str, str]]) -> list[Step]:
    """Return a history of which each step may be left out: what cannot be done then is passed over."""
    chance = random.Random(seed)
    steps = [Step("make", chance.choice(NAMES)) for _ in range(2)]
    for _ in range(length):
        kind = chance.random()
        if kind < 0.04:
            steps.append(Step("again", chance.choice(NAMES), chance.randrange(100)))
        elif kind < 0.1:
            steps.append(Step("make", chance.choice(NAMES)))
        elif kind < 0.42:
            steps.append(Step("write", chance.choice(NAMES), chance.randrange(100), chance.choice(ROADS)))
        elif kind < 0.5:
            steps.append(Step("delete", chance.choice(NAMES), chance.randrange(100), chance.choice(("save", "sql"))))
        else:
            steps.append(Step("run", *chance.choice(pairs)))
    return steps


@dataclass
class Oracle:
    """What each node must have.

    Attributes:
        writes: by number.
        at: of each node, object to the number of the write that it has.
        received: of each node, object to the last write that came from elsewhere.
        known: of each node, the writes that it has heard of.
    """

    identities: dict[str, str]
    writes: dict[int, Written] = field(default_factory=dict)
    at: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in NAMES})
    received: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in NAMES})
    known: dict[str, set[int]] = field(default_factory=lambda: {name: set() for name in NAMES})

    def write(self, node: str, thing: str, number: int, logged_at: datetime.datetime, *, alive: bool = True) -> None:
        base = self.received[node].get(thing)
        time = (logged_at, 0)
        if base is not None and self.writes[base].time >= time:
            before = self.writes[base].time
            time = (before[0], before[1] + 1)
        self.writes[number] = Written(node, time, alive)
        self.at[node][thing] = number
        self.known[node].add(number)

    def run(self, local: str, remote: str, found: Mapping[str, int]) -> set[str]:
        """Let a run have been; return the objects of which a conflict must be told.

        Args:
            found: what the remote has after it. That tells who was newer where nothing but the clocks' last digits
                does: a write that comes back to its author in a ring has been received there, too.
        """
        told: set[str] = set()
        for thing, ours in self.at[local].items():
            theirs = self.at[remote].get(thing)
            if theirs == ours:
                continue
            if theirs is None or theirs in self.known[local]:
                wins = True
            elif ours in self.known[remote]:
                wins = False
            else:
                if self.writes[ours].time[0] == self.writes[theirs].time[0]:
                    wins = found.get(thing) == (ours if self.writes[ours].alive else None)
                else:
                    wins = self.writes[ours].is_newer(self.writes[theirs], self.identities)
                if self.writes[ours].alive or self.writes[theirs].alive:
                    told.add(thing)
            if wins:
                self.at[remote][thing] = self.received[remote][thing] = ours
        self.known[remote] |= self.known[local]
        return told

    def present(self, node: str) -> dict[str, int]:
        return {thing: number for thing, number in self.at[node].items() if self.writes[number].alive}


class Wrong(AssertionError):
    """The databases are not as the oracle says."""


class Player:
    """Plays histories on three nodes.

    Args:
        nodes: the nodes.
        pairs: which of them synchronise, in which direction.
        model: of what: ``Item``, or ``Account``, which keeps its key.
    """

    def __init__(self, nodes: Nodes, pairs: Sequence[tuple[str, str]], model: type[Item | Account] = Item) -> None:
        self.nodes, self.pairs, self.model = nodes, pairs, model
        self._number = max((row.cash for name in NAMES for row in nodes.rows(name, model)), default=0)
        for pair in (*pairs, *pairs):  # each of them has met its neighbours
            nodes.run(*pair)

    def settle(self) -> None:
        """Let the nodes come to rest, whatever they have."""
        for pair in self.pairs * 4:
            self.nodes.go(*pair)

    def play(self, history: Iterable[Step]) -> None:
        """Play a history to its end.

        Raises:
            Wrong: something is not as it must be.
        """
        # Numbers go on also where the last ones were of deletes: an earlier history's names are known to all nodes.
        self._oracle = Oracle({name: self.nodes.identity(name) for name in NAMES})
        self._prefix = f"h{self._number}"
        self._things: list[str] = []
        for step in history:
            getattr(self, f"_{step.what}")(step)
        self._come_to_rest()

    def _make(self, step: Step) -> None:
        self._things.append(f"{self._prefix} {len(self._things)}")
        self._log(step, self._things[-1], lambda: self._rows(step).create(name=self._things[-1], cash=self._next()))

    def _again(self, step: Step) -> None:
        """Make an object again, which is the former one: only its key tells who it is."""
        missing = sorted(set(self._things).difference(self._oracle.present(step.node)))
        if self.model is Account and missing:
            thing = missing[step.thing % len(missing)]
            self._log(step, thing, lambda: self._rows(step).create(name=thing, cash=self._next()))

    def _write(self, step: Step) -> None:
        if (thing := self._thing(step)) is not None:
            self._log(step, thing, lambda: self._change(step, self._rows(step).get(name=thing)))

    def _change(self, step: Step, row: Item | Account) -> None:
        row.cash = self._next()
        if step.road == "save":
            row.save(using=step.node)
        elif step.road == "update":
            self._rows(step).filter(pk=row.pk).update(cash=row.cash)
        elif step.road == "bulk_update":
            self._rows(step).bulk_update([row], ["cash"])
        else:
            with connections[step.node].cursor() as cursor:
                table, key = row._meta.db_table, row._meta.pk.column
                cursor.execute(f"UPDATE {table} SET cash = %s WHERE {key} = %s", [row.cash, row.pk])

    def _delete(self, step: Step) -> None:
        if (thing := self._thing(step)) is None:
            return
        self._next()
        row = self._rows(step).get(name=thing)

        def delete() -> None:
            if step.road == "save":
                row.delete(using=step.node)
            else:
                with connections[step.node].cursor() as cursor:
                    cursor.execute(f"DELETE FROM {row._meta.db_table} WHERE {row._meta.pk.column} = %s", [row.pk])

        self._log(step, thing, delete, alive=False)

    def _run(self, step: Step) -> None:
        report = self.nodes.go(step.node, step.thing)
        if report.failures:
            raise Wrong(f"{step}: {report.failures}")
        before = {node: self._oracle.present(node) for node in NAMES}
        expected = self._oracle.run(step.node, step.thing, self._found(step.thing))
        self._compare(step)
        told = [each for each in report.remarks if each.kind in {Told.LOCAL_WON, Told.REMOTE_WON}]
        if len(told) != len(expected):
            raise Wrong(f"{step}: conflicts over {sorted(expected)} expected, told {told}; before {before}")

    def _come_to_rest(self) -> None:
        for _ in range(4):
            for pair in self.pairs:
                self._run(Step("run", *pair))
        present = [self._oracle.present(name) for name in NAMES]
        if present != [present[0]] * len(NAMES):
            raise Wrong(f"the oracle itself does not come to rest: {present}")
        for pair in self.pairs:
            report = self.nodes.go(*pair)
            if report.changed:
                raise Wrong(f"{pair} does not come to rest: {report.as_dict()}")

    def _compare(self, step: Step) -> None:
        for name in NAMES:
            found = sorted(self._found(name).items())
            expected = sorted(self._oracle.present(name).items())
            if found != expected:
                raise Wrong(f"{step}: {name} has {found}, not {expected}")

    def _found(self, name: str) -> dict[str, int]:
        rows = self.nodes.rows(name, self.model).filter(name__startswith=f"{self._prefix} ")
        return dict(rows.values_list("name", "cash"))

    # Users ----------------------------------------------------------------------------------------

    def _rows(self, step: Step) -> Any:
        return self.nodes.rows(step.node, self.model)

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _thing(self, step: Step) -> str | None:
        there = sorted(self._oracle.present(step.node))
        return there[step.thing % len(there)] if there else None

    def _log(self, step: Step, thing: str, act: Any, *, alive: bool = True) -> None:
        with self.nodes.clock_of(step.node, CLOCKS[step.node]):
            act()
        log = ChangeLog.objects.using(step.node)
        row = log.get(pk=log.aggregate(last=Max("id"))["last"])
        self._oracle.write(step.node, thing, self._number, row.logged_at, alive=alive)
        later()


def shortened(history: list[Step], fails: Any) -> list[Step]:
    """Return a history that fails too, of which no step can be left out."""
    size = len(history)
    while size:
        start = 0
        while start < len(history):
            shorter = history[:start] + history[start + size :]
            if fails(shorter):
                history = shorter
            else:
                start += size
        size //= 2
    return history
