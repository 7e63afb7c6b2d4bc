"""A trouble of a follower: told once as long as it is the same, and with pauses that grow up to a bound."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from synchro_triggers.exceptions import DatabaseUnreachable, Refused, RunUnderWay
from synchro_triggers.replay.following import trouble
from synchro_triggers.replay.following.trouble import Trouble


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=1000.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(trouble, "time", clock)
    return clock


def test_server_that_starts_slowly_is_one_trouble(clock):
    here = Trouble(1.0)

    told = [here.begin(DatabaseUnreachable(text), 0) for text in ("refused", "starting up", "refused")]

    assert told == [True, False, False]


def test_other_trouble_is_told_and_so_is_another_reason_to_refuse(clock):
    here = Trouble(1.0)
    errors = [RunUnderWay("a"), Refused("no triggers"), Refused("no triggers"), Refused("a copy"), RunUnderWay("b")]

    assert [here.begin(error, 0) for error in errors] == [True, True, False, True, True]


def test_trouble_that_comes_back_is_told_again(clock):
    here = Trouble(1.0)
    here.begin(DatabaseUnreachable("down"), 0)
    clock.now += 7

    assert here.end() == 7
    assert here.end() is None and not here.is_known("down")
    assert here.begin(DatabaseUnreachable("down"), 0)


def test_pauses_grow_up_to_a_bound_and_begin_anew(clock):
    here = Trouble(1.0)
    pauses = []
    for _ in range(6):
        here.begin(DatabaseUnreachable("down"), 0)
        pauses.append(here.left())
        clock.now += here.left()

    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])
    here.end()
    here.begin(DatabaseUnreachable("down"), 0)
    assert here.left() == pytest.approx(0.1)


def test_what_takes_long_to_fail_is_left_alone_for_as_long_but_not_for_ever(clock):
    here = Trouble(1.0)

    here.begin(DatabaseUnreachable("no answer"), 12)
    assert here.left() == 12
    here.begin(DatabaseUnreachable("no answer"), 120)
    assert here.left() == 30
