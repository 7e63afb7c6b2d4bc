"""Exactly once: a run that is killed at any instant, and run again, ends as if it had run once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from synchro_triggers import synchronize
from synchro_triggers.models import Reference
from tests.databases import both_committed
from tests.safety.effort import times
from tests.testapp.models import Item, Node, Tag, Tagged

pytestmark = [both_committed, pytest.mark.all_pairs]

REMOTE = "remote"
SYNCHRONIZE = [sys.executable, "-m", "django", "synchronize", "--verbosity", "0"]


def write_something(random_: random.Random, number: int) -> None:
    """Write objects that have neither a natural key nor a stable one, by every kind of write."""
    Item.objects.bulk_create(Item(name=f"{number}-{index}", cash=index) for index in range(40))
    parent = Node.objects.create(name=f"root {number}")
    for index in range(10):
        parent = Node.objects.create(name=f"{number}-{index}", parent=parent)
    tagged = Tagged.objects.create(title=f"tagged {number}")
    tagged.tags.add(*(Tag.objects.get_or_create(label=f"tag {index}")[0] for index in range(3)))
    names = list(Item.objects.values_list("name", flat=True))
    Item.objects.filter(name__in=random_.sample(names, len(names) // 3)).update(cash=random_.randrange(10**6))
    Item.objects.filter(name__in=random_.sample(names, len(names) // 20)).delete()


def contents(alias: str) -> dict[str, list[tuple[object, ...]]]:
    """Return everything that was synchronised, without the primary keys."""
    return {
        "items": sorted(Item.objects.using(alias).values_list("name", "cash")),
        "nodes": sorted(Node.objects.using(alias).values_list("name", "parent__name"), key=repr),
        "tagged": sorted(Tagged.objects.using(alias).values_list("title", "tags__label"), key=repr),
    }


def test_run_killed_at_random_moments_loses_and_doubles_nothing(process_env, settings):
    """SIGKILL the command again and again while it works and others write."""
    random_ = random.Random(4)
    env = {**process_env, "SYNCHRO_TEST_BATCH_SIZE": "7"}
    survived = 0

    write_something(random_, 0)
    started = time.monotonic()
    subprocess.run(SYNCHRONIZE, env=env, check=True)
    longest = (time.monotonic() - started) * 1.1
    for number in range(1, times(short=5, long=100) + 1):
        write_something(random_, number)
        process = subprocess.Popen(SYNCHRONIZE, env=env, stderr=subprocess.PIPE, text=True)
        try:
            process.wait(timeout=random_.uniform(0.3, 1) * longest)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        _, errors = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), errors
        survived += process.returncode != 0

    subprocess.run(SYNCHRONIZE, env=env, check=True)

    assert survived, "no run was under way when it was to be killed: the test proved nothing"
    here, there = contents("default"), contents(REMOTE)
    for what, objects in here.items():
        lost, surplus = Counter(objects) - Counter(there[what]), Counter(there[what]) - Counter(objects)
        assert not lost and not surplus, f"{what}: lost or old {lost}, surplus or old {surplus}"
    references = Reference.objects.using(REMOTE).filter(model_label="testapp.Item")
    assert references.values("remote_pk").distinct().count() == references.count()
    assert not synchronize().changed
    print(f"kills survived: {survived}")
