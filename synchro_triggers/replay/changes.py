"""Log entries to changes: one per object, in the order in which they are to be applied. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, replace

#: The time of what was not logged (``--full``): older than anything that the remote's own users may have changed, so
#: that where the newer one wins, they do.
LONG_AGO = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@dataclass(slots=True, eq=False)  # frozen, compared and hashed by its values, it would cost as much as its object
class Change:
    """Everything that a window says of one object.

    Attributes:
        label: the model label that the trigger wrote.
        key: the primary key as the trigger wrote it (``ChangeLog.object_pk``).
        first, last: ids of the object's first and last log row.
        created: the first row is its insert, so that nobody else knew it before this window.
        logged_at: the time of the last change, aware, UTC.
        old_values: stored old values (JSON), oldest first.
        attempts: how often it has failed so far.
        deleted: the last row is its delete. For people; what is done follows from the row, not from this.
    """

    label: str
    key: str
    first: int
    last: int
    created: bool
    logged_at: datetime.datetime
    old_values: tuple[str, ...] = ()
    attempts: int = 0
    deleted: bool = False


def coalesce(changes: Iterable[Change]) -> list[Change]:
    """Merge changes of the same object, whatever page or label they were read under.

    Returns:
        One change an object, ordered by its first log row.
    """
    merged: dict[tuple[str, str], Change] = {}
    for change in changes:
        known = merged.get((change.label, change.key))
        merged[change.label, change.key] = change if known is None else _merge(known, change)
    return sorted(merged.values(), key=lambda change: (change.first, change.label, change.key))


def _merge(one: Change, other: Change) -> Change:
    earlier, later = sorted((one, other), key=lambda change: change.first)
    return replace(
        earlier,
        last=max(one.last, other.last),
        logged_at=max(one.logged_at, other.logged_at),
        old_values=earlier.old_values + later.old_values,
        attempts=max(one.attempts, other.attempts),
        deleted=max(one, other, key=lambda change: change.last).deleted,
    )
