"""Which version LOCAL has of an object: one of its own users', or one that it has received and only hands on."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from ...capture.keys import encode_key
from ...conf import local_alias
from ..log.changed_fields import rows_of_objects
from ..log.changes import LONG_AGO, Change
from ..log.heard import Basis
from ..log.own_windows import OwnRow, WindowNumbers, microseconds, own_rows
from ..log.users_changes import last_changes
from ..log.versions import Version, time_after
from ..rows.utc import zone_of
from ..schema.family import family_of
from ..schema.keys import FormerKey
from ..schema.shape import Shape, model_of, read_key
from ..tasks import At, ObjectTask
from .reference_table import Stored


class OwnVersions:
    """The versions of a batch's objects.

    Args:
        source: node id of LOCAL.
        numbers: numbers what its users have changed.
        received: what LOCAL has received, by root model and local key; it is read with the names.
    """

    def __init__(self, source: str, numbers: WindowNumbers, received: Mapping[At, Stored]) -> None:
        self._source, self._numbers, self._received = source, numbers, received
        self._tasks: Iterable[ObjectTask] = ()
        self._rows: dict[int, OwnRow] | None = None
        self._last_of_all: dict[tuple[str, str], int] = {}
        self._came_along: dict[At, OwnRow] = {}

    def expect(self, tasks: Iterable[ObjectTask]) -> None:
        """Take note of what the log says of a batch's objects."""
        self._tasks = tasks

    def expect_along(self, last: Mapping[At, int]) -> None:
        """Take note of the last own log rows of objects that come along with those of the batch."""
        rows = own_rows(local_alias(), list(last.values()))
        self._came_along = {at: rows[row_id] for at, row_id in last.items() if row_id in rows}

    @cached_property
    def _changes(self) -> dict[At, Change]:
        return {task.at: task.change for task in self._tasks if task.change is not None}

    def change_of(self, at: At) -> Change | None:
        """Return what the log says of an object of the batch."""
        return self._changes.get(at)

    def basis(self, at: At) -> Basis:
        """Return what the sender of an object had seen of it that LOCAL has received."""
        stored = self._received.get(at)
        return Basis() if stored is None else stored.basis

    def before(self, at: At, version: Version | None) -> list[Version]:
        """Return the versions of an object that had come to LOCAL, other than one, and what they were written upon."""
        stored = self._received.get(at)
        return [] if stored is None else [*(each for each in stored.versions if each != version), *stored.basis.upon]

    def received(self, at: At) -> Version | None:
        """Return the version of an object that LOCAL has received last, whether its users have changed it since."""
        stored = self._received.get(at)
        return None if stored is None else stored.version

    def of(self, at: At) -> Version | None:
        """Return LOCAL's version of an object; ``None``: nobody has written down who changed it last."""
        change = self._changes.get(at)
        row = self._row(change) if change is not None else self._came_along.get(at)
        if row is None:
            return self.received(at)
        return self.of_row(at, row, LONG_AGO if change is None else change.logged_at)

    def times_where_nothing_is_numbered(self) -> dict[At, int]:
        """Return when LOCAL's users have changed objects last, in microseconds, as far as the log told of them.

        That alone tells their versions, for all of it is of the first window. Empty: there are windows.
        """
        if self._numbers.any:
            return {}
        changes = self._changes.items()
        return {at: microseconds(change.logged_at) for at, change in changes if change.logged and change.own}

    def of_row(self, at: At, row: OwnRow, time: datetime.datetime) -> Version | None:
        """Return the version of an object of which a row of the log tells the last change of LOCAL's users.

        Args:
            time: that of the row, where no trigger has written it.
        """
        stored = self._received.get(at)
        seen = 0 if stored is None else stored.seen or 0
        if row.id <= seen:
            return self.received(at)
        logged, rows = row.time_or(time), row.id - seen
        return Version(self._source, self._numbers.of(row), time_after(logged, self.received(at), rows))

    def _row(self, change: Change) -> OwnRow | None:
        """Return the log row of the last change of LOCAL's own users."""
        if self._rows is None:
            self._last_of_all = self._last_since_received()
            wanted = [*(each.own for each in self._changes.values() if each.own), *self._last_of_all.values()]
            self._rows = own_rows(local_alias(), wanted)
        if not change.logged and not change.own and change.logged_at != LONG_AGO:
            change.own = self._last_own(change)
            self._rows.update(own_rows(local_alias(), [change.own]) if change.own else {})
        return self._rows.get(change.own or self._last_of_all.get((change.label, change.key), 0))

    def _last_since_received(self) -> dict[tuple[str, str], int]:
        """Return the last own row of each object that is brought with all others, by what its change says.

        Of those that LOCAL has received from somebody: what its users have changed since is no version of theirs.
        """
        by_shape: dict[Shape, dict[Any, Change]] = {}
        after: dict[Shape, int] = {}
        for task in self._tasks:
            change, stored = task.change, self._received.get(task.at)
            if change is None or change.logged or change.own or change.logged_at != LONG_AGO:
                continue
            if stored is not None and stored.version is not None and not isinstance(task.key, FormerKey):
                by_shape.setdefault(task.shape, {})[task.key] = change
                after[task.shape] = min(stored.seen or 0, after.get(task.shape, stored.seen or 0))
        last: dict[tuple[str, str], int] = {}
        for shape, changes in by_shape.items():
            found = rows_of_objects(local_alias(), family_of(shape), changes, origin="", id__gt=after[shape])
            for key, rows in found.items():
                last[changes[key].label, changes[key].key] = max(row.id for row in rows)
        return last

    @staticmethod
    def _last_own(change: Change) -> int:
        """Return the id of the last own row of an object of which a failure is kept; 0: there is none any more."""
        model = model_of(change.label)
        key = read_key(model, change.key, zone_of(local_alias())) if model is not None else None
        if isinstance(key, FormerKey):
            return key.ended
        return max((last.id for _, last in last_changes(local_alias(), change.label, [encode_key(key)], "")), default=0)
