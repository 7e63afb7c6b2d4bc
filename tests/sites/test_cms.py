"""django-cms and django-filer: pages, their plugins, and files of several types in one table."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sites.agreed import assert_equal, assert_nothing_to_do, differences, start_office, synchronize
from tests.sites.trial import Trial

Begin = Callable[[str], Trial]

pytestmark = pytest.mark.whole


def test_pages_of_the_office_are_read_on_main(begin: Begin) -> None:
    trial = begin("with_cms")
    start_office(trial)
    for work in ("write_pages", "change_pages"):
        trial.main.do("main_goes_on", work)
        of_main = differences(trial)
        trial.office.do(work)
        synchronize(trial)
        trial.copy_media_to_main()

        assert_equal(trial, but=of_main)
        assert trial.main.do("faults") == []
        trial.main.do("admin_opens")
        for told in ("pages", "files"):
            here, there = trial.office.do(told), trial.main.do(told)
            assert {name: there.get(name) for name in here} == here
        assert_nothing_to_do(trial)
