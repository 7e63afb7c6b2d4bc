"""What other clients write is read by Django as the value that it stands for."""

from __future__ import annotations

import datetime
import uuid

import pytest
from django.db import models

from synchro_triggers.capture.keys import decode_value
from synchro_triggers.replay.rows.other_spellings import likely_spellings

CHICAGO = datetime.timezone(datetime.timedelta(hours=-6))


@pytest.mark.parametrize(
    ("field", "value", "one", "number"),
    [
        (models.UUIDField(), uuid.UUID(int=0xABC), "{00000000-0000-0000-0000-000000000ABC}", 6),
        (models.DateField(), datetime.date(2024, 1, 5), "2024-1-5", 4),
        (models.DateField(), datetime.date(2024, 11, 15), "2024-11-15", 1),
        (models.TimeField(), datetime.time(1, 2), "01:02", 4),
        (models.TimeField(), datetime.time(1, 2, 3, 456000), "01:02:03.456", 2),
        (
            models.DateTimeField(),
            datetime.datetime(2024, 1, 5, 1, 2, 3, 4, datetime.UTC),
            "2024-01-05T01:02:03.000004Z",
            12,
        ),
        (models.DateTimeField(), datetime.datetime(2024, 1, 5, 1, 2, tzinfo=datetime.UTC), "2024-01-04 19:02", 48),
        (models.GenericIPAddressField(), "fe80::1", "FE80:0000:0000:0000:0000:0000:0000:0001", 4),
        (models.GenericIPAddressField(), "10.0.0.1", "10.0.0.1", 1),
    ],
)
def test_likely_spellings_are_read_as_the_value(field, value, one, number):
    texts = likely_spellings(value, CHICAGO)

    assert one in texts and len(texts) == number
    assert {decode_value(field, text, CHICAGO) for text in texts} == {value}


@pytest.mark.parametrize("value", ["abc", 7, None, b"x"])
def test_of_other_values_nothing_is_known(value):
    assert likely_spellings(value, datetime.UTC) <= {str(value)} or isinstance(value, int)
