"""Plays a story on a project: step by step, with the oracle looking on."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from django.core.management import CommandError, call_command
from django.db import IntegrityError, connections, transaction
from django.db.models import ProtectedError, RestrictedError

from synchro_triggers import SynchroError, synchro_paused, synchronize
from synchro_triggers.models import Failure
from tests.databases import Databases
from tests.shapefuzz import ledger
from tests.shapefuzz.content import read
from tests.shapefuzz.foreign import FOREIGN, as_tenant, copy_from_remote, sequence_of
from tests.shapefuzz.hands import GIVES_UP, HANDS, is_automatic
from tests.shapefuzz.oracle import Oracle, Sides
from tests.shapefuzz.plans import Project, Step
from tests.shapefuzz.second_judge import judge_comparison
from tests.shapefuzz.world import World, opened

REFUSED = (IntegrityError, ProtectedError, RestrictedError, ledger.Refusal)


class Found(AssertionError):
    """The oracle, or a hand, has found something wrong."""


@dataclass
class Telling:
    """What was done in a story, in words."""

    lines: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        self.lines.append(line)


def play(project: Project, story: tuple[Step, ...], databases: Databases, folder: Path) -> tuple[str, list[str]]:
    """Play a story.

    Returns:
        What was found, or nothing; and what was done.
    """
    told = Telling()
    try:
        with opened(project, databases, folder) as world:
            Player(world, told).perform(story)
    except Found as found:
        return str(found), told.lines
    except Exception:
        return "an exception:\n" + traceback.format_exc(), told.lines
    return "", told.lines


class Player:
    """Plays the steps of a story."""

    def __init__(self, world: World, told: Callable[[str], None]) -> None:
        self._world, self._tell = world, told
        self._oracle = Oracle(world)
        self._read = partial(read, kept_keys=world.kept_keys, natural_keys=world.natural_keys)

    def perform(self, story: tuple[Step, ...]) -> None:
        for step in (*story, Step("run"), Step("run twice")):
            self._tell(f"- {step}")
            self._perform(step.what, Random(step.seed))
        self._compare()

    def _perform(self, what: str, random: Random) -> None:
        who, _, hand = what.rpartition(": ")
        if what in FOREIGN:
            before = self._read("default")
            with self._attempt("default"):
                self._tell("    " + (FOREIGN[what][0](self._world, random) or "nothing to do"))
            if what == "restore":
                self._oracle.overlook(before, self._read("default"), undone=True)
        elif what == "copy":
            self._tell("    " + (copy_from_remote(self._world, random) or "nothing to do"))
            self._run("run", random)  # at once: what is changed before somebody says what it is, is forgotten
        elif what == "compare":
            self._compare()
        elif what == "run as tenant":
            self._run_as_tenant(random)
        elif what.startswith(("run", "dry")):
            self._run(what, random)
        elif who == "paused":
            self._paused(hand, random)
        else:
            alias = who or "default"
            if alias == "remote":
                self._world.troubled.add("the remote's own users")
            with self._attempt(alias), transaction.atomic(using=alias):
                self._tell("    " + (HANDS[hand][0](self._world, random, alias) or "nothing to do"))
                connections[alias].check_constraints()

    @contextmanager
    def _attempt(self, alias: str) -> Iterator[None]:
        """Do something that the database may refuse."""
        try:
            yield
        except (*REFUSED, *GIVES_UP) as error:
            self._tell(f"    refused: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")

    def _paused(self, hand: str, random: Random) -> None:
        before = self._read("default")
        with self._attempt("default"), synchro_paused():
            self._tell("    " + (HANDS[hand][0](self._world, random, "default") or "nothing to do") + ", paused")
        self._oracle.overlook(before, self._read("default"))
        self._world.refusal.add("first meeting")
        self._world.troubled.add("past the log")

    def _compare(self) -> None:
        found = list(judge_comparison(self._oracle, self._sides()))
        if found:
            raise Found("\n".join(found))

    # Runs -----------------------------------------------------------------------------------------

    def _run(self, what: str, random: Random) -> None:
        for _ in range(4):
            before, numbers = self._sides(), self._numbers()
            ledger.forget()
            try:
                report = synchronize(full="full" in what, dry_run="dry" in what)
            except SynchroError as error:
                self._refused(error, before, random)
                continue
            self._look(what, before, numbers, report)
            if what == "run twice":
                self._run_again(len(report.failures) + getattr(report, "waiting", 0))
            return
        raise Found("refused again and again")

    def _look(self, what: str, before: Sides, numbers: dict[str, int], report: Any) -> None:
        after = self._sides()
        found = []
        if after.local != before.local:
            found.append("a run has changed LOCAL")
        if "dry" in what:
            found += ["a dry run has written"] if after.remote != before.remote else []
        else:
            self._tell(f"    {_described(report)}")
            kept = [
                (each.model_label, getattr(each, "key", each.object_pk)) for each in Failure.objects.using("remote")
            ]
            self._oracle.full = "full" in what
            found += self._oracle.judge(before, after, report, kept)
            found += self._backwards(numbers)
        found += [f"a replay has called {name}" for name in self._world.project.silent if self._has_heard(name)]
        if found:
            raise Found("\n".join(found))

    def _has_heard(self, name: str) -> bool:
        return (name, "remote") in ledger.HEARD

    def _run_again(self, owed: int) -> None:
        """Run once more: nothing is left to do but what the first run owes, of which some may be cured by the rest."""
        before = self._sides()
        ledger.forget()
        report = synchronize()
        self._tell(f"    and again: {_described(report)}")
        after = self._sides()
        if report.failures or ledger.WRITTEN:
            return
        done = report.created + report.updated + report.deleted
        if done > owed or (not owed and after.remote != before.remote):
            raise Found(f"a second run found something to do: {_described(report)}")

    def _run_as_tenant(self, random: Random) -> None:
        alias = random.choice(("default", "remote"))
        if self._world.vendors[alias] != "postgres":
            return
        before, numbers, report = self._sides(), self._numbers(), None
        with as_tenant(self._world, random, alias) as described:
            self._tell(f"    {described}")
            ledger.forget()
            try:
                report = synchronize()
            except SynchroError as error:
                self._tell(f"    refused: {error}")
        if report is not None:
            self._look("run", before, numbers, report)
        elif self._sides() != before:
            raise Found("a refused run has written")

    def _sides(self) -> Sides:
        return Sides(self._read("default"), self._read("remote"))

    def _numbers(self) -> dict[str, int]:
        return {
            each.__name__: sequence_of("remote", each) for each in self._world.written if is_automatic(each._meta.pk)
        }

    def _backwards(self, before: dict[str, int]) -> list[str]:
        after = self._numbers()
        return [
            f"the remote's sequence of {name} went back from {number} to {after[name]}"
            for name, number in before.items()
            if after[name] < number
        ]

    # Refusals -------------------------------------------------------------------------------------

    def _refused(self, error: SynchroError, before: Sides, random: Random) -> None:
        reasons = self._world.refusal
        self._tell(f"    refused: {error}")
        if not reasons:
            raise Found(f"refused for no reason: {error}") from error
        after = self._sides()
        if after.local != before.local:
            raise Found("a refused run has changed LOCAL")
        self._oracle.note_refused(before, after)
        self._tell("    " + find_way_out(self._world, self._oracle, after, random))


def find_way_out(world: World, oracle: Oracle, now: Sides, random: Random) -> str:
    """Do what a refusal advises."""
    reasons = world.refusal
    if "LOCAL is a copy of the remote" in reasons:
        call_command("synchro_reset", new_identity=True, interactive=False, verbosity=0)
        link()
        oracle.settle(now)
        reasons.discard("LOCAL is a copy of the remote")
        return "synchro_reset --new-identity; synchro_link"
    if reasons & {"LOCAL was put back", "LOCAL was moved"}:
        call_command("synchro_reset", keep_identity=True, interactive=False, verbosity=0)
        if "LOCAL was put back" in reasons:
            oracle.put_back(now)
        reasons.difference_update({"LOCAL was put back", "LOCAL was moved"})
        reasons.add("first meeting")
        return "synchro_reset --keep-identity"
    strangers = random.random() < 0.5
    oracle.part(now)
    link(strangers=strangers)
    return f"synchro_link{' --strangers' * strangers}"


def link(**options: bool) -> None:
    """Say which objects are the same; that some differ, or are left undecided, is no trouble here.

    Where none of a model is, all of its objects are others.
    """
    try:
        call_command("synchro_link", verbosity=0, **options)
    except CommandError as error:
        if error.returncode != 1:
            raise
        if in_doubt := re.findall(r"--model ([\w.]+)", str(error)):
            call_command("synchro_link", verbosity=0, strangers=True, models=in_doubt)


def _described(report: Any) -> str:
    counts = {name: getattr(report, name) for name in ("created", "updated", "deleted", "conflicts", "failed")}
    parts = [f"{number} {name}" for name, number in counts.items() if number] or ["nothing"]
    parts += [f"failed {each.model} {each.key}: {each.error}" for each in report.failures[:6]]
    parts += [f"{each.kind} {each.model} {each.key}: {each.reason}" for each in getattr(report, "remarks", ())[:8]]
    parts += [f"{report.waiting} wait"] if getattr(report, "waiting", 0) else []
    return "run: " + "\n      ".join(parts)
