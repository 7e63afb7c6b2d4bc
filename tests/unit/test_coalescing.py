"""What is read of the log page by page becomes one change an object. Needs no database."""

from __future__ import annotations

import datetime
from typing import Any

from synchro_triggers.replay.changes import Change, coalesce

NOON = datetime.datetime(2024, 5, 5, 12, tzinfo=datetime.UTC)


def change(key: str, first: int, last: int, **more: Any) -> Change:
    fields: dict[str, Any] = {"label": "shop.Order", "created": False, "logged_at": NOON}
    return Change(key=key, first=first, last=last, **{**fields, **more})


def said(changes: list[Change]) -> list[tuple[str, str]]:
    return [(each.label, each.key) for each in changes]


def test_nothing_comes_of_nothing():
    assert coalesce([]) == []


def test_single_change_stays_what_it_is():
    only = change("1", 5, 9, created=True, old_values=("{}",), attempts=3, deleted=True)

    [found] = coalesce([only])

    assert found is only


def test_objects_stand_in_the_order_of_their_first_log_rows():
    found = coalesce([change("c", 7, 7), change("a", 3, 9), change("b", 5, 5)])

    assert said(found) == [("shop.Order", "a"), ("shop.Order", "b"), ("shop.Order", "c")]


def test_objects_with_the_same_first_row_stand_by_label_and_then_by_key():
    found = coalesce(
        [change("2", 1, 1), change("1", 1, 1), change("9", 1, 1, label="shop.Article"), change("0", 1, 1, label="a.Z")]
    )

    assert said(found) == [("a.Z", "0"), ("shop.Article", "9"), ("shop.Order", "1"), ("shop.Order", "2")]


def test_objects_of_two_models_with_the_same_key_stay_two():
    found = coalesce([change("1", 1, 1), change("1", 2, 2, label="shop.Article")])

    assert said(found) == [("shop.Order", "1"), ("shop.Article", "1")]


def test_parts_of_one_object_become_one_whatever_their_order():
    early = change("1", 2, 4, created=True, old_values=("first",), logged_at=NOON, attempts=2)
    late = change("1", 6, 9, old_values=("second",), logged_at=NOON + datetime.timedelta(seconds=1), deleted=True)

    for parts in ([early, late], [late, early]):
        [found] = coalesce(parts)

        assert (found.label, found.key) == ("shop.Order", "1")
        assert (found.first, found.last) == (2, 9)
        assert found.created is True
        assert found.old_values == ("first", "second")
        assert found.logged_at == NOON + datetime.timedelta(seconds=1)
        assert found.attempts == 2
        assert found.deleted is True


def test_time_is_the_latest_even_where_an_earlier_row_carries_it():
    # A transaction that began earlier may log later.
    [found] = coalesce([change("1", 1, 1, logged_at=NOON + datetime.timedelta(1)), change("1", 2, 2)])

    assert found.logged_at == NOON + datetime.timedelta(1)


def test_object_that_came_again_is_not_deleted():
    [found] = coalesce([change("1", 1, 3, deleted=True), change("1", 5, 5, created=True)])

    assert found.deleted is False
    assert found.created is False, "the first row was no insert: the remote may have it"


def test_whether_it_is_deleted_says_the_last_row_and_not_the_last_part():
    [found] = coalesce([change("1", 1, 9, deleted=True), change("1", 2, 3)])

    assert found.deleted is True
    assert (found.first, found.last) == (1, 9)


def test_three_parts_keep_the_order_of_their_old_values():
    parts = [change("1", first, first, old_values=(f"value {first}",)) for first in (3, 1, 2)]

    [found] = coalesce(parts)

    assert found.old_values == ("value 1", "value 2", "value 3")
    assert (found.first, found.last) == (1, 3)


def test_what_was_given_is_not_changed():
    early, late = change("1", 1, 1, old_values=("a",)), change("1", 2, 2, old_values=("b",))

    coalesce([early, late])

    assert (early.last, early.old_values) == (1, ("a",))
    assert (late.first, late.old_values) == (2, ("b",))
