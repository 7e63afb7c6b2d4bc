"""Random projects: random models, receivers, triggers and hands; both sides are equal after a run, or told.

In a normal run a few projects are always the same ones. ``make fuzz-shapes`` sets ``SYNCHRO_FUZZ_SECONDS`` and gets
new ones for so long, on each vendor; ``make fuzz-shapes SEED=17`` plays one again, and shortens what it finds.
"""

from __future__ import annotations

import os
import time

import pytest

from tests.databases import known_pairs
from tests.shapefuzz.drafting import draft_project
from tests.shapefuzz.playing import play
from tests.shapefuzz.shrinking import shrink
from tests.shapefuzz.stories import draft_story

#: Few, since each makes databases, and whole runs: about ten seconds of one core in all.
SEEDS = {"sqlite": range(1, 7), "postgres": range(1, 4)}
LENGTH = 40


@pytest.mark.parametrize("local", ["sqlite", "postgres"])
def test_random_projects_end_equal_or_told(local, pytestconfig, databases, django_db_blocker, tmp_path):
    pairs = known_pairs(pytestconfig.getoption("--pairs").split(","))
    remotes = _remotes(local, pairs)
    if not remotes:
        pytest.skip(f"left out by --pairs {pytestconfig.getoption('--pairs')}")
    with django_db_blocker.unblock():
        for seed in _seeds(local):
            project, story = draft_project(seed, local, remotes), draft_story(seed, LENGTH)
            found, done = play(project, story, databases, tmp_path)
            if found:
                if _chosen_seed() is not None or os.environ.get("SYNCHRO_FUZZ_SECONDS"):
                    project, story, found, done = shrink(project, story, found, done, databases, tmp_path)
                pytest.fail(_described(seed, project, found, done), pytrace=False)


def _remotes(local, pairs):
    there = {"sqlite": ("sqlite", "sqlite-to-postgres"), "postgres": ("postgres", "postgres-to-sqlite")}[local]
    return tuple(pair.rpartition("-")[2] for pair in there if pair in pairs)


def _chosen_seed():
    seed = os.environ.get("SYNCHRO_FUZZ_SEED")
    return int(seed) if seed else None


def _seeds(local):
    if (seed := _chosen_seed()) is not None:
        yield seed
        return
    seconds = float(os.environ.get("SYNCHRO_FUZZ_SECONDS", "0"))
    if not seconds:
        yield from SEEDS[local]
        return
    seed = first = int(time.time()) * 1000
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        yield seed
        seed += 1
    print(f"random projects without a finding: {seed - first}")


def _described(seed, project, found, done):
    head = f"seed {seed} ({project.local} to {project.remote}); once more: make fuzz-shapes SEED={seed}"
    return "\n".join([head, found, "", "The project:", str(project), "What was done:", *done])
