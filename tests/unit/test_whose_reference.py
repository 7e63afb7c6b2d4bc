"""Whose a stored reference is, where a key was given out again: the log tells. Needs no database."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from synchro_triggers.replay.identity.logged_keys import LoggedKeys
from synchro_triggers.replay.log.changes import Change
from synchro_triggers.replay.schema.keys import FormerKey
from synchro_triggers.replay.schema.shape import shape_of
from synchro_triggers.replay.tasks import ObjectTask
from tests.testapp.models import Item

NOON = datetime.datetime(2024, 5, 5, 12, tzinfo=datetime.UTC)
FORMER = FormerKey("7~20")


def task(key: Any, *, gone: bool = False, created: bool = False, first: int = 30) -> ObjectTask:
    change = Change(
        label="testapp.Item", key=str(key), first=first, last=40, created=created, logged_at=NOON, logged=True
    )
    return ObjectTask(shape_of(Item), key, change, None if gone else Item(pk=7))


def log(*tasks: ObjectTask, former: bool = False, kept: frozenset[str] = frozenset()) -> LoggedKeys:
    found = LoggedKeys(kept)
    found.expect(tasks, [(Item, FORMER, 30)] if former else [])
    return found


@pytest.mark.parametrize(
    ("logged", "known", "whose"),
    [
        (None, {}, FORMER),
        (19, {}, FORMER),
        (20, {}, 7),
        (None, {(Item, FORMER): "its own reference"}, 7),
    ],
)
def test_reference_of_before_the_delete_is_the_former_objects(logged, known, whose):
    assert log(task(7), former=True).whose(Item, 7, logged, known) == whose


@pytest.mark.parametrize(("logged", "whose"), [(29, None), (30, 7), (None, 7)])
def test_reference_of_before_the_insert_is_nobodys(logged, whose):
    assert log(task(7, created=True)).whose(Item, 7, logged, {}) == whose


def test_kept_key_is_the_same_objects_however_often_it_is_made():
    assert log(task(7, created=True), kept=frozenset({"testapp.Item"})).whose(Item, 7, 29, {}) == 7


def test_both_objects_of_a_key_are_read_together():
    found = log(task(7), former=True)

    assert found.with_sharers(Item, {7, 8}) == {7, 8, FORMER}
    assert found.with_sharers(Item, {FORMER}) == {7, FORMER}
    assert log(task(7)).with_sharers(Item, {7}) == {7}


def test_object_is_known_up_to_its_last_row_or_to_the_insert_that_gave_it_the_key():
    assert log(task(7), former=True).until(Item, 7) == 40
    assert log(former=True).until(Item, 7) == 30
    assert log().until(Item, 7) is None


def test_object_is_going_where_one_of_its_tasks_says_so():
    found = log(task(7, gone=True), task(8))

    assert found.is_going(Item, 7) and not found.is_going(Item, 8) and not found.is_going(Item, 9)
    assert found.is_of_batch(Item, 7) and found.is_of_batch(Item, 8) and not found.is_of_batch(Item, 9)
