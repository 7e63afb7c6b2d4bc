"""Random histories of three nodes over a family of models: what users may hold the package to.

An oracle of all that cascades do would be a second package. So invariants judge: in the end all nodes are equal and at
rest; what a user has made or changed is there, if nobody has overwritten or deleted it having seen it, or it is on
record; nothing is there twice; where each write has been everywhere before the next one, all is as the users have left
it, and there was no conflict; no run raises, and no foreign key leads to nothing.
"""

# Long: a history is judged by what was noted while it was played.

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connections, transaction

from synchro_triggers.models import ChangeLog, Conflict, Failure, Node, Reference
from synchro_triggers.replay.log.window import highest_id
from tests.nodes import families
from tests.nodes.families import FAMILIES, LINKS, WRITES, Kind, Row, State
from tests.nodes.histories import CLOCKS, Wrong
from tests.nodes.nodes import NAMES, Nodes
from tests.replay.hearing import later

ROADS = ("save", "update", "bulk", "sql")
CODES = tuple("uvwxyz")
ROUNDS = 8


class Broken(Wrong):
    """An invariant does not hold.

    Attributes:
        which: in a word.
    """

    def __init__(self, which: str, where: str) -> None:
        super().__init__(f"{which}: {where}")
        self.which = which


class Step(NamedTuple):
    """One step of users at a node, or a run from a node to another.

    ``thing`` and ``other`` are numbers of what is there, modulo how much there is; of a run, ``thing`` is the remote.
    """

    what: str
    node: str
    thing: Any = 0
    other: int = 0
    road: str = "save"


def random_history(
    seed: int, length: int, family: str, pairs: Sequence[tuple[str, str]], *, runs: bool = True
) -> list[Step]:
    """Return a history of which each step may be left out: what cannot be done then is passed over."""
    chance = random.Random(f"{seed} {family}")
    kinds = FAMILIES[family]
    what = {"make": 3, "edit": 3, "delete": 2}
    what |= {"move": 3} if any(kind.parent for kind in kinds) else {}
    what |= {"rename": 3, "swap": 2} if any(kind.code for kind in kinds) else {}
    what |= {"link": 5, "unlink": 2} if any(kind.model in LINKS for kind in kinds) else {}
    what |= {"run": sum(what.values())} if runs else {}
    steps = [Step("make", chance.choice(NAMES), number) for number in range(len(kinds))]
    for each in chance.choices(list(what), list(what.values()), k=length):
        if each == "run":
            steps.append(Step("run", *chance.choice(pairs)))
        else:
            at = chance.choice(NAMES)
            steps.append(Step(each, at, chance.randrange(100), chance.randrange(100), chance.choice(ROADS)))
    return steps


@dataclass(frozen=True)
class Written:
    """What a user has done to one object.

    Attributes:
        upon: the number of the write that was there; ``0``: the object was made.
        alive: the object was there after it.
        thing: which object it is.
        parent: the parent that it was given.
        code: the natural key that it was given.
        along: the object that was deleted, which has taken it along.
    """

    upon: int
    alive: bool
    thing: int
    parent: int = 0
    code: str = ""
    along: int = 0


