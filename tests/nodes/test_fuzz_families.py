"""Random histories of three nodes over families of models: parents, children and links, and natural keys.

In a normal run a few histories are always the same ones. ``make fuzz-nodes`` sets ``SYNCHRO_FUZZ_SECONDS`` and gets
new ones for so long; ``SYNCHRO_FUZZ_SEED`` begins with a certain one.
"""

from __future__ import annotations

import os
import time

import pytest
from django.test import override_settings

from synchro_triggers import Decision
from tests.nodes.families import FAMILIES
from tests.nodes.family_histories import Broken, Player, Step, random_history
from tests.nodes.histories import shortened
from tests.nodes.nodes import STAR, TOPOLOGIES

SECONDS = float(os.environ.get("SYNCHRO_FUZZ_SECONDS", "0"))
FIRST = int(os.environ.get("SYNCHRO_FUZZ_SEED", "20"))
LENGTH = 24

of_families = pytest.mark.parametrize("family", FAMILIES)


def newest_by_hand(conflict):
    """A rule that says the same on all nodes."""
    here, there = (conflict.local_at, conflict.local_author), (conflict.remote_at, conflict.remote_author)
    return Decision.LOCAL if here > there else Decision.REMOTE


def play(player, length, family, pairs, **how):
    seed, until = FIRST, time.monotonic() + SECONDS
    while seed == FIRST or time.monotonic() < until:
        history = random_history(seed, length, family, pairs, **how)
        with override_settings(SYNCHRO_BATCH_SIZE=2 if seed % 2 else 1000):
            try:
                player.play(history)
            except Broken as wrong:
                shortest, why = _shortest(player, history, wrong)
                pytest.fail(f"seed {seed}: {why}\n" + "\n".join(map(str, shortest)))
        seed += 1
    print(f"{seed - FIRST} histories")


def _shortest(player, history, wrong):
    found = {"why": str(wrong)}
    until = time.monotonic() + 120

    def fails(some):
        if time.monotonic() > until:
            return False
        try:
            player.play(some)
        except Broken as again:
            if again.which == wrong.which:
                found["why"] = str(again)
            return again.which == wrong.which
        return False

    return shortened(history, fails), found["why"]


@of_families
@pytest.mark.parametrize("topology", ["star", "mesh"])
@pytest.mark.parametrize("rule", ["newest", f"{__name__}.newest_by_hand"])
def test_what_users_do_is_everywhere_or_on_record(nodes, settings, topology, family, rule):
    settings.SYNCHRO_CONFLICT = rule
    pairs = TOPOLOGIES[topology]
    play(Player(nodes, pairs, family), LENGTH, family, pairs)


@of_families
@pytest.mark.parametrize("rule", ["local", "remote"])
def test_where_a_rule_lets_nodes_differ_that_is_on_record(nodes, settings, family, rule):
    settings.SYNCHRO_CONFLICT = rule
    play(Player(nodes, STAR, family, converges=False), LENGTH, family, STAR)


@of_families
@pytest.mark.parametrize("topology", ["star", "mesh"])
def test_one_write_after_the_other_is_never_a_conflict(nodes, topology, family):
    pairs = TOPOLOGIES[topology]
    play(Player(nodes, pairs, family, one_by_one=True), LENGTH // 2, family, pairs, runs=False)


@of_families
@pytest.mark.parametrize("what", ["make", "edit", "delete"])
def test_row_that_is_missing_in_a_log_is_found(nodes, family, what):
    """The check can fail."""
    runs = [Step("run", *pair) for pair in STAR]

    with pytest.raises(Broken, match="equal"):
        Player(nodes, STAR, family).play([Step("make", "a"), *runs, Step(what, "a"), Step("forget", "a")])
