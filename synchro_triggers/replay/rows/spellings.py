"""In which ways other clients write a value into SQLite, whose columns hold any text. Pure."""

from __future__ import annotations

import datetime
import ipaddress
import uuid
from typing import Any

#: How a text says that a time is in UTC.
_ENDS_IN_UTC = ("Z", "+00:00", "+0000", "+00", " +00:00")


def likely_spellings(value: Any, zone: datetime.tzinfo) -> set[str]:
    """Return texts of a value that other clients are known to write, Django's among them.

    Args:
        value: a UUID, date, time or IP address as Python has it; of anything else nothing is known.
        zone: that of times which name none.
    """
    if isinstance(value, uuid.UUID):
        dashed = str(value)
        plain = (value.hex, dashed, f"{{{dashed}}}")
        return {*plain, *(text.upper() for text in plain)}
    if isinstance(value, datetime.datetime):
        return _likely_datetimes(value, zone)
    if isinstance(value, datetime.date):
        year, month, day = f"{value.year:04}", value.month, value.day
        return {f"{year}-{m}-{d}" for m in (month, f"{month:02}") for d in (day, f"{day:02}")}
    if isinstance(value, datetime.time):
        return _likely_times(value)
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return set()
    texts = {str(address), address.exploded}
    return texts | {text.upper() for text in texts}


def _likely_datetimes(value: datetime.datetime, zone: datetime.tzinfo) -> set[str]:
    naive = value.astimezone(zone).replace(tzinfo=None) if value.tzinfo is not None else value
    texts = {f"{naive.date()}{between}{time}" for between in " T" for time in _likely_times(naive.time())}
    if value.tzinfo is None:
        return texts
    utc = value.astimezone(datetime.UTC).replace(tzinfo=None)
    return texts | {
        f"{utc.date()}{between}{time}{end}"
        for between in " T"
        for time in _likely_times(utc.time())
        for end in _ENDS_IN_UTC
    }


def _likely_times(time: datetime.time) -> set[str]:
    texts = {time.isoformat(), time.isoformat("microseconds")}
    if not time.microsecond % 1000:
        texts.add(time.isoformat("milliseconds"))
    if not (time.second or time.microsecond):
        texts.add(time.isoformat("minutes"))
    return texts
