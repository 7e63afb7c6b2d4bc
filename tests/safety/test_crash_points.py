"""Exactly once: a run that is killed before, during or after any statement, and run again, ends as if undisturbed.

``make crash-points`` kills at every statement of every scenario on each vendor pair; a normal run at a few.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest
from django.test import override_settings

from tests.databases import both_committed
from tests.safety.aftermath import names_of_nodes
from tests.safety.crash_points import kill_everywhere
from tests.safety.crash_scenarios import SCENARIOS, Scenario
from tests.safety.stage import set_stage
from tests.shapes.sides import move_remote_keys_on

pytestmark = [both_committed, pytest.mark.all_pairs]


@pytest.fixture(scope="module")
def totals() -> Iterator[Counter[str]]:
    """Sums of what the tests of this module have done; printed at their end."""
    counted: Counter[str] = Counter()
    yield counted
    print("\ncrash points in all: " + ", ".join(f"{number:,} {what}" for what, number in counted.items()))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_run_killed_at_any_statement_ends_as_if_nothing_had_happened(scenario: Scenario, vendor, request, totals):
    server = request.getfixturevalue("postgres_server") if vendor.needs_postgres else None
    started = time.monotonic()
    # Few objects a transaction, so that there are many, and no clock; few tables, for each takes many statements.
    models = [f"testapp.{name}" for name in scenario.models]
    pace = {"SYNCHRO_BATCH_SIZE": 3, "SYNCHRO_BATCH_SECONDS": 60}
    with override_settings(SYNCHRO_MODELS=models, **pace, **scenario.settings):
        move_remote_keys_on("testapp")
        scenario.prepare()
        nodes = names_of_nodes()
        with set_stage(server) as stage:
            outcome = kill_everywhere(scenario, stage, nodes)

    found = {"statements": outcome.statements, "kills": outcome.killed, "findings": len(outcome.findings)}
    totals.update(found)
    seconds = time.monotonic() - started
    print(f"\n{vendor} {scenario.name}: {', '.join(f'{n} {what}' for what, n in found.items())}, {seconds:.0f} s")
    assert outcome.killed
    assert not outcome.findings, f"{len(outcome.findings)} findings\n" + "\n".join(outcome.findings[:20])
