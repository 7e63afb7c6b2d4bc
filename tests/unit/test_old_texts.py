"""What django-synchro has stored as text is read, and nothing of it is evaluated."""

from __future__ import annotations

import datetime
import decimal
import uuid
from zoneinfo import ZoneInfo

import pytest

from synchro_triggers.replay.adoption.meant import Meant, is_of_former, meant_by
from synchro_triggers.replay.adoption.old_texts import read_last_check, read_natural_key

UTC = datetime.UTC
ADD, CHANGE, DELETE, LINKS = 1, 2, 3, 4


@pytest.mark.parametrize(
    "key",
    [
        ("a", 1),
        ("it's", 'say "7L"', None, True, -1.5),
        (datetime.date(2013, 2, 28), datetime.datetime(2013, 2, 28, 1, 2, 3, 4), datetime.timedelta(1, 2)),
        (datetime.datetime(2013, 2, 28, tzinfo=UTC), datetime.time(1, 2)),
        (decimal.Decimal("1.50"), uuid.UUID(int=7)),
        (("parent", 1), "child"),
    ],
)
def test_natural_key_is_read_as_it_was(key):
    assert read_natural_key(repr(key)) == key


def test_natural_key_of_python_2_is_read():
    text = "(u'Za\\u017c\\xf3\\u0142\\u0107', 7L, datetime.datetime(2013, 2, 28, 0, 0, tzinfo=<UTC>), '8L')"
    assert read_natural_key(text) == ("Zażółć", 7, datetime.datetime(2013, 2, 28, tzinfo=UTC), "8L")


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "(open('/etc/passwd').read(),)",
        "(datetime.date(2013, 2, 30),)",
        "(datetime.date.today(),)",
        "('cut of",
        "('a' * 9,)",
        "7",
        "",
        "(" * 5000,
    ],
)
def test_what_is_no_natural_key_is_refused_and_not_evaluated(text):
    with pytest.raises(ValueError):
        read_natural_key(text)


def test_last_run_is_between_all_that_may_be_meant():
    formats, zones = ["%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S"], [UTC, ZoneInfo("Europe/Warsaw")]

    earliest, latest = read_last_check("03/04/2013 10:00:00", formats, zones)

    assert earliest == datetime.datetime(2013, 3, 4, 9, tzinfo=UTC)
    assert latest == datetime.datetime(2013, 4, 3, 10, 0, 1, tzinfo=UTC)
    assert read_last_check("yesterday", formats, zones) is None


@pytest.mark.parametrize(
    ("actions", "is_here", "known", "keeps_key", "meant"),
    [
        ([ADD], True, False, False, Meant.NEW),
        ([ADD, CHANGE], True, True, False, Meant.CHANGED),  # sent in the second of the last run
        ([CHANGE], True, False, False, Meant.CHANGED),
        ([LINKS], True, True, False, Meant.NOTHING),
        ([DELETE, ADD], True, True, False, Meant.MADE_AGAIN),
        ([DELETE, ADD], True, False, False, Meant.NEW),
        ([DELETE, ADD], True, True, True, Meant.CHANGED),
        ([DELETE], True, True, False, Meant.MADE_AGAIN),  # by something that django-synchro did not see
        ([CHANGE, DELETE], False, True, False, Meant.DELETED),
        ([DELETE], False, False, True, Meant.DELETED),
        ([ADD, DELETE], False, False, False, Meant.NOTHING),
        ([DELETE], False, False, False, Meant.DELETED_UNKNOWN),
        ([ADD, CHANGE], False, True, False, Meant.VANISHED),
        ([LINKS], False, True, False, Meant.VANISHED),
    ],
)
def test_what_is_meant(actions, is_here, known, keeps_key, meant):
    assert meant_by(actions, is_here=is_here, known=known, keeps_key=keeps_key) is meant


@pytest.mark.parametrize(
    ("actions", "first", "ever", "former"),
    [
        ([ADD], "", True, True),
        ([LINKS, ADD], "", True, True),
        ([DELETE, ADD], "I", True, False),
        ([CHANGE], "", True, False),
        ([], "I", False, True),
        ([], "I", True, False),
        ([], "U", False, False),
    ],
)
def test_reference_of_a_former_object_is_told(actions, first, ever, former):
    assert is_of_former(actions, logged_first=first, ever_added=ever) is former
