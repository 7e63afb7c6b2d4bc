"""Sites that were both set up by ``migrate`` alone: what migrations have written is there on both sides."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sites.agreed import assert_equal, assert_nothing_to_do, differences, synchronize
from tests.sites.trial import Trial

Begin = Callable[..., Trial]

pytestmark = pytest.mark.whole

#: The first work at the office, and what of the site is then the same on both sides.
STORIES = {"with_wagtail": ("write_pages", "pages"), "with_oscar": ("sell", "orders")}


@pytest.mark.parametrize("product", STORIES)
def test_sites_that_were_migrated_apart_become_one(begin: Begin, product: str) -> None:
    trial = begin(product, only_migrated=True)
    work, told = STORIES[product]
    linked = trial.office.manage("synchro_link", code=None).splitlines()
    alone = [line for line in linked if "without a counterpart" in line and " 0 without a counterpart" not in line]
    assert len(linked) > 10 and all(_is_of_one_vendor(trial, line) for line in alone), alone
    trial.office.manage("synchronize", "--full")
    assert differences(trial) == []

    trial.office.do("main_begins")
    trial.office.do(work)
    synchronize(trial)
    trial.copy_media_to_main()

    assert_equal(trial)
    assert trial.main.do(told) == trial.office.do(told)
    assert_nothing_to_do(trial)


@pytest.mark.parametrize("product", ["with_wagtail"])
def test_what_migrations_make_by_chance_differs_until_all_is_sent(begin: Begin, product: str) -> None:
    trial = begin(product, only_migrated=True)
    trial.office.manage("synchro_link", code=None)

    found = [line for line in differences(trial) if not line.startswith("auth.Permission")]
    assert {line.split(": ")[1] for line in found} == {"translation_key"}
    assert "translation_key" in trial.office.manage("synchro_compare", code=1)


def _is_of_one_vendor(trial: Trial, line: str) -> bool:
    """Tell the permissions for what Wagtail's search has a model of on SQLite alone."""
    return trial.pair == "sqlite-postgres" and "auth.Permission: " in line and " 4 without a counterpart" in line
