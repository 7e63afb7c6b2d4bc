"""Random histories with runs at once, killed runs, and users beside them: nothing lost, nothing twice, all on record.

In a normal run a few histories are always the same ones. ``make fuzz-nodes`` plays new ones; see ``test_fuzz_nodes.py``.
"""

from __future__ import annotations

import os
import time

import pytest

from tests.nodes.disturbed import SETTINGS, Player, random_history
from tests.nodes.histories import Wrong, shortened
from tests.nodes.nodes import MESH, STAR

SECONDS = float(os.environ.get("SYNCHRO_FUZZ_SECONDS", "0"))
FIRST = int(os.environ.get("SYNCHRO_FUZZ_SEED", "20"))
AT_LEAST = 2
LENGTH = 14


@pytest.mark.parametrize("pairs", [STAR, MESH], ids=["star", "mesh"])
def test_disturbed_histories_end_as_if_one_had_come_after_the_other(nodes, settings, pairs):
    for name, value in SETTINGS.items():
        setattr(settings, name, value)
    player, seed, until = Player(nodes, pairs), FIRST, time.monotonic() + SECONDS
    while seed < FIRST + AT_LEAST or time.monotonic() < until:
        history = random_history(seed, LENGTH, pairs)
        try:
            player.play(history)
        except Wrong as wrong:
            shortest, why = _shortest(player, history, wrong)
            pytest.fail(f"seed {seed}: {why}\n" + "\n".join(map(str, shortest)))
        seed += 1
    print(f"{seed - FIRST} histories, {player.kills} runs killed")
    assert player.kills


def _shortest(player, history, wrong):
    found = {"why": str(wrong)}
    until = time.monotonic() + 120

    def fails(some):
        if time.monotonic() > until:
            return False
        try:
            player.settle()
            player.play(some)
        except Wrong as again:
            found["why"] = str(again)
            return True
        return False

    return shortened(history, fails), found["why"]
