"""Which of those that have had a key an object is: by its maker's word, or by a row of the maker's log. No database."""

from __future__ import annotations

import pytest

from synchro_triggers.key_texts import (
    KEY_LENGTH,
    gone_key,
    is_gone_key,
    key_of_gone,
    key_of_unseen,
    name_of_unseen,
    stored_key,
)
from synchro_triggers.replay.identity.names import end_of
from synchro_triggers.replay.identity.reference_table import Name, text_of
from synchro_triggers.replay.schema.keys import FormerKey

ENDS = {12, 20}


@pytest.mark.parametrize(
    ("logged", "ended", "ends", "expected"),
    [
        (10, 0, ENDS, 12),
        (12, 0, ENDS, 20),  # the row that has ended the one before it may be all that is known of it
        (12, 12, ENDS, 12),
        (13, 0, ENDS, 20),
        (21, 0, ENDS, 0),
        (10, 0, set(), 0),
        (10, 12, ENDS, 12),
        (10, 20, ENDS, 12),  # who has heard of the later end only
        (13, 20, ENDS, 20),
        (None, 20, ENDS, 20),  # its maker's word
        (None, 0, ENDS, 12),  # nothing tells: the one that had the key first
        (None, 0, set(), 0),
    ],
)
def test_first_end_after_what_is_known_of_an_object_is_its_own(logged, ended, ends, expected):
    assert end_of(Name("maker", "5", None, logged, ended), ends) == expected


def test_key_of_an_object_that_had_it_before_is_stored_as_it_was():
    assert text_of(FormerKey.of(5, 12)) == text_of(5) == "5"
    assert text_of(FormerKey.of('["a", 1]', 12)) == '["a", 1]'


def test_key_of_a_row_that_is_gone_is_no_rows_key_and_fits():
    for key in ("5", "x" * KEY_LENGTH, stored_key("y" * 900)):
        gone = gone_key(key)
        assert is_gone_key(gone) and len(gone) <= KEY_LENGTH and stored_key(gone) != gone
    assert key_of_gone(gone_key("5")) == "5"
    assert gone_key("x" * KEY_LENGTH) != gone_key("x" * (KEY_LENGTH - 1))


def test_what_a_database_has_never_had_is_told_by_maker_key_and_end():
    names = [("a", "5", None, 0), ("b", "5", None, 0), ("a", "5", None, 12), ("a", "5", 12, 0), ("a", "[1:2]", 3, 4)]

    assert [name_of_unseen(key_of_unseen(*name)) for name in names] == names
    assert all(name_of_unseen(text) is None for text in ("5", "a:5", "a:x:1:5", "a:1:x:5", "a:1:2:"))
