"""Rows of deleted objects that others have now, by their natural keys, until a run comes to these."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from sqlite3 import Connection
from typing import Any, NamedTuple

from django.db.models import Model

from ...capture.keys import encode_key
from ...conf import local_alias
from ...key_texts import stored_key
from ..rows.utc import zone_of
from ..schema.keys import FormerKey
from ..schema.shape import family_labels, model_of, read_key, root_of
from .behind import leave_to_the_next
from .changes import Change
from .seen import scratch_file


class LeftThere(NamedTuple):
    """A row that was left on the remote: the label and key of what was deleted, and the reason, for people."""

    label: str
    key: str
    reason: str


class HandedOn:
    """Rows that were left to other objects, as long as the run has not come to what the log says of those.

    A key that was changed is logged as a delete and an insert, and the insert may be in a later batch. What came past
    the log is in none. A backlog may be of any number of changed keys.
    """

    def __init__(self) -> None:
        self._file: Connection | None = None

    def hold(self, rows: Mapping[tuple[type[Model], Any], LeftThere]) -> None:
        """Hold rows, by the root model and local key of who has them now."""
        if not rows:
            return
        if self._file is None:
            self._file = scratch_file(", deleted_label, deleted_key, reason")
        noted = [(root._meta.label, stored_key(encode_key(key)), *left) for (root, key), left in rows.items()]
        self._file.executemany("INSERT OR REPLACE INTO noted VALUES (?, ?, ?, ?, ?)", noted)

    def come_to(self, changes: Iterable[Change]) -> None:
        """Forget what objects have of which a run has dealt with a change: they are written, or kept as failures."""
        if self._file is not None:
            come_to = [at for change in changes if (at := _at(change)) is not None]
            self._file.executemany("DELETE FROM noted WHERE label = ? AND key = ?", come_to)

    def leave_to_the_next(self, after: int) -> None:
        """Hold no longer what objects have that the next run comes to: the log speaks of them behind a row."""
        if self._file is not None:
            leave_to_the_next(self._file, after, _labels_of)

    def __iter__(self) -> Iterator[LeftThere]:
        if self._file is not None:
            statement = "SELECT deleted_label, deleted_key, reason FROM noted ORDER BY deleted_label, deleted_key"
            yield from map(LeftThere._make, self._file.execute(statement))

    def close(self) -> None:
        """Forget all."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _labels_of(label: str) -> Collection[str]:
    model: type[Model] | None = model_of(label)
    return (label,) if model is None else family_labels(model)


def _at(change: Change) -> tuple[str, str] | None:
    """Return where the object of a change is noted, its key spelt as others spell it."""
    model: type[Model] | None = model_of(change.label)
    if model is None or isinstance(change.key, FormerKey):
        return None
    return root_of(model)._meta.label, stored_key(encode_key(read_key(model, change.key, zone_of(local_alias()))))
