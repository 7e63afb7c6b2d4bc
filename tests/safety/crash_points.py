"""Kills a scenario's run at one point after the other, and compares what the next run makes of it.

A run of which nothing was killed says what is right. Killed runs leave databases behind as they are at that instant;
the same commands, run again, must come to the same end: the contents of both, what this package has stored there, and
what receivers have written in the run's transactions. And they must not claim to have done more than there was to do.
"""

from __future__ import annotations

import json
import os
import shlex
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.management import load_command_class
from django.db import connections

from tests.managing import Done, in_process
from tests.safety.aftermath import Contents, contents, differences
from tests.safety.crash_scenarios import Scenario
from tests.safety.killing import Point, ProcessFailed, Statement, Watch, in_fork, points_of
from tests.safety.stage import Prepared

#: Kills in each scenario of a normal run; ``make crash-points`` leaves none out.
FEW = 2


@dataclass(frozen=True)
class Aftermath:
    """What has come of a run.

    Attributes:
        done: how each command has ended.
        contents: of both databases.
        left: what one more run has found to do.
    """

    done: list[Done]
    contents: Contents
    left: list[str]


@dataclass
class Outcome:
    """What was found out about a scenario.

    Attributes:
        statements: that an undisturbed run has sent.
        killed: runs.
        findings: for each killed run after which not all was as it should be: where, and what was not.
    """

    statements: int = 0
    killed: int = 0
    findings: list[str] = field(default_factory=list)


def kill_everywhere(scenario: Scenario, stage: Sequence[Prepared], nodes: dict[str, str]) -> Outcome:
    """Kill the scenario's run at one point after the other.

    Args:
        scenario: whose databases are prepared.
        stage: those, to be put back.
        nodes: their identities, and what to call them.
    """
    for line in (*scenario.commands, *scenario.then, "synchronize"):
        load_command_class("synchro_triggers", line.split()[0])  # once, not in each process

    def undisturbed(watch: Watch) -> Aftermath:
        done = _work(scenario, watch)
        with watch.looks_away():
            return _look(scenario, nodes, done)

    def killed(watch: Watch) -> None:
        _work(scenario, watch)

    def again(watch: Watch) -> Aftermath:
        scenario.connect()
        scenario.before_again()
        return _look(scenario, nodes, _run(scenario.commands))

    _put_back(stage)
    right = in_fork(undisturbed)
    assert right.result is not None and not right.result.left, right.result
    outcome = Outcome(sum(bool(statement.moments) for statement in right.statements))
    for point in _chosen(right.statements, scenario.name):
        _put_back(stage)
        if not in_fork(killed, point).killed:
            continue  # it has come to its end before: a look at the clock has led elsewhere
        outcome.killed += 1
        try:
            problems = _problems(right.result, in_fork(again).result)
        except ProcessFailed as error:
            problems = [str(error)]
        if problems:
            where = f"killed {point.moment} #{point.number} {right.statements[point.number]}"
            outcome.findings.append("\n    ".join([where, *problems]))
    return outcome


def _put_back(stage: Sequence[Prepared]) -> None:
    connections.close_all()
    for prepared in stage:
        prepared.put_back()


def _chosen(statements: Sequence[Statement], name: str) -> list[Point]:
    """Return the points to kill at: all with ``make crash-points``, else a few, other ones in each scenario."""
    points = points_of(statements)
    if os.environ.get("SYNCHRO_CRASH_POINTS"):
        return points
    first = zlib.crc32(name.encode())
    return [points[(first + number * len(points) // FEW) % len(points)] for number in range(FEW)]


# In a process of its own ------------------------------------------------------------------------------


def _work(scenario: Scenario, watch: Watch) -> list[Done]:
    """Do what is to be killed."""
    scenario.connect()
    if scenario.work is None:
        return _run(scenario.commands)
    scenario.work(watch)
    return []


def _run(lines: Sequence[str]) -> list[Done]:
    return [in_process(*_arguments(line)) for line in lines]


def _look(scenario: Scenario, nodes: dict[str, str], done: list[Done]) -> Aftermath:
    """Run what shows what has come of it, and look."""
    done = [*done, *_run(scenario.then)]
    found = contents(scenario.models, nodes)
    report = json.loads(in_process("synchronize", "--json").stdout or "{}")
    left = [f"{report[what]} {what}" for what in ("created", "updated", "deleted", "conflicts") if report.get(what)]
    return Aftermath(done, found, left)


def _arguments(line: str) -> list[str]:
    arguments = shlex.split(line)
    return [*arguments, "--json"] if arguments[0] == "synchronize" else arguments


# What is right ----------------------------------------------------------------------------------------


def _problems(right: Aftermath, found: Aftermath | None) -> list[str]:
    """Return what is not as it is after an undisturbed run."""
    assert found is not None
    problems = [f"one more run has {left}" for left in found.left]
    # What followed has no report to be compared with.
    for wanted, done in zip(right.done, found.done, strict=False):
        if done.returncode != wanted.returncode:
            problems.append(f"exit {done.returncode} instead of {wanted.returncode}: {done.stdout}{done.stderr}")
        elif wanted.stdout.startswith("{"):
            problems += _problems_of_report(json.loads(wanted.stdout), json.loads(done.stdout))
    return [*problems, *differences(right.contents, found.contents)]


def _problems_of_report(wanted: dict[str, Any], report: dict[str, Any]) -> list[str]:
    """Return what the next run tells that it should not: it has as much to do as an undisturbed one, or less."""
    problems = []
    for label, counts in report["models"].items():
        at_most = wanted["models"].get(label, {})
        for what in ("created", "updated", "deleted", "conflicts", "failed"):
            if counts[what] > at_most.get(what, 0):
                problems.append(f"{label}: {counts[what]} {what}, not {at_most.get(what, 0)} at the most")
    failed, expected = ({(each["model"], each["key"]) for each in some["failures"]} for some in (report, wanted))
    if failed != expected:
        problems.append(f"failures {failed} instead of {expected}")
    if report["warnings"] != wanted["warnings"] or report["told"].keys() - wanted["told"].keys():
        problems.append(f"it tells {report['warnings']} {report['told']}, not {wanted['warnings']} {wanted['told']}")
    return problems
