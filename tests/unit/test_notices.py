"""What waits for notices, or looks: by a clock and a listener of its own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.db import OperationalError

from synchro_triggers.replay.following import notices as module
from synchro_triggers.replay.following.notices import LOOKS, TRIED_AGAIN, Notices


class Listener:
    def __init__(self, *, hears=True):
        self._hears, self.is_closed, self.lost = hears, False, False

    def hears(self):
        return self._hears

    def wait(self, seconds):
        if self.lost:
            raise OperationalError("lost")
        return True

    def close(self):
        self.is_closed = True


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=1000.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def rests():
    return []


def make(clock, rests, results):
    """Return notices of listeners, or errors, that come one after the other."""
    left = [*results]

    def listen():
        result = left.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    return Notices(listen, rests.append, is_over=lambda: False), left


def test_who_hears_nothing_looks_says_so_once_and_does_not_try_again(clock, rests, caplog):
    deaf = Listener(hears=False)
    notices, left = make(clock, rests, [deaf])

    notices.begin()
    for _ in range(3):
        notices.wait(3600)
        clock.now += 2 * TRIED_AGAIN
    notices.wait(0.01)

    assert rests == [LOOKS, LOOKS, LOOKS, 0.01] and deaf.is_closed and left == []
    [record] = caplog.records
    assert "do not come" in record.getMessage() and record.levelname == "WARNING"


def test_lost_listener_is_replaced_in_silence(clock, rests, caplog):
    first, second = Listener(), Listener()
    notices, _ = make(clock, rests, [first, second])
    notices.begin()

    first.lost = True
    notices.wait(3600)
    notices.wait(3600)
    notices.close()

    assert first.is_closed and second.is_closed and rests == [] and caplog.records == []


def test_listener_that_cannot_be_made_is_tried_again_after_a_while(clock, rests, caplog):
    errors = [OperationalError("too many connections"), OperationalError("still too many")]
    notices, left = make(clock, rests, [*errors, Listener()])

    notices.begin()
    notices.wait(3600)
    clock.now += TRIED_AGAIN + 1
    notices.wait(3600)
    assert rests == [LOOKS, LOOKS] and len(left) == 1
    clock.now += TRIED_AGAIN + 1
    notices.wait(3600)

    assert rests == [LOOKS, LOOKS] and left == []
    [record] = caplog.records
    assert "too many connections" in record.getMessage()
