"""Random histories of three nodes over families of models: parents, children and links, and natural keys.

In a normal run a few histories are always the same ones. ``make fuzz-nodes`` sets ``SYNCHRO_FUZZ_SECONDS`` and gets
new ones for so long; ``SYNCHRO_FUZZ_SEED`` begins with a certain one.
"""

from __future__ import annotations

import pytest
from django.test import override_settings

from synchro_triggers import Decision
from tests.nodes.families import FAMILIES
from tests.nodes.family_histories import Broken, Player, Step, random_history
from tests.nodes.hunting import play_or_fail, seeds
from tests.nodes.nodes import RING, STAR, TOPOLOGIES

LENGTH = 24

of_families = pytest.mark.parametrize("family", FAMILIES)


def newest_by_hand(conflict):
    """A rule that says the same on all nodes."""
    here, there = (conflict.local_at, conflict.local_author), (conflict.remote_at, conflict.remote_author)
    return Decision.LOCAL if here > there else Decision.REMOTE


def play(player, length, family, pairs, **how):
    for seed in seeds():
        history = random_history(seed, length, family, pairs, **how)
        with override_settings(SYNCHRO_BATCH_SIZE=2 if seed % 2 else 1000):
            play_or_fail(seed, history, player.play, Broken, alike=lambda one, other: one.which == other.which)


@of_families
@pytest.mark.parametrize("topology", ["star", "mesh"])
@pytest.mark.parametrize("rule", ["newest", f"{__name__}.newest_by_hand"])
def test_what_users_do_is_everywhere_or_on_record(nodes, settings, topology, family, rule):
    settings.SYNCHRO_CONFLICT = rule
    pairs = TOPOLOGIES[topology]
    play(Player(nodes, pairs, family), LENGTH, family, pairs)


@of_families
@pytest.mark.parametrize("topology", ["star", "mesh", "ring"])
def test_databases_that_have_never_met_end_equal_and_all_is_on_record(nodes, topology, family):
    pairs = TOPOLOGIES[topology]
    play(Player(nodes, pairs, family, strangers=True), LENGTH, family, pairs)


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


def test_link_that_is_missing_in_a_log_is_found_in_a_ring(nodes):
    """The check can fail there, too, though a link that was removed may stay."""
    runs = [Step("run", *pair) for pair in RING * 2]

    with pytest.raises(Broken, match="equal"):
        makes = [Step("make", "a", 0), Step("make", "a", 1), *runs]
        Player(nodes, RING, "links").play([*makes, Step("link", "a"), Step("forget", "a")])
