"""Random histories of three nodes: equal, nothing lost, nothing twice, every conflict told and no false one.

In a normal run a few histories are always the same ones. ``make fuzz-nodes`` sets ``SYNCHRO_FUZZ_SECONDS`` and gets
new ones for so long; ``SYNCHRO_FUZZ_SEED`` begins with a certain one.
"""

from __future__ import annotations

import os
import time

import pytest

from tests.nodes.histories import Player, Wrong, random_history, shortened
from tests.nodes.nodes import TOPOLOGIES
from tests.testapp.models import Account, Item

SECONDS = float(os.environ.get("SYNCHRO_FUZZ_SECONDS", "0"))
FIRST = int(os.environ.get("SYNCHRO_FUZZ_SEED", "20"))
LENGTH = 30


@pytest.mark.parametrize("model", [Item, Account], ids=["automatic keys", "kept keys"])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_random_histories_end_as_an_oracle_says(nodes, topology, model):
    pairs = TOPOLOGIES[topology]
    player, seed, until = Player(nodes, pairs, model), FIRST, time.monotonic() + SECONDS
    while seed == FIRST or time.monotonic() < until:
        history = random_history(seed, LENGTH, pairs)
        try:
            player.play(history)
        except Wrong as wrong:
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
        player.settle()
        try:
            player.play(some)
        except Wrong as again:
            found["why"] = str(again)
            return True
        return False

    return shortened(history, fails), found["why"]
