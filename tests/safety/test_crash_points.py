"""Exactly once: a run that is killed before, during or after any statement, and run again, ends as if undisturbed."""

from __future__ import annotations

import json
import os
import shlex
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import load_command_class
from django.db import connections
from django.test import override_settings

from tests.databases import both_committed
from tests.managing import Done, in_process
from tests.safety.aftermath import Contents, contents, differences, names_of_nodes
from tests.safety.crash_scenarios import SCENARIOS, Scenario
from tests.safety.killing import Point, ProcessFailed, Statement, Watch, in_fork
from tests.safety.stage import Prepared, set_stage
from tests.shapes.sides import move_remote_keys_on

pytestmark = [both_committed, pytest.mark.all_pairs]

#: Kills in each scenario of a normal run; ``make crash-points`` leaves none out.
FEW = 6


@dataclass(frozen=True)
class Aftermath:
    """What has come of a run.

    Attributes:
        commands: how each command has ended.
        contents: of both databases.
        left: what one more run has found to do.
    """

    commands: list[Done]
    contents: Contents
    left: list[str]


def perform(scenario: Scenario, nodes: dict[str, str]) -> Aftermath:
    """Run the scenario's commands to their end, and look at what has come of it."""
    scenario.connect()
    scenario.before_again()
    commands = [in_process(*_arguments(line)) for line in (*scenario.commands, *scenario.then)]
    found = contents(nodes)
    report = json.loads(in_process("synchronize", "--json").stdout or "{}")
    left = [f"{report[what]} {what}" for what in ("created", "updated", "deleted", "conflicts") if report.get(what)]
    return Aftermath(commands, found, left)


def _arguments(line: str) -> list[str]:
    arguments = shlex.split(line)
    return [*arguments, "--json"] if arguments[0] == "synchronize" else arguments


def work(scenario: Scenario, watch: Watch) -> None:
    """Do what is to be killed."""
    scenario.connect()
    if scenario.work is not None:
        scenario.work(watch)
        return
    for line in scenario.commands:
        in_process(*_arguments(line))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_run_killed_around_any_statement_ends_as_if_nothing_had_happened(scenario, vendor, request):
    server = request.getfixturevalue("postgres_server") if vendor.needs_postgres else None
    with override_settings(
        SYNCHRO_BATCH_SIZE=3, SYNCHRO_MODELS=[f"testapp.{name}" for name in scenario.models], **scenario.settings
    ):
        move_remote_keys_on("testapp")
        scenario.prepare()
        for line in (*scenario.commands, *scenario.then, "synchronize"):
            load_command_class("synchro_triggers", line.split()[0])  # not once in each process
        nodes = names_of_nodes()
        with set_stage(server) as stage:
            started = time.monotonic()
            statements, killed, findings = kill_everywhere(scenario, stage, nodes)
    seconds = time.monotonic() - started
    print(
        f"\n{vendor} {scenario.name}: {statements} statements, {killed} kills, {len(findings)} findings, {seconds:.0f} s"
    )
    assert killed
    assert not findings, f"{len(findings)} findings\n" + "\n".join(findings[:10])


def kill_everywhere(scenario: Scenario, stage: Sequence[Prepared], nodes: dict[str, str]) -> tuple[int, int, list[str]]:
    """Kill the scenario's run at one point after the other; return its statements, the kills, and what went wrong."""
    put_back(stage)
    expected = in_fork(lambda watch: perform(scenario, nodes)).result
    assert expected is not None and not expected.left, expected
    put_back(stage)
    undisturbed = in_fork(lambda watch: work(scenario, watch))
    sent = [statement for statement in undisturbed.statements if statement.moments]
    killed, findings = 0, []
    for point in chosen(undisturbed.statements, scenario.name):
        put_back(stage)
        if not in_fork(lambda watch: work(scenario, watch), point).killed:
            continue
        killed += 1
        where = f"killed {point.moment} {undisturbed.statements[point.number]} (#{point.number})"
        try:
            found = in_fork(lambda watch: perform(scenario, nodes)).result
        except ProcessFailed as error:
            findings.append(f"{where}\n  {error}")
            continue
        if problems := problems_of(expected, found):
            findings.append(f"{where}\n  " + "\n  ".join(problems))
    return len(sent), killed, findings


def put_back(stage: Sequence[Prepared]) -> None:
    """Let both databases be as they were prepared."""
    connections.close_all()
    for each in stage:
        each.put_back()


def chosen(statements: Sequence[Statement], name: str) -> list[Point]:
    """Return the points to kill at: all with ``make crash-points``, else a few, other ones in each scenario."""
    points = [Point(number, moment) for number, each in enumerate(statements) for moment in each.moments]
    if os.environ.get("SYNCHRO_CRASH_POINTS"):
        return points
    first = zlib.crc32(name.encode()) % len(points)
    return [points[(first + number * len(points) // FEW) % len(points)] for number in range(FEW)]


def problems_of(expected: Aftermath, found: Aftermath) -> list[str]:
    """Return what is not as it is after an undisturbed run."""
    problems = [f"one more run has {left}" for left in found.left]
    for wanted, done in zip(expected.commands, found.commands, strict=True):
        if done.returncode != wanted.returncode:
            problems.append(f"exit {done.returncode} instead of {wanted.returncode}: {done.stdout}{done.stderr}")
        elif done.stdout.startswith("{") and wanted.stdout.startswith("{"):
            problems += problems_of_report(json.loads(wanted.stdout), json.loads(done.stdout))
    return [*problems, *differences(expected.contents, found.contents)]


def problems_of_report(wanted: dict[str, Any], report: dict[str, Any]) -> list[str]:
    """Return what the next run tells that it should not: it has less to do than an undisturbed one, or as much."""
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
