"""How far a log was received, as it is stored beside the data. Needs no database."""

from __future__ import annotations

import pytest

from synchro_triggers.exceptions import Refused
from synchro_triggers.replay.log.postgres import Snapshot, parse_snapshot


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ("10:20:", Snapshot(20, (), None, 0)),
        ("10:20:10,15", Snapshot(20, (10, 15), None, 0)),
        ("10:20:#7", Snapshot(20, (), None, 7)),
        ("10:20:10,15#7@1:2:3:4", Snapshot(20, (10, 15), None, 7)),
        ("10:20:@", Snapshot(20, (), None, 0)),
        # Of a snapshot's own transaction, which it does not name as one in progress, some rows are received.
        ("10:20:10/12:99#100@1:2:3:4", Snapshot(20, (10, 12), (12, 99), 100)),
        ("10:20:/12:99", Snapshot(20, (12,), (12, 99), 0)),
        ("20:20:/20:0#100@", Snapshot(20, (20,), (20, 0), 100)),
        # In another cluster the ids of the rows stand for them.
        ("ids:1-3,7,8-9#12@1:2:3:4", Snapshot(0, (), None, 12, ((1, 3), (7, 7), (8, 9)))),
        ("ids:7#12", Snapshot(0, (), None, 12, ((7, 7),))),
        ("ids:#12@", Snapshot(0, (), None, 12, ())),
        ("ids:", Snapshot(0, (), None, 0, ())),
    ],
)
def test_position_is_read_as_what_it_counts_as_received(position, expected):
    assert parse_snapshot(position) == expected


@pytest.mark.parametrize(
    "text", ["", "17", "10:20", "10:x:", "10:20:x", "10:20:/12", "10:20:#x", "ids:a-b#1", "ids:1#x"]
)
def test_text_that_is_no_position_is_not_taken_for_one(text):
    with pytest.raises(Refused, match="A checkpoint cannot be read"):
        parse_snapshot(text)
