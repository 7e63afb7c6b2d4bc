"""Small apps of other people's: taggit, guardian, polymorphic, parler, constance."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sites.agreed import assert_equal, assert_nothing_to_do, differences, start_office, synchronize
from tests.sites.trial import Trial

Begin = Callable[[str], Trial]

pytestmark = pytest.mark.whole


def test_things_of_the_office_arrive(begin: Begin) -> None:
    trial = begin("with_others")
    start_office(trial)
    for work in ("make_things", "change_things"):
        trial.main.do("main_goes_on", work)
        of_main = differences(trial)
        trial.office.do(work)
        synchronize(trial)

        assert_equal(trial, but=of_main)
        for told in ("things", "words"):
            here, there = trial.office.do(told), trial.main.do(told)
            assert {name: there.get(name) for name in here} == here
        assert trial.office.do("own_settings")[1:] == trial.main.do("own_settings")[1:]
        assert trial.office.do("may_view") == trial.main.do("may_view")
        assert_nothing_to_do(trial)
