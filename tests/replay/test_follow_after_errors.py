"""A follower takes up work soon after an error, however long it has lasted: by a clock of its own, without waiting."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError

from synchro_triggers.replay import follow
from synchro_triggers.replay.follow import Follower
from synchro_triggers.replay.following import trouble
from tests.databases import both
from tests.testapp.models import Item

pytestmark = both

REMOTE = "remote"

#: Seconds that an error lasts, and those after which work must have been taken up, unless the interval is longer.
LASTS, SOON = 100.0, 1.0


class Clock:
    """Stands for the time, and for what a follower waits for."""

    def __init__(self) -> None:
        self.now = 0.0
        self._stopped = False

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += 0 if self._stopped else max(seconds, 0.001)
        assert self.now < 10 * LASTS, "the follower does not come back"

    def set(self) -> None:
        self._stopped = True

    def is_set(self) -> bool:
        return self._stopped


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    for module in (follow, trouble):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


@pytest.mark.parametrize("interval", [0.06, 5.0])
@pytest.mark.parametrize("where", ["local", "remote"])
def test_follower_takes_up_work_soon_after_an_error(monkeypatch, clock, where, interval):
    owner, name = (follow, "commit_mark") if where == "local" else (follow._Followed, "catch_up")
    works = getattr(owner, name)
    tried: list[float] = []

    def fails_for_long(*args: Any) -> Any:
        tried.append(clock.now)
        if clock.now < LASTS:
            raise OperationalError("out of reach")
        return works(*args)

    monkeypatch.setattr(owner, name, fails_for_long)
    Item.objects.create(name="meanwhile")
    problems: list[str] = []
    follower = Follower(interval=interval, on_problem=problems.append, _stopped=clock)
    follower.on_run = lambda remote, report: follower.stop()

    follower.run()

    assert Item.objects.using(REMOTE).filter(name="meanwhile").exists()
    assert clock.now - LASTS <= max(SOON, interval)
    assert len(tried) <= LASTS / max(SOON, interval) + 10, "it asks a database that is out of reach too often"
    [problem] = problems
    assert "out of reach" in problem
