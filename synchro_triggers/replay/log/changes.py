"""Log entries to changes: one per object, in the order in which they are to be applied. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..schema.keys import FormerKey

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
        deleted: the last row is its delete: only then may an absent object be deleted on the remote.
        certain: ... and the row was gone then. SQLite logs a delete of what a statement may replace before it does.
        ended: id of the last delete after which the key was given out again; 0: there is none.
        begun: id of the insert that gave it out again.
        own: id of the last row that LOCAL's own users have caused; 0: none was.
        logged: ``first`` and ``last`` are ids of the log. Those of kept failures, and of objects that are not
            logged, only say in which order they come.
        read_until: no row of the log beyond this one can tell of the row that was read, where the log of another table
            tells which object has its key; 0: that of its own does.
        forged: no trigger has written what is said of it: no operation that there is, or no time.
        other_rows: labels and keys of the object's rows in other tables (multi-table inheritance) that were logged
            too, and that this change stands for.
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
    certain: bool = False
    ended: int = 0
    begun: int = 0
    own: int = 0
    logged: bool = False
    read_until: int = 0
    forged: bool = False
    other_rows: tuple[tuple[str, str], ...] = ()

    def of_other_rows(self) -> list[Change]:
        """Return a change for each of the other rows that this one stands for, as if it had been logged by itself."""
        alone = replace(
            self, old_values=(), attempts=0, deleted=False, certain=False, ended=0, begun=0, logged=False, other_rows=()
        )
        return [replace(alone, label=label, key=key) for label, key in self.other_rows]


def divided(change: Change) -> tuple[Change, Change]:
    """Divide what is said of one key into what is said of the object that had it, and of the one that has it now."""
    former = replace(
        change,
        key=FormerKey.of(change.key, change.ended),
        last=change.ended if change.logged else change.last,
        deleted=True,
        certain=True,
        ended=0,
        begun=0,
        own=min(change.own, change.ended),
    )
    later = replace(change, created=True, first=max(change.first, change.begun), old_values=())
    return former, later


def coalesce(changes: Iterable[Change]) -> list[Change]:
    """Merge changes of the same object, whatever page or label they were read under.

    Returns:
        One change an object, ordered by its first log row.
    """
    merged: dict[tuple[str, str], Change] = {}
    for change in sorted(changes, key=lambda change: change.first):
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
        certain=max(one, other, key=lambda change: change.last).certain,
        ended=max(one.ended, other.ended),
        begun=max(one.begun, other.begun),
        own=max(one.own, other.own),
        logged=one.logged and other.logged,
        read_until=max(one.read_until, other.read_until),
        forged=one.forged and other.forged,
    )
