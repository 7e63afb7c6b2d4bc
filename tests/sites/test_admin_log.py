"""The admin's own log: keys as text, of objects of all models, which outlive what they speak of."""

from __future__ import annotations

from collections.abc import Callable

from tests.sites.agreed import assert_equal, assert_nothing_to_do, differences, start_office, synchronize
from tests.sites.trial import Trial

Begin = Callable[[str], Trial]


def test_log_of_the_office_speaks_of_the_same_objects_on_main(begin: Begin) -> None:
    trial = begin("with_admin_log")
    start_office(trial)
    for work in ("add_pages", "delete_pages"):
        trial.main.do("main_goes_on", work)
        of_main = differences(trial)
        trial.office.do(work)
        synchronize(trial)

        assert_equal(trial, but=of_main)
        there = trial.main.do("log")
        assert [line for line in trial.office.do("log") if line not in there] == []
        trial.main.do("histories_open")
        assert_nothing_to_do(trial)
