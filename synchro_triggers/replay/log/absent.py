"""What the log speaks of and LOCAL does not have any more; held back until the log's last word is known."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from sqlite3 import Connection
from typing import Any

from django.db.models import Model

from ...conf import local_alias
from ...key_texts import stored_key
from ..rows.raw_keys import may_hide, there_as_text
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..schema.keys import Unreadable
from ..schema.shape import model_of, read_key
from .behind import leave_to_the_next
from .changes import Change
from .seen import scratch_file


class Absent:
    """Changes whose row is not there although nothing that has been read so far says that it was deleted.

    A later page may say so. A backlog may speak of any number of objects that were deleted at its end.
    """

    def __init__(self) -> None:
        self._file: Connection | None = None

    def hold(self, changes: Iterable[Change]) -> None:
        """Hold changes back; what was held of the same objects is part of them already."""
        rows = [(change.label, stored_key(change.key), json.dumps(asdict(change), default=str)) for change in changes]
        if not rows:
            return
        if self._file is None:
            self._file = scratch_file(", change")
        self._file.executemany("INSERT OR REPLACE INTO noted VALUES (?, ?, ?)", rows)

    def has(self, change: Change) -> bool:
        """Tell whether something of the change's object is held back."""
        at = (change.label, stored_key(change.key))
        return (
            self._file is not None
            and self._file.execute("SELECT 1 FROM noted WHERE label = ? AND key = ?", at).fetchone() is not None
        )

    def completed(self, change: Change) -> Change | None:
        """Return a change together with what was held of its object, and hold that no longer; ``None``: nothing was.

        An insert makes another object under the key: what is held of the one before it stays held.
        """
        if self._file is None:
            return None
        at = (change.label, stored_key(change.key))
        row = self._file.execute("SELECT change FROM noted WHERE label = ? AND key = ?", at).fetchone()
        if row is None:
            return None
        held = _read(row[0])
        if change.created and not held.created:
            return None
        self._file.execute("DELETE FROM noted WHERE label = ? AND key = ?", at)
        return replace(
            change,
            first=held.first if held.logged else change.first,
            created=held.created,
            old_values=held.old_values + change.old_values,
            attempts=held.attempts,
        )

    def leave_to_the_next(self, after: int) -> None:
        """Hold no longer what the next run comes to: the log speaks of it once more behind a row."""
        if self._file is not None:
            leave_to_the_next(self._file, after, lambda label: [label])

    def __iter__(self) -> Iterator[Change]:
        if self._file is not None:
            for (stored,) in self._file.execute("SELECT change FROM noted ORDER BY label, key"):
                yield _read(stored)

    def close(self) -> None:
        """Forget all."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _read(text: str) -> Change:
    stored = json.loads(text)
    stored["logged_at"] = datetime.datetime.fromisoformat(stored["logged_at"])
    stored["other_rows"] = tuple((label, key) for label, key in stored["other_rows"])
    return Change(**{**stored, "old_values": tuple(stored["old_values"])})


#: Keys that are looked for at a time. Of some kinds each column is a parameter, of which SQLite takes 32,766 at once;
#: of keys of several columns each is a level of an expression, which may have 1,000 there.
_LOOKED_FOR = 500


def without_a_row(changes: Iterable[Change]) -> list[Change]:
    """Return those changes whose row LOCAL does not have any more."""
    gone: list[Change] = []
    for model, alike in by_model(changes).items():
        for start in range(0, len(alike), _LOOKED_FOR):
            gone += _without_a_row(model, alike[start : start + _LOOKED_FOR])
    return gone


def by_model(changes: Iterable[Change]) -> dict[type[Model], list[Change]]:
    """Group changes by their models; those of models that no longer exist are left out."""
    by_label: dict[str, list[Change]] = {}
    for change in changes:
        by_label.setdefault(change.label, []).append(change)
    found: dict[type[Model], list[Change]] = {}
    for label, alike in by_label.items():
        if (model := model_of(label)) is not None:
            found.setdefault(model, []).extend(alike)
    return found


def _without_a_row(model: type[Model], changes: Sequence[Change]) -> list[Change]:
    keys = {change: read_key(model, change.key, zone_of(local_alias())) for change in changes}
    there = set(rows_with(model, local_alias(), pk=list(keys.values())).values_list("pk", flat=True))
    missing = {change: key for change, key in keys.items() if key not in there}
    hidden = hidden_rows(model, missing)
    return [change for change in missing if change not in hidden]


def hidden_rows(model: type[Model], missing: Mapping[Change, Any]) -> set[Change]:
    """Return those whose rows are there, though their keys cannot be read, or find nothing."""
    doubtful = [
        change for change, key in missing.items() if isinstance(key, Unreadable) or may_hide(local_alias(), model)
    ]
    there = there_as_text(local_alias(), model, [change.key for change in doubtful]) if doubtful else ()
    return {change for change in doubtful if change.key in there}
