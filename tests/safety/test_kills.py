"""Exactly once: a run that is killed at any instant, and run again, ends as if it had run once."""

from __future__ import annotations

import random
import signal
import subprocess
import time

import pytest

from synchro_triggers.models import ChangeLog
from tests.databases import both_committed
from tests.safety.effort import times
from tests.safety.story import BATCH_SIZE, assert_nothing_lost_or_doubled, run_once, start_run, write_something

pytestmark = [both_committed, pytest.mark.all_pairs, pytest.mark.mariadb]


def test_run_killed_at_random_moments_loses_and_doubles_nothing(process_env, vendor):
    """SIGKILL the command again and again while it works and others write."""
    random_ = random.Random(4)
    env = {**process_env, **BATCH_SIZE}
    wanted = times(short=2, long=100)
    killed, number = 0, 0

    write_something(random_, number)
    longest = run_once(env) * 1.1
    while killed < wanted:
        number += 1
        assert number <= 3 * wanted + 5, f"{killed} of {number} runs were under way when they were to be killed"
        write_something(random_, number)
        started = time.monotonic()
        process = start_run(env)
        try:
            process.wait(timeout=random_.uniform(0.3, 1) * longest)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        else:
            longest = time.monotonic() - started  # the one that was measured was slower: the machine had much to do
        _, errors = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), errors
        killed += process.returncode != 0

    run_once(env)

    compared = assert_nothing_lost_or_doubled()
    logged = ChangeLog.objects.count()
    print(f"{vendor}: {killed} runs killed, {logged} changes logged, {compared} objects compared: 0 lost, 0 doubled")
