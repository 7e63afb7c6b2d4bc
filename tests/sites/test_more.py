"""More products of other people, each in one short story: both sides create, change and delete, also each other's.

A product's ``steps`` have ``main_begins()``, and ``create``, ``change`` and ``remove``, which are told whose users
work; what ``told()`` returns of the site must be the same on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.sites.agreed import assert_equal, assert_nothing_to_do, start_office, synchronize
from tests.sites.trial import Trial

Begin = Callable[[str], Trial]

pytestmark = pytest.mark.whole

#: What a product needs for an office that begins with a dump.
LOADING: dict[str, dict[str, Any]] = {
    "with_auditlog": {"load": "load"},
    "with_easyaudit": {"DJANGO_EASY_AUDIT_WATCH_MODEL_EVENTS": False},
}

PRODUCTS = [
    "with_accounts",
    "with_activity",
    "with_auditlog",
    "with_comments",
    "with_easyaudit",
    "with_fields",
    "with_oauth",
    "with_ordered",
    "with_safedelete",
    "with_treenode",
    "with_waffle",
]


@pytest.mark.parametrize("product", PRODUCTS)
def test_both_sides_create_change_and_delete(begin: Begin, product: str) -> None:
    trial = begin(product)
    start_office(trial, both_ways=True, **LOADING.get(product, {}))
    for work in ("create", "change", "remove"):
        trial.main.do(work, "main")
        trial.office.do(work, "office")
        synchronize(trial)
        synchronize(trial, back=True)

        assert_equal(trial)
        assert trial.office.do("told") == trial.main.do("told")
        assert_nothing_to_do(trial, both_ways=True)
