"""django-reversion: versions hold objects as text, with their keys; main must be able to go back to them."""

from __future__ import annotations

from collections.abc import Callable

from tests.sites.agreed import assert_equal, assert_nothing_to_do, differences, start_office, synchronize
from tests.sites.trial import Trial

Begin = Callable[[str], Trial]


def test_main_goes_back_to_versions_of_the_office(begin: Begin) -> None:
    trial = begin("with_reversion")
    start_office(trial)
    for work in ("write_books", "change_books"):
        trial.main.do("main_goes_on", work)
        of_main = differences(trial)
        trial.office.do(work)
        synchronize(trial)

        assert_equal(trial, but=of_main)
        assert_nothing_to_do(trial)
    there = trial.main.do("revisions")
    assert [each for each in trial.office.do("revisions") if each not in there] == []
    assert trial.main.do("recover_atlas") == trial.office.do("recover_atlas") == ["World", "Kafka", 10]
    here, there = trial.office.do("go_back"), trial.main.do("go_back")
    assert [each for each in here if each not in there] == []
