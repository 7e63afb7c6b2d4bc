"""Random histories of three nodes: equal, nothing lost, nothing twice, every conflict told and no false one.

In a normal run a few histories are always the same ones. ``make fuzz-nodes`` sets ``SYNCHRO_FUZZ_SECONDS`` and gets
new ones for so long; ``SYNCHRO_FUZZ_SEED`` begins with a certain one.
"""

from __future__ import annotations

import pytest

from tests.nodes.histories import Player, Step, Wrong, random_history
from tests.nodes.hunting import play_or_fail, seeds
from tests.nodes.nodes import MESH, TOPOLOGIES
from tests.testapp.models import Account, Item

LENGTH = 30


@pytest.mark.parametrize("model", [Item, Account], ids=["automatic keys", "kept keys"])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_random_histories_end_as_an_oracle_says(nodes, topology, model):
    pairs = TOPOLOGIES[topology]
    player = Player(nodes, pairs, model)
    for seed in seeds():
        play_or_fail(seed, random_history(seed, LENGTH, pairs), player.play, Wrong, settle=player.settle)


@pytest.mark.parametrize("nodes", ["sqlite"], indirect=True)
def test_objects_of_a_history_are_not_those_of_an_earlier_one_that_it_has_deleted(nodes):
    """The oracle does not know of that one: who is the newer one of two that are made again hangs on the delete."""
    player = Player(nodes, MESH, Account)
    player.play([Step("make", "a"), *(Step("run", *pair) for pair in MESH), Step("delete", "a")])

    player.play([Step("make", "c"), *[Step("write", "c")] * 5, Step("again", "b"), Step("run", "b", "c")])


def test_history_that_ends_wrong_is_told_in_its_shortest_form():
    settled = []

    def play(history):
        if {3, 5} <= set(history):
            raise Wrong("both")

    with pytest.raises(pytest.fail.Exception, match=r"^seed 7: both\n3\n5$"):
        play_or_fail(7, list(range(10)), play, Wrong, settle=lambda: settled.append(1))

    assert settled
