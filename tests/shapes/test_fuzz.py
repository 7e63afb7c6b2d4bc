"""Random stories: whatever was written by whatever road, both sides are equal after the next run.

In a normal run the stories are always the same ones. ``make fuzz`` sets ``SYNCHRO_FUZZ_SECONDS`` and
gets new ones for so long, on each vendor.
"""

from __future__ import annotations

import os
import time

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from synchro_triggers.conf import get_settings
from tests.databases import both
from tests.fuzzing import RandomWrites, populate

pytestmark = both

STORIES = settings(
    max_examples=6,
    stateful_step_count=20,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def test_random_stories_leave_both_sides_equal():
    populate()
    seconds = float(os.environ.get("SYNCHRO_FUZZ_SECONDS", "0"))
    try:
        if not seconds:
            run_state_machine_as_test(RandomWrites, settings=STORIES)
            return
        stories, started = 0, time.monotonic()
        long = settings(STORIES, max_examples=50, stateful_step_count=40, derandomize=False, print_blob=True)
        while time.monotonic() - started < seconds:
            run_state_machine_as_test(RandomWrites, settings=long)
            stories += long.max_examples
        print(f"random stories without a finding: {stories}")
    finally:
        get_settings.cache_clear()
