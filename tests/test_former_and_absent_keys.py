"""Keys of what is gone: those that were given out again, and those of what is held back until the log has been read."""

from __future__ import annotations

import datetime

import pytest

from synchro_triggers.conf import LOCAL
from synchro_triggers.replay.log.absent import Absent
from synchro_triggers.replay.log.changes import Change
from synchro_triggers.replay.rows.selecting import rows_with
from synchro_triggers.replay.schema.keys import FormerKey, Unreadable
from synchro_triggers.replay.schema.shape import read_key
from tests.databases import both
from tests.oddapp.models import Point
from tests.testapp.models import Item

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def test_key_with_the_mark_in_it_is_told_from_the_number_of_its_log_row():
    former = FormerKey.of('["a~1", 5]', 17)
    assert (former.number, former.ended) == ('["a~1", 5]', 17)


@pytest.mark.parametrize("text", ["a~", "~", "5~x", "5~1~", '["a~1", 5]'])
def test_text_that_no_log_row_ends_is_no_former_key(text):
    assert type(read_key(Item, text)) is Unreadable


def test_former_key_is_read_as_one():
    assert type(read_key(Item, "5~17")) is FormerKey


@both
def test_former_key_of_several_parts_finds_nothing():
    assert not rows_with(Point, LOCAL, pk=[FormerKey("[1, 2]~17")]).exists()


@pytest.mark.parametrize("key", ["\udcff", "a\0b", "long" * 1000])
def test_key_of_any_text_is_held_back_and_found_again(key):
    change = Change("testapp.Item", key, 1, 1, False, NOW)
    absent = Absent()
    absent.hold([change])
    assert absent.has(change)
    assert [each.key for each in absent] == [key]
    completed = absent.completed(Change("testapp.Item", key, 2, 2, False, NOW, deleted=True, certain=True, logged=True))
    assert completed is not None and completed.key == key
    assert not absent.has(change)
    absent.close()