class Player:
    """Plays histories of a family on three nodes.

    Args:
        nodes: the nodes.
        pairs: which of them synchronise, in which direction.
        converges: the rule says the same on all nodes.
        one_by_one: each write goes everywhere before the next one.
        strangers: no node has met another one before users work.
    """

    def __init__(
        self,
        nodes: Nodes,
        pairs: Sequence[tuple[str, str]],
        family: str,
        *,
        converges: bool = True,
        one_by_one: bool = False,
        strangers: bool = False,
    ) -> None:
        self._nodes, self._pairs, self._kinds = nodes, pairs, FAMILIES[family]
        self._converges, self._one_by_one, self._strangers = converges, one_by_one, strangers

    def play(self, history: Iterable[Step]) -> None:
        """Play a history to its end, on nodes that have nothing.

        Raises:
            Wrong: something is not as it must be.
        """
        self._begin_anew()
        self._number = self._things = 0
        self._written: dict[int, Written] = {}
        self._linked: dict[tuple[int, int], set[bool]] = {}
        self._unlinked: set[tuple[int, int]] = set()
        for step in history:
            if step.what == "run":
                self._run(step.node, step.thing)
            else:
                self._use(step)
        self._come_to_rest()
        self._judge()

    def _begin_anew(self) -> None:
        of_kinds = [kind.model for kind in reversed(self._kinds)]
        links = [LINKS[model] for model in of_kinds if model in LINKS]
        own = [each for each in apps.get_app_config("synchro_triggers").get_models() if each is not Node]
        for name in NAMES:
            with transaction.atomic(using=name), connections[name].cursor() as cursor:
                for model in [*links, *of_kinds, *own]:
                    cursor.execute(f"DELETE FROM {model._meta.db_table}")
        for pair in () if self._strangers else (*self._pairs, *self._pairs):  # each of them has met its neighbours
            self._nodes.go(*pair)

    # Users ----------------------------------------------------------------------------------------

    def _use(self, step: Step) -> None:
        before = State(step.node, self._kinds)
        act = getattr(self, f"_{step.what}")(step, before)
        if act is None:
            return
        with self._nodes.clock_of(step.node, CLOCKS[step.node]), transaction.atomic(using=step.node):
            act()
        after = State(step.node, self._kinds)
        self._note(before, after)
        later()
        if self._one_by_one:
            self._settle()
            self._compare_all(after)

    def _note(self, before: State, after: State) -> None:
        """Note what has become of each object, by what is there now."""
        for row in after.rows:
            upon = before.at(row.kind.model, row.key)
            if upon is None or upon.number != row.number:
                parent = after.parent_of(row)
                base = upon.number if upon else 0
                self._written[row.number] = Written(base, True, row.thing, parent.thing if parent else 0, row.code)
        gone = [row for row in before.rows if after.at(row.kind.model, row.key) is None]
        for row in gone:
            self._written[-self._next()] = Written(row.number, False, row.thing, along=gone[0].thing)
        for there, links in (
            (True, set(after.links) - set(before.links)),
            (False, set(before.links) - set(after.links)),
        ):
            for pair in links:
                self._linked.setdefault((pair[0] // WRITES, pair[1] // WRITES), set()).add(there)
        things, links = after.things(), {(pair[0] // WRITES, pair[1] // WRITES) for pair in before.links}
        links -= {(pair[0] // WRITES, pair[1] // WRITES) for pair in after.links}
        self._unlinked |= {pair for pair in links if set(pair) <= set(things)}  # others went with an end

    def _make(self, step: Step, state: State) -> Callable[[], None] | None:
        kind = self._kinds[step.thing % len(self._kinds)]
        self._things += 1
        values: dict[str, Any] = {kind.number: self._value(kind, self._things * WRITES + self._next())}
        if kind.made:
            values[kind.made] = f"made {self._things}"
        if kind.code:
            values[kind.code] = self._free_code(state, step.other)
        if kind.parent:
            if (parent := _one_of(state.of(kind.parent_model), step.other)) is None:
                return None
            values[kind.foreign_key.attname] = parent.key
        return lambda: families.make(step.node, step.road, kind, values)

    def _edit(self, step: Step, state: State) -> Callable[[], None] | None:
        row = _one_of(state.rows, step.thing)
        return None if row is None else self._changes(step, row)

    def _move(self, step: Step, state: State) -> Callable[[], None] | None:
        row = _one_of([row for row in state.rows if row.kind.parent], step.thing)
        if row is None:
            return None
        parent = _one_of([each for each in state.of(row.kind.parent_model) if each.key != row.parent], step.other)
        return None if parent is None else self._changes(step, row, **{row.kind.foreign_key.attname: parent.key})

    def _rename(self, step: Step, state: State) -> Callable[[], None] | None:
        row = _one_of([row for row in state.rows if row.kind.code], step.thing)
        if row is None:
            return None
        return self._changes(step, row, **{row.kind.code: self._free_code(state, step.other)})

    def _swap(self, step: Step, state: State) -> Callable[[], None] | None:
        named = [row for row in state.rows if row.kind.code]
        first = _one_of(named, step.thing)
        second = _one_of([row for row in named if row != first], step.other)
        if first is None or second is None:
            return None
        acts = [
            self._changes(step, first, **{first.kind.code: second.code}),
            self._changes(step, second, **{first.kind.code: first.code}),
        ]
        return lambda: [act() for act in acts] and None

    def _delete(self, step: Step, state: State) -> Callable[[], None] | None:
        row = _one_of(state.rows, step.thing)
        if row is None or families.is_protected(state, row):
            return None
        return lambda: families.delete(state, step.road, row)

    def _link(self, step: Step, state: State) -> Callable[[], None] | None:
        return self._sets_link(step, state, there=True)

    def _unlink(self, step: Step, state: State) -> Callable[[], None] | None:
        return self._sets_link(step, state, there=False)

    def _forget(self, step: Step, state: State) -> Callable[[], None] | None:  # no random history has this
        last = ChangeLog.objects.using(step.node).latest("id")
        return lambda: last.delete(using=step.node) and None

    def _sets_link(self, step: Step, state: State, *, there: bool) -> Callable[[], None] | None:
        owners, targets = (state.of(kind.model) for kind in self._kinds)
        pairs = [
            (owner, target)
            for owner in owners
            for target in targets
            if ((owner.number, target.number) in state.links) is not there
        ]
        if not pairs:
            return None
        pair = pairs[step.thing % len(pairs)]
        return lambda: families.link(step.node, step.road, *pair, there=there)

    def _changes(self, step: Step, row: Row, **values: Any) -> Callable[[], None]:
        values[row.kind.number] = self._value(row.kind, row.thing * WRITES + self._next())
        return lambda: families.change(step.node, step.road, row, values)

    def _free_code(self, state: State, number: int) -> str:
        taken = {row.code for row in state.rows}
        free = [code for code in CODES if code not in taken] or [f"code {self._number}"]
        return free[number % len(free)]

    def _value(self, kind: Kind, number: int) -> Any:
        return kind.model._meta.get_field(kind.number).to_python(number)

    def _next(self) -> int:
        self._number += 1
        return self._number

    # Runs -----------------------------------------------------------------------------------------

    def _run(self, local: str, remote: str) -> bool:
        try:
            with _clock_of_runs(remote):
                report = self._nodes.go(local, remote)
        except Exception as error:
            raise Broken("raised", f"{local} to {remote}: {type(error).__name__}: {error}") from error
        times = Counter(row.thing for row in State(remote, self._kinds).rows)
        if twice := [thing for thing, count in times.items() if count > 1]:
            raise Broken("twice", f"{local} to {remote}: {twice}: {State(remote, self._kinds).contents()}")
        return bool(report.changed)

    def _settle(self) -> None:
        for _ in range(ROUNDS):
            if not self._round():
                return
        if self._converges:
            raise Broken("rest", f"after {ROUNDS} rounds there is still something to do: {self._shown()}")

    def _round(self) -> bool:
        """Run all pairs; tell whether that has written anything, notes of what a node has never had included."""
        before = [ChangeLog.objects.using(name).count() for name in NAMES]
        changed = any([self._run(*pair) for pair in self._pairs])
        return changed or before != [ChangeLog.objects.using(name).count() for name in NAMES]

    def _come_to_rest(self) -> None:
        self._settle()
        if self._converges and self._round():
            raise Broken("rest", "what had nothing to do has something to do again")

    # Judging --------------------------------------------------------------------------------------

    def _compare_all(self, expected: State) -> None:
        """All nodes have what one has, and nothing was told: the write was made having seen all others."""
        for name in NAMES:
            if State(name, self._kinds).contents() != expected.contents():
                raise Broken(
                    "sequence", f"{name} has not what {expected.node} has, {expected.contents()}: {self._shown()}"
                )
            if told := [*Conflict.objects.using(name), *Failure.objects.using(name)]:
                raise Broken("sequence", f"{name} tells {[vars(each) for each in told]}")

    def _judge(self) -> None:
        states = [State(name, self._kinds) for name in NAMES]
        kept = [vars(each) for name in NAMES for each in Failure.objects.using(name)]
        if self._converges and (kept or any(self._contents(each) != self._contents(states[0]) for each in states)):
            raise Broken("equal", f"kept {kept}: {self._shown()}")
        record = set(self._on_record())
        for state in states:
            self._judge_writes(state, record)
            self._judge_links(state, record)
            self._judge_keys(state)

    def _contents(self, state: State) -> list[tuple[Any, ...]]:
        """Return what nodes must have in common: all that they have, but for a limit of rings that the page tells.

        Where runs go one way, the removal of a link does not travel through a node that has never had it.
        """
        if all((remote, local) in self._pairs for local, remote in self._pairs):
            return state.contents()
        return [
            each
            for each in state.contents()
            if each[0] != "link" or (each[1] // WRITES, each[2] // WRITES) not in self._unlinked
        ]

    def _judge_writes(self, state: State, record: set[int]) -> None:
        overwritten = {each.upon for each in self._written.values()}
        there, things = {row.number for row in state.rows}, state.things()
        deleted = {each.thing for each in self._written.values() if not each.alive}
        told = {number // WRITES for number in record}
        for number, written in self._written.items():
            if written.alive and number not in there | overwritten | record:
                raise Broken("lost", f"{number} is lost at {state.node}, and not on record: {self._shown()}")
            if not written.alive and written.thing in things and not {written.thing, written.along} & told:
                raise Broken("deleted", f"{written} was deleted, is there, and not on record: {self._shown()}")
        for row in state.rows:
            written, parent = self._written[row.number], state.parent_of(row)
            if row.code != written.code:
                raise Broken("code", f"{row} has another code than {written} at {state.node}: {self._shown()}")
            moved = (parent.thing if parent else 0) != written.parent
            may_be = row.number in record or written.parent not in things
            if moved and not may_be and (parent is not None or written.parent not in deleted):
                raise Broken("parent", f"{row} has another parent than {written} at {state.node}: {self._shown()}")

    def _judge_links(self, state: State, record: set[int]) -> None:
        things, there = state.things(), {(pair[0] // WRITES, pair[1] // WRITES) for pair in state.links}
        deleted = {each.thing for each in self._written.values() if not each.alive}
        for pair, was in self._linked.items():
            kept = was == {True} and set(pair) <= set(things) and not set(pair) & deleted
            if kept and pair not in there:
                raise Broken("link", f"the link {pair} is lost at {state.node}: {self._shown()}")

    def _judge_keys(self, state: State) -> None:
        if 0 in [end for pair in state.links for end in pair]:
            raise Broken("nothing", f"a link leads to nothing at {state.node}: {self._shown()}")
        for row in state.rows:
            if row.parent is not None and state.parent_of(row) is None:
                raise Broken("nothing", f"{row} leads to nothing at {state.node}: {self._shown()}")

    def _on_record(self) -> Iterator[int]:
        fields = {kind.model._meta.label: kind.number for kind in self._kinds}
        for record in (each for name in NAMES for each in Conflict.objects.using(name)):
            for values in (record.local_values, record.remote_values, record.merged_values):
                if values is not None and record.model_label in fields:
                    yield int(json.loads(values)[fields[record.model_label]])

    def _shown(self) -> str:
        shown = [f"\n  {name}: {State(name, self._kinds).contents()}" for name in NAMES]
        for name in NAMES:
            for each in Conflict.objects.using(name).order_by("id"):
                values = f"{each.local_values} / {each.remote_values}"
                shown.append(
                    f"\n  record at {name}: {each.model_label} {each.kind}, {each.result} ({each.rule}) {values}"
                )
        return "".join(shown)


def _one_of(rows: Sequence[Row], number: int) -> Row | None:
    ordered = sorted(rows, key=lambda row: row.number)
    return ordered[number % len(ordered)] if ordered else None


@contextmanager
def _clock_of_runs(remote: str) -> Iterator[None]:
    """Let what a run writes have the time of a node's clock, as what its users write has."""
    references = Reference.objects.using(remote)
    met, last = dict(references.values_list("pk", "met_at")), highest_id(remote)
    yield
    for pk, met_at in references.values_list("pk", "met_at"):
        if met.get(pk) != met_at:
            references.filter(pk=pk).update(met_at=met_at + CLOCKS[remote])
    for row in ChangeLog.objects.using(remote).filter(id__gt=last):
        ChangeLog.objects.using(remote).filter(pk=row.pk).update(logged_at=row.logged_at + CLOCKS[remote])
