"""Of a batch's objects that are merged by field: which fields LOCAL has changed, and which versions it has of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from django.db import connections

from ...conf import local_alias
from ..log.changed_fields import FieldsRow, last_by_users, names_of, rows_of_objects
from ..log.changes import Change
from ..log.field_versions import FieldVersion
from ..log.own_windows import OwnRow, WindowNumbers, own_rows
from ..log.vendor import log_of
from ..log.versions import Version, time_after
from ..schema.family import family_of
from ..schema.keys import FormerKey
from ..schema.shape import Shape
from ..tasks import At, ObjectTask
from .reference_table import Stored

#: LOCAL's versions of fields, by name; ``None``: nobody has written down who changed one last.
Versions = Mapping[str, Version | None]


class _Told(NamedTuple):
    """What LOCAL has of an object: versions of the fields that are to be brought."""

    change: Change
    names: frozenset[str] | None
    versions: Versions
    rows: Mapping[str, OwnRow]


class OwnFields:
    """The fields of a batch's objects; those with rows under several keys are not merged by field.

    Args:
        source, target: node ids of LOCAL and of the remote.
        numbers: numbers what LOCAL's users have changed.
        received: what LOCAL has received, by root model and local key; it is read with the names.
        labels: of the models that are merged by field.
    """

    def __init__(
        self,
        source: str,
        target: str,
        numbers: WindowNumbers,
        received: Mapping[At, Stored],
        labels: Collection[str],
    ) -> None:
        self._source, self._target, self._numbers, self._received = source, target, numbers, received
        self._labels = labels
        self._tasks: dict[At, ObjectTask] = {}
        self._told: dict[At, _Told] = {}

    def expect(self, tasks: Iterable[ObjectTask]) -> None:
        """Take note of a batch's objects."""
        if self._labels:
            self._tasks = {task.at: task for task in tasks if self._is_told(task)}

    def _is_told(self, task: ObjectTask) -> bool:
        is_there = task.change is not None and task.instance is not None
        return is_there and not isinstance(task.key, FormerKey) and self.concerns(task.shape)

    def concerns(self, shape: Shape) -> bool:
        """Tell whether objects of a model are merged by field."""
        return shape.label in self._labels and not shape.other_parents

    @property
    def objects(self) -> Collection[At]:
        """Those of the batch's objects that are merged by field."""
        return self._tasks.keys()

    def changed(self, at: At) -> frozenset[str] | None:
        """Return the names of the fields that LOCAL has changed in an object; ``None``: its log does not tell."""
        task = self._tasks.get(at)
        if task is None or not _is_changed(task):
            return None
        return self._of(task).names

    def versions(self, at: At) -> Versions | None:
        """Return LOCAL's versions of what it has changed; ``None``: it is no object of the batch that has any."""
        task = self._tasks.get(at)
        return None if task is None else self._of(task).versions

    def versions_of_all(self, at: At) -> Versions | None:
        """Return LOCAL's versions of all fields of an object, which is new on the remote."""
        task = self._tasks.get(at)
        if task is None or not _is_changed(task):
            return None if task is None else self._of(task).versions
        models = family_of(task.shape)
        rows = rows_of_objects(local_alias(), models, [task.key], id__lte=_until(self._of(task).change), origin="")
        return self._told_of([(task, rows.get(task.key, []), None)])[at].versions

    def have_arrived(self, at: At, position: str) -> bool:
        """Tell whether a position of LOCAL's log counts as received all that has come to LOCAL of an object."""
        task = self._tasks.get(at)
        if task is None or not position:
            return False
        rows = rows_of_objects(local_alias(), family_of(task.shape), [task.key]).get(task.key, [])
        last = max((row for row in rows if row.origin), key=lambda row: row.id, default=None)
        return last is None or log_of(connections[local_alias()]).sees(position, (last.id, last.txid))

    def last_row(self, at: At, name: str) -> OwnRow | None:
        """Return the row of LOCAL's log by which its users have changed a field last, as far as the batch tells."""
        task = self._tasks.get(at)
        return None if task is None else self._of(task).rows.get(name)

    def _of(self, task: ObjectTask) -> _Told:
        if task.at not in self._told:
            self._told.update(self._load(task))
        return self._told[task.at]

    def _load(self, like: ObjectTask) -> dict[At, _Told]:
        """Read, in two queries, what the log says of the batch's objects of one model that it tells of alike."""
        of_window = like.change is not None and like.change.logged
        tasks = [task for task in self._tasks.values() if task.shape is like.shape and _is_logged(task) is of_window]
        among: dict[str, Any] = {"origin": ""}
        if of_window:
            changes = [task.change for task in tasks if task.change is not None]
            among = {"id__gte": min(each.first for each in changes), "id__lte": max(map(_until, changes))}
        found = rows_of_objects(local_alias(), family_of(like.shape), [task.key for task in tasks], **among)
        told: list[tuple[ObjectTask, list[FieldsRow], frozenset[str] | None]] = []
        for task in tasks:
            rows, names = found.get(task.key, []), None
            if of_window and (change := task.change) is not None:
                # What came from the remote, it has.
                rows = [row for row in rows if change.first <= row.id <= _until(change) and row.origin != self._target]
                names = None if change.created else names_of(rows)
            told.append((task, rows, names))
        return self._told_of(told)

    def _told_of(self, told: Iterable[tuple[ObjectTask, list[FieldsRow], frozenset[str] | None]]) -> dict[At, _Told]:
        last: dict[At, Mapping[str, FieldsRow]] = {}
        names_of_task: dict[At, tuple[ObjectTask, frozenset[str] | None]] = {}
        for task, rows, names in told:
            copied = frozenset(each.name for each in task.shape.copied)
            if names is not None:  # a field that was renamed since has another name now
                known = {each.name for each in task.shape.model._meta.concrete_fields}
                names = names & copied if names <= known else None
            last[task.at] = last_by_users(rows, copied if names is None else names)
            names_of_task[task.at] = task, names
        own = own_rows(local_alias(), {row.id for rows in last.values() for row in rows.values()})
        found: dict[At, _Told] = {}
        for at, (task, names) in names_of_task.items():
            assert task.change is not None
            versions = {
                name: self._version(at, name, own.get(last[at][name].id) if name in last[at] else None, task.change)
                for name in ([each.name for each in task.shape.copied] if names is None else names)
            }
            by_name = {name: own[row.id] for name, row in last[at].items() if row.id in own}
            found[at] = _Told(task.change, names, versions, by_name)
        return found

    def _version(self, at: At, name: str, row: OwnRow | None, change: Change) -> Version | None:
        version, seen = self.received(at, name)
        if row is None or row.id <= (seen or 0):
            return version
        rows = row.id - (seen or 0)
        return Version(self._source, self._numbers.of(row), time_after(row.time_or(change.logged_at), version, rows))

    def received(self, at: At, name: str) -> FieldVersion:
        """Return which version of a field LOCAL has received last, whether its users have changed it since."""
        stored = self._received.get(at)
        return FieldVersion(None, None) if stored is None else stored.of_field(name)


def _is_logged(task: ObjectTask) -> bool:
    return task.change is not None and task.change.logged


def _until(change: Change) -> int:
    """Return the last row of the log that tells of an object as it was read."""
    return max(change.last, change.own)


def _is_changed(task: ObjectTask) -> bool:
    """Tell whether the log says which fields of an object were changed: it was there before."""
    return task.change is not None and task.change.logged and not task.change.created
