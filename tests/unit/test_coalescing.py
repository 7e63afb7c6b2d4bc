"""What is read of the log page by page becomes one change an object, or two where a key had two. Needs no database."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from synchro_triggers.replay.log.changes import Change, coalesce, divided
from synchro_triggers.replay.schema.keys import FormerKey

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


@pytest.mark.parametrize("attempts", [(2, 0), (0, 2)])
def test_object_that_failed_before_keeps_its_attempts_when_it_is_logged_again(attempts):
    [found] = coalesce([change("1", at, at, attempts=each) for at, each in enumerate(attempts, start=1)])

    assert found.attempts == 2


@pytest.mark.parametrize("turned", [False, True])
def test_whether_the_row_was_gone_says_the_last_row(turned):
    announced = change("1", 1, 1, deleted=True, certain=False)
    carried_out = change("1", 2, 2, deleted=True, certain=True)
    came_again = change("1", 3, 3)

    for parts, expected in (
        ([announced, carried_out], True),
        ([carried_out, came_again], False),
        ([announced, carried_out, came_again], False),
    ):
        [found] = coalesce(reversed(parts) if turned else parts)

        assert found.certain is expected


@pytest.mark.parametrize("turned", [False, True])
def test_key_that_was_given_out_again_was_so_last(turned):
    parts = [change("1", 1, 5, ended=4, begun=5), change("1", 7, 9, ended=8, begun=9), change("1", 11, 11)]

    [found] = coalesce(reversed(parts) if turned else parts)

    assert (found.ended, found.begun) == (8, 9)


@pytest.mark.parametrize(("one", "other"), [(True, False), (False, True), (False, False), (True, True)])
def test_first_and_last_are_ids_of_the_log_if_all_of_it_was_logged(one, other):
    [found] = coalesce([change("1", 1, 1, logged=one), change("1", 2, 2, logged=other)])

    assert found.logged is (one and other)


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


# Keys that were given out again ---------------------------------------------------------------------


def given_out_again(**more: Any) -> Change:
    """Log rows 3 to 9 speak of the key: the first object's delete is row 5, the second one's insert row 7."""
    fields: dict[str, Any] = {"ended": 5, "begun": 7, "old_values": ("{}",), "attempts": 2, "logged": True}
    return change("4", 3, 9, **{**fields, **more})


def test_key_that_was_given_out_again_speaks_of_two_objects():
    former, later = divided(given_out_again())

    assert (former.key, later.key) == ("4~5", "4")
    assert former.label == later.label == "shop.Order"
    assert former.logged_at == later.logged_at == NOON


def test_object_that_had_the_key_is_gone_and_whatever_was_stored_of_it_is_its_own():
    former, _ = divided(given_out_again())

    assert (former.first, former.last) == (3, 5)
    assert former.deleted is True and former.certain is True
    assert (former.ended, former.begun) == (0, 0), "it would be divided once more"
    assert former.old_values == ("{}",)
    assert former.attempts == 2 and former.logged is True


@pytest.mark.parametrize("created", [True, False])
def test_object_that_had_the_key_was_known_unless_the_first_row_is_its_insert(created):
    former, _ = divided(given_out_again(created=created))

    assert former.created is created


def test_object_that_has_the_key_is_new_and_nothing_is_stored_of_it():
    _, later = divided(given_out_again())

    assert later.created is True
    assert (later.first, later.last) == (7, 9)
    assert later.old_values == ()
    assert later.deleted is False and later.certain is False


def test_object_that_has_the_key_may_be_gone_too():
    _, later = divided(given_out_again(deleted=True, certain=True))

    assert later.deleted is True and later.certain is True


def test_object_that_has_the_key_begins_with_its_first_row_where_its_insert_was_read_before():
    _, later = divided(given_out_again(begun=2))

    assert later.first == 3


def test_numbers_that_are_no_ids_of_the_log_are_not_mixed_with_some():
    former, _ = divided(given_out_again(logged=False))

    assert (former.first, former.last) == (3, 9)


def test_former_key_says_which_key_it_was_and_when_it_ended():
    former = FormerKey.of(4, 5)

    assert former == "4~5" and (former.number, former.ended) == ("4", 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4~5", True),
        ("a~b~5", True),
        ("~5", True),
        ("4", False),
        ("5", False),
        ("4~", False),
        ("4~x", False),
        ("4~5~", False),
        ("4~\N{SUPERSCRIPT TWO}", False),
        ("4~\N{ARABIC-INDIC DIGIT FIVE}", False),  # decimal, but no id as the log writes it
    ],
)
def test_former_key_is_told_from_other_texts(text, expected):
    assert FormerKey.is_one(text) is expected
