"""Drawings of the page: lengths and points."""

from __future__ import annotations

import datetime

from synchro_triggers.replay.status.runs import PastRun
from synchro_triggers.web.drawing import HEIGHT, RUNS, STEP, WIDTH, bars_of, sparkline_of

THEN = datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.UTC)


def run(written=0, seconds=1.0, outcome="done"):
    ended = None if seconds is None else THEN + datetime.timedelta(seconds=seconds)
    return PastRun("remote", "", "push", THEN, ended, outcome, "", written, 0, 0, 0, 0, "command")


def test_longest_bar_comes_first_and_what_is_nothing_has_none():
    bars = bars_of({"a.A": 1, "b.B": 4, "c.C": 0, "d.D": 4})

    assert [(bar.label, bar.number, bar.width) for bar in bars] == [("b.B", 4, 100), ("d.D", 4, 100), ("a.A", 1, 25)]
    assert bars_of({}) == ()


def test_newest_run_is_on_the_right():
    drawn = sparkline_of([run(written=10, seconds=4.0), run(written=5, seconds=2.0, outcome="failed")])

    assert drawn is not None
    assert [column.height for column in drawn.columns] == [(HEIGHT - 2) / 2, HEIGHT - 2]
    assert [column.went_wrong for column in drawn.columns] == [True, False]
    assert drawn.columns[-1].x == WIDTH - STEP + 1
    assert drawn.line == f"{WIDTH - 1.5 * STEP:g},{HEIGHT / 2:g} {WIDTH - STEP / 2:g},1"
    assert (drawn.number, drawn.most_objects, drawn.most_seconds, drawn.wrong) == (2, 10, 4.0, 1)


def test_runs_that_wrote_nothing_or_have_not_ended_are_flat():
    drawn = sparkline_of([run(seconds=None, outcome="under way"), run(seconds=0.0)])

    assert drawn is not None
    assert [column.height for column in drawn.columns] == [1, 1]
    assert {point.split(",")[1] for point in drawn.line.split()} == {str(HEIGHT - 1)}


def test_no_more_runs_are_drawn_than_there_is_place_for():
    drawn = sparkline_of([run()] * (RUNS + 5))

    assert drawn is not None and drawn.number == RUNS and drawn.columns[0].x == 1
    assert sparkline_of([]) is None
