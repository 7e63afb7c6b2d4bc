"""Random histories of three nodes that are disturbed: runs at once, killed runs, users beside a run and in the middle.

A run is a process that stops now and then before a statement, and who goes on next is chosen, by the seed of its step:
another run, a user, or nobody any more, because the process is killed. Users write in transactions of their own, which
may stay open over runs (on PostgreSQL; SQLite has one writer at a time); who finds a row locked tries again later.
Whatever happens, a user has seen what stands there when the write is made; so the ``Ledger`` says what must come of it.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, NamedTuple

from django.db import OperationalError, connections, transaction
from django.db.models import F, Max, Model, QuerySet

from synchro_triggers import RunUnderWay, SyncReport
from synchro_triggers.models import ChangeLog, Conflict
from tests.nodes.histories import CLOCKS, ROADS, Wrong
from tests.nodes.ledger import Cell, Ledger, in_microseconds
from tests.nodes.nodes import NAMES, Nodes
from tests.replay.hearing import receiving
from tests.safety.stepping import MOMENTS, Stepped, wait_for_some
from tests.testapp.models import Account, Entry, Item

#: What histories are played with: a model merged as a whole, one by field, and one that counts; many small batches.
SETTINGS: dict[str, Any] = {
    "SYNCHRO_OPTIONS": {"testapp.Account": {"counters": ("cash",)}, "testapp.Entry": {"merge": "fields"}},
    "SYNCHRO_BATCH_SIZE": 2,
}

#: Seconds after which a process that was told to go on is taken to wait for a lock, and after which it hangs.
A_MOMENT, TOO_LONG = 0.1, 30

_TOLD_BY = {"testapp.Item": "name", "testapp.Entry": "account"}


class Act(NamedTuple):
    """What a user does: ``make``, ``found``, ``write``, ``delete``, ``edit`` (by field) or ``add`` at a node.

    Attributes:
        thing: a number, modulo those that there are.
        road: how it is written.
        stays_open: the transaction is not committed at once.
    """

    what: str
    node: str
    thing: int = 0
    road: str = "save"
    stays_open: bool = False


class Step(NamedTuple):
    """One step: what users do, while runs are under way at once; each of them, and the users, may be missing.

    Attributes:
        runs: who to whom; none: users are alone.
        seed: says who goes on when.
        deadly: some of the runs are killed.
        loud: receivers hear of what the runs write.
    """

    acts: tuple[Act, ...] = ()
    runs: tuple[tuple[str, str], ...] = ()
    seed: int = 0
    deadly: bool = False
    loud: bool = False


def random_history(seed: int, length: int, pairs: Sequence[tuple[str, str]]) -> list[Step]:
    """Return a history of which each step may be left out: what cannot be done then is passed over."""
    chance = random.Random(seed)
    steps = [Step((Act("make", "a"), Act("found", "b"))), *(Step(runs=(pair,)) for pair in pairs)]
    for _ in range(length):
        acts = tuple(_random_act(chance) for _ in range(chance.choice((0, 1, 2, 2, 3, 4))))
        runs = tuple(chance.sample(pairs, chance.choice((0, 1, 1, 1, 2, 2))))
        if len(runs) == 2 and chance.random() < 0.4:
            runs = (runs[0], runs[0][::-1])
        known = tuple(run for run in runs if run in pairs)
        steps.append(Step(acts, known, chance.randrange(10**6), chance.random() < 0.4, chance.random() < 0.3))
    return steps


def _random_act(chance: random.Random) -> Act:
    what = chance.choices(("make", "found", "write", "delete", "edit", "add"), (5, 2, 40, 7, 28, 18))[0]
    return Act(what, chance.choice(NAMES), chance.randrange(100), chance.choice(ROADS), chance.random() < 0.2)


class Player:
    """Plays disturbed histories on three nodes.

    Args:
        nodes: the nodes, with ``SETTINGS``.
        pairs: which of them synchronise, in which direction.
    """

    def __init__(self, nodes: Nodes, pairs: Sequence[tuple[str, str]]) -> None:
        self._nodes, self._pairs = nodes, pairs
        for name in NAMES:  # users have connections of their own, which stay while runs come and go
            connections.settings[_user_of(name)] = connections.settings[name]
        for pair in (*pairs, *pairs):
            nodes.run(*pair)
        self._number = 0
        self._open: dict[str, Any] = {}
        self._noted: dict[str, list[Callable[[], None]]] = {name: [] for name in NAMES}
        self.kills = self.acts_beside = self.conflicts = 0

    def settle(self) -> None:
        """Let the nodes come to rest, whatever they have."""
        self._end_transactions()
        for pair in self._pairs * 4:
            self._nodes.go(*pair)

    def play(self, history: Iterable[Step]) -> None:
        """Play a history to its end.

        Raises:
            Wrong: something is not as it must be.
        """
        self._ledger = Ledger({name: self._nodes.identity(name) for name in NAMES})
        self._prefix = f"h{self._number}"
        self._things: dict[type[Model], list[str]] = {Item: [], Entry: []}
        self._on_record = {name: _last(Conflict, name) for name in NAMES}
        for step in history:
            with _hearing(step.loud):
                self._play(step)
        self._end_transactions()
        self._come_to_rest()
        if problems := self.problems():
            raise Wrong("\n".join(problems))
        for pair in self._pairs:
            report = self._nodes.go(*pair)
            if report.changed:
                raise Wrong(f"{pair} does not come to rest: {report.as_dict()}")

    # Runs -----------------------------------------------------------------------------------------

    def _play(self, step: Step) -> None:
        acts = deque(step.acts)
        if len(step.runs) == 1 and not (acts or self._open or step.deadly):
            self._nodes.go(*step.runs[0])
        elif step.runs:
            self._together(step, acts)
        for act in acts:
            self._act(act)

    def _together(self, step: Step, acts: deque[Act]) -> None:
        """Let runs go on in turn, and users between their statements; what users could not do yet stays in ``acts``."""
        chance = random.Random(step.seed)
        self._let_go_of_connections()
        runs = [Stepped(partial(self._nodes.go, *pair)) for pair in step.runs]
        ends = [chance.randrange(1, chance.choice((50, 150))) if step.deadly else 0 for _ in runs]
        for run in runs:
            wait_for_some([run], TOO_LONG)  # for its first statement
        current = chance.choice(runs)
        while not all(run.ended for run in runs):
            standing = [run for run in runs if run.stands]
            if not standing:
                self._wait(runs)
                continue
            if current not in standing or chance.random() < 0.5:
                current = chance.choice(standing)
            if acts and chance.random() < 0.1 and self._act(acts[0]):
                acts.popleft()
                self.acts_beside += 1
            if self._open and chance.random() < 0.1:
                self._end_transactions()
            left = ends[runs.index(current)] - current.statements
            far = chance.randrange(1, 12)
            current.go_on(left, chance.choice(MOMENTS)) if 0 < left <= far else current.go_on(far)
            wait_for_some([current], A_MOMENT)
        for pair, run in zip(step.runs, runs, strict=True):
            self._look_at(step, pair, run)

    def _wait(self, runs: Sequence[Stepped[SyncReport]]) -> None:
        """Wait for those who wait for one another, or for a user."""
        if wait_for_some(runs, A_MOMENT):
            return
        self._end_transactions()
        if not wait_for_some(runs, TOO_LONG):
            raise Wrong(f"runs hang: {[run.statements for run in runs if not run.ended]}")

    def _look_at(self, step: Step, pair: tuple[str, str], run: Stepped[SyncReport]) -> None:
        self.kills += run.killed
        if run.error and not (step.runs.count(pair) > 1 and RunUnderWay.__name__ in run.error):
            raise Wrong(f"{pair} of {step}: {run.error}")

    def _let_go_of_connections(self) -> None:
        """Close what a process cannot share; on PostgreSQL, users' transactions go on."""
        for connection in connections.all(initialized_only=True):
            if connection.alias not in map(_user_of, self._open):
                connection.close()

    # Users ----------------------------------------------------------------------------------------

    def _act(self, act: Act) -> bool:
        """Let a user do something; return whether nobody was in the way."""
        alias = _user_of(act.node)
        if act.node not in self._open:
            block = transaction.atomic(using=alias)
            _be_impatient(alias)
            block.__enter__()
            self._open[act.node] = block
        try:
            with transaction.atomic(using=alias):
                noted = getattr(self, f"_{act.what}")(act)
            self._noted[act.node] += noted
            if not act.stays_open or connections[alias].vendor == "sqlite":
                self._commit(act.node)
        except OperationalError as error:
            if not any(word in str(error) for word in ("locked", "lock timeout")):
                raise
            if act.node in self._open:
                self._commit(act.node)
            return False
        return True

    def _commit(self, node: str) -> None:
        noted, self._noted[node] = self._noted[node], []
        self._open.pop(node).__exit__(None, None, None)  # SQLite: refused as long as somebody reads
        for note in noted:
            note()

    def _end_transactions(self) -> None:
        for node in list(self._open):
            self._commit(node)

    def _make(self, act: Act) -> list[Callable[[], None]]:
        thing = self._new(Item)
        return self._log(
            act, {Cell(thing, "cash"): 0}, lambda number: self._rows(act, Item).create(name=thing, cash=number)
        )

    def _found(self, act: Act) -> list[Callable[[], None]]:
        thing = self._new(Entry)

        def found(number: int) -> None:
            self._rows(act, Account).create(name=thing)
            self._rows(act, Entry).create(name=str(number), visits=number, account_id=thing)

        noted = self._log(act, {Cell(thing, "visits"): 0, Cell(thing, "name"): 0}, found)
        return [*noted, partial(self._ledger.add, thing, 0)]

    def _write(self, act: Act) -> list[Callable[[], None]]:
        if (row := self._row(act, Item, "name")) is None:
            return []
        return self._log(act, {Cell(row.name, "cash"): row.cash}, lambda number: _set(row, "cash", number, act.road))

    def _edit(self, act: Act) -> list[Callable[[], None]]:
        if (row := self._row(act, Entry, "account_id")) is None:
            return []
        field, kind = (("name", str), ("visits", int))[act.thing % 2]
        upon = {Cell(row.account_id, field): int(getattr(row, field))}
        return self._log(act, upon, lambda number: _set(row, field, kind(number), act.road))

    def _delete(self, act: Act) -> list[Callable[[], None]]:
        if (row := self._row(act, Item, "name")) is None:
            return []
        return self._log(act, {Cell(row.name, "cash"): row.cash}, lambda number: row.delete(), alive=False)

    def _add(self, act: Act) -> list[Callable[[], None]]:
        if (account := self._row(act, Account, "name")) is None:
            return []
        more = act.thing % 7 - 3
        if act.thing % 3:
            _set(account, "cash", account.cash + more, act.road)
        else:
            self._rows(act, Account).filter(name=account.name).update(cash=F("cash") + more)
        return [partial(self._ledger.add, account.name, more)]

    def _new(self, model: type[Model]) -> str:
        self._things[model].append(f"{self._prefix} {model.__name__} {len(self._things[model])}")
        return self._things[model][-1]

    def _rows(self, act: Act, model: type[Model]) -> QuerySet[Any]:
        return self._nodes.rows(_user_of(act.node), model)

    def _row(self, act: Act, model: type[Model], name: str) -> Any:
        """Return the row of the object that a user has in mind, if the node has it; nobody changes it meanwhile."""
        things = self._things[Item if model is Item else Entry]
        if not things:
            return None
        thing = things[act.thing // 2 % len(things)]
        return self._rows(act, model).filter(**{name: thing}).select_for_update().first()

    def _log(
        self, act: Act, upon: dict[Cell, int], do: Callable[[int], object], *, alive: bool = True
    ) -> list[Callable[[], None]]:
        """Let a user do something, logged by the clock of the node; return what is to be noted at the commit."""
        self._number += 1
        alias = _user_of(act.node)
        before = _last(ChangeLog, alias)
        do(self._number)
        log = _after(ChangeLog, alias, before).filter(origin="")
        logged_at = log.latest("id").logged_at + CLOCKS[act.node]
        log.update(logged_at=logged_at)
        at = in_microseconds(logged_at)
        return [
            partial(self._ledger.note, cell, self._number, act.node, seen, at, alive=alive)
            for cell, seen in upon.items()
        ]

    # What has become of it ------------------------------------------------------------------------

    def _come_to_rest(self) -> None:
        for pair in self._pairs * 3:
            report = self._nodes.go(*pair)
            if report.failures:
                raise Wrong(f"{pair} comes to rest with failures: {report.failures}")

    def problems(self) -> list[str]:
        """Return what is not as it must be, now that the nodes have come to rest."""
        record = [each for name in NAMES for each in _after(Conflict, name, self._on_record[name])]
        self.conflicts += len(record)
        self._ledger.decide(dict(self._held_by("a")))
        problems = [each for name in NAMES for each in self._problems_of(name)]
        return problems + self._ledger.problems_of_record(record, _TOLD_BY)

    def _held_by(self, name: str) -> list[tuple[Cell, int]]:
        """Return what a node has in each cell."""
        items = self._nodes.rows(name, Item).filter(name__startswith=f"{self._prefix} ").values_list("name", "cash")
        entries = self._nodes.rows(name, Entry).filter(account__name__startswith=f"{self._prefix} ")
        found = [(Cell(thing, "cash"), cash) for thing, cash in items]
        for thing, text, visits in entries.values_list("account_id", "name", "visits"):
            found += [(Cell(thing, "name"), int(text)), (Cell(thing, "visits"), visits)]
        return found

    def _problems_of(self, name: str) -> list[str]:
        found = self._held_by(name)
        accounts = self._nodes.rows(name, Account).filter(name__startswith=f"{self._prefix} ")
        sums = dict(accounts.values_list("name", "cash"))
        expected = sorted(self._ledger.expected().items())
        problems = [f"{name} has {cell} {value}" for cell, value in sorted(found) if (cell, value) not in expected]
        problems += [f"{name} lacks {cell} {value}" for cell, value in expected if (cell, value) not in found]
        problems += [f"{name} has {each} twice" for each in found if found.count(each) > 1]
        return problems + ([f"{name} counts {sums}, not {self._ledger.sums}"] if sums != self._ledger.sums else [])


def _user_of(node: str) -> str:
    return f"user_of_{node}"


def _be_impatient(alias: str) -> None:
    """Let a user not wait for a lock: who has it does not go on meanwhile."""
    with connections[alias].cursor() as cursor:
        postgres = connections[alias].vendor == "postgresql"
        cursor.execute("SET lock_timeout = '5ms'" if postgres else "PRAGMA busy_timeout = 0")


def _last(model: type[Model], alias: str) -> int:
    last: int | None = model._default_manager.using(alias).aggregate(last=Max("pk"))["last"]
    return last or 0


def _after(model: type[Any], alias: str, key: int) -> QuerySet[Any]:
    return QuerySet(model, using=alias).filter(pk__gt=key)


def _set(row: Any, field: str, value: Any, road: str) -> None:
    """Let a user give a field a value, by one of several roads."""
    rows = QuerySet(type(row), using=row._state.db)
    setattr(row, field, value)
    if road == "save":
        row.save(using=row._state.db)
    elif road == "update":
        rows.filter(pk=row.pk).update(**{field: value})
    elif road == "bulk_update":
        rows.bulk_update([row], [field])
    else:
        table, column = row._meta.db_table, row._meta.pk.column
        with connections[rows.db].cursor() as cursor:
            cursor.execute(f'UPDATE "{table}" SET "{field}" = %s WHERE "{column}" = %s', [value, row.pk])


def _hear(**_: object) -> None:
    """Hear of what a run writes."""


@contextmanager
def _hearing(loud: bool) -> Iterator[None]:
    with receiving("post_save", Item, _hear) if loud else nullcontext():
        yield
