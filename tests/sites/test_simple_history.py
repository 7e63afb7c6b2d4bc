"""django-simple-history: a history is data on both sides, written once, of the right object and by the right author."""

from __future__ import annotations

from collections.abc import Callable

from tests.sites.agreed import assert_equal, assert_nothing_to_do, differences, start_office, synchronize
from tests.sites.trial import Trial

Begin = Callable[[str], Trial]


def test_history_of_the_office_is_mains_too(begin: Begin) -> None:
    trial = begin("with_simple_history")
    start_office(trial, SIMPLE_HISTORY_ENABLED=False)
    for work in ("add_polls", "change_polls"):
        trial.main.do("main_goes_on", work)
        of_main = differences(trial)
        trial.office.do(work)
        synchronize(trial)

        assert_equal(trial, but=of_main)
        here, there = trial.office.do("histories"), trial.main.do("histories")
        for what, rows in here.items():
            assert [row for row in rows if row not in there[what]] == [], what
        assert_nothing_to_do(trial)


def test_a_history_that_is_left_out_is_made_on_main(begin: Begin) -> None:
    trial = begin("with_simple_history")
    start_office(trial, SIMPLE_HISTORY_ENABLED=False)
    trial.office.settings = {"SYNCHRO_MODELS": ["auth", "polls", "-polls.HistoricalQuiet"]}
    trial.office.manage("synchro_install_triggers")
    trial.office.do("add_polls")
    synchronize(trial)
    trial.office.do("change_polls")
    synchronize(trial)

    assert trial.office.do("quiet_history") == trial.main.do("quiet_history") == 2
    assert_equal(trial)
    assert_nothing_to_do(trial)
