"""django-oscar: orders whose baskets may not be changed any more, stock that raises alerts, trees of categories."""

from __future__ import annotations

from collections.abc import Callable

from tests.sites.agreed import assert_equal, assert_nothing_to_do, differences, start_office, synchronize
from tests.sites.trial import Trial

Begin = Callable[[str], Trial]


def test_orders_of_the_office_arrive(begin: Begin) -> None:
    trial = begin("with_oscar")
    start_office(trial)
    for work in ("sell", "go_on"):
        trial.main.do("main_goes_on", work.replace("_", ""))
        of_main = differences(trial)
        trial.office.do(work)
        synchronize(trial)

        assert_equal(trial, but=of_main)
        trial.main.do("pages_open")
        for told in ("orders", "stock"):
            assert trial.main.do(told).items() >= trial.office.do(told).items()
        assert trial.main.do("categories") == trial.office.do("categories")
        assert_nothing_to_do(trial)
