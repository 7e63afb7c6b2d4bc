"""What a page of the changelog says of each object."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from synchro_triggers.replay.log.pages import read_page
from synchro_triggers.replay.log.window import current_position, open_window
from tests.databases import both
from tests.replay.logs import MOMENT, NOON, log
from tests.safety.story import LOCAL

pytestmark = both


def test_pages_hold_as_many_rows_as_they_may_and_follow_one_another():
    start = current_position(LOCAL)
    ids = [log(key) for key in (1, 2, 1, 3, 1)]
    window = open_window(LOCAL, start)

    pages, after = [], 0
    while (page := read_page(LOCAL, window, after, 2)).changes:
        pages.append(page)
        after = page.last

    assert [{change.key for change in page.changes} for page in pages] == [{"1", "2"}, {"1", "3"}, {"1"}]
    assert [page.last for page in pages] == [ids[1], ids[3], ids[4]]
    assert [page.rows for page in pages] == [2, 2, 1]
    assert (page.changes, page.last, page.rows) == ((), ids[4], 0)


def test_rows_of_one_object_are_one_change():
    start = current_position(LOCAL)
    ids = [log(1, logged_at=NOON + MOMENT), log(2, logged_at=NOON), log(1, logged_at=NOON)]
    page = read_page(LOCAL, open_window(LOCAL, start), 0, 100)

    found = {change.key: change for change in page.changes}

    assert found.keys() == {"1", "2"} and page.rows == 3 and page.last == ids[2]
    one = found["1"]
    assert (one.label, one.first, one.last, one.logged_at) == ("shop.Order", ids[0], ids[2], NOON + MOMENT)
    assert one.logged is True and one.attempts == 0 and one.old_values == ()
    assert one.created is False and one.deleted is False and one.certain is False
    assert (one.ended, one.begun) == (0, 0)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_time_is_read_as_it_was_logged_whatever_the_zone_of_the_project(zone, settings):
    settings.TIME_ZONE = zone
    start = current_position(LOCAL)
    at = NOON + datetime.timedelta(microseconds=1)
    log(1, logged_at=at)

    [change] = read_page(LOCAL, open_window(LOCAL, start), 0, 100).changes

    assert change.logged_at == at and change.logged_at.utcoffset() == datetime.timedelta(0)


def test_only_rows_of_the_models_that_are_asked_for_are_read():
    start = current_position(LOCAL)
    for label in ("shop.Order", "shop.Article", "shop.Customer"):
        log(1, model_label=label)
    window = open_window(LOCAL, start)

    def read(*labels: str) -> set[str]:
        return {change.label for change in read_page(LOCAL, window, 0, 100, labels=labels).changes}

    assert read("shop.Article", "shop.Order") == {"shop.Article", "shop.Order"}
    assert read("shop.Customer") == {"shop.Customer"}
    assert read() == set()


def story(*operations: str) -> tuple[Any, list[int]]:
    """Log operations on one key, ``d`` being a delete that SQLite announces; return what a page says, and the ids."""
    start = current_position(LOCAL)
    ids = [
        log(1, operation.upper(), changed_fields="may be" if operation == "d" else "name" if operation == "U" else "")
        for operation in operations
    ]
    [change] = read_page(LOCAL, open_window(LOCAL, start), 0, 100).changes
    return change, ids


@pytest.mark.parametrize(
    ("operations", "created", "deleted", "certain"),
    [
        ("I", True, False, False),
        ("IU", True, False, False),
        ("U", False, False, False),
        ("UD", False, True, True),
        ("Ud", False, True, False),
        ("dU", False, False, False),
        ("ID", True, True, True),
        ("DI", False, False, False),
        ("IDI", True, False, False),
        ("IDID", True, True, True),
        ("DId", False, True, False),
    ],
)
def test_what_became_of_an_object_say_its_first_and_its_last_row(operations, created, deleted, certain):
    change, _ = story(*operations)

    assert (change.created, change.deleted, change.certain) == (created, deleted, certain)


@pytest.mark.parametrize(
    ("operations", "ended", "begun"),
    [
        ("I", None, 0),
        ("UD", None, None),
        ("DI", 0, 1),
        ("IDI", 1, 2),
        ("IDIU", 1, 2),
        ("DIDI", 2, 3),
        ("ID", None, 0),
        ("UdI", 1, 2),  # what is inserted was not there
        ("DIUd", 0, 1),
        ("DId", 0, 1),
    ],
)
def test_key_that_was_given_out_again_is_noticed(operations, ended, begun):
    change, ids = story(*operations)

    assert change.begun == (0 if begun is None else ids[begun])
    assert change.ended == (0 if ended is None else ids[ended])


def test_old_values_come_oldest_first():
    start = current_position(LOCAL)
    for number in (3, 1, None, 2):
        log(1, old_values=None if number is None else json.dumps({"name": number}))

    [change] = read_page(LOCAL, open_window(LOCAL, start), 0, 100).changes

    assert [json.loads(old)["name"] for old in change.old_values] == [3, 1, 2]
