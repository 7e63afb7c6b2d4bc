"""What the log speaks of and LOCAL does not have, held back until the log's last word is known."""

from __future__ import annotations

import datetime
import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace

from ...key_texts import stored_key
from .changes import Change


class Absent:
    """Changes whose row is not there although nothing that has been read so far says that it was deleted.

    A later page may say so. They are kept in a private SQLite file, which spills to disk: a backlog may speak of any
    number of objects that were deleted at its end.
    """

    def __init__(self) -> None:
        self._file: sqlite3.Connection | None = None

    def hold(self, changes: Iterable[Change]) -> None:
        """Hold changes back; what was held of the same objects is part of them already."""
        rows = [(change.label, stored_key(change.key), json.dumps(asdict(change), default=str)) for change in changes]
        if not rows:
            return
        if self._file is None:
            self._file = sqlite3.connect("", isolation_level=None)
            self._file.execute("PRAGMA journal_mode = OFF")
            self._file.execute("CREATE TABLE held (label, key, change, PRIMARY KEY (label, key)) WITHOUT ROWID")
            self._file.execute("BEGIN")
        self._file.executemany("INSERT OR REPLACE INTO held VALUES (?, ?, ?)", rows)

    def has(self, change: Change) -> bool:
        """Tell whether something of the change's object is held back."""
        at = (change.label, stored_key(change.key))
        return (
            self._file is not None
            and self._file.execute("SELECT 1 FROM held WHERE label = ? AND key = ?", at).fetchone() is not None
        )

    def completed(self, change: Change) -> Change | None:
        """Return a change together with what was held of its object, and hold that no longer; ``None``: nothing was.

        An insert makes another object under the key: what is held of the one before it stays held.
        """
        if self._file is None:
            return None
        at = (change.label, stored_key(change.key))
        row = self._file.execute("SELECT change FROM held WHERE label = ? AND key = ?", at).fetchone()
        if row is None:
            return None
        held = _read(row[0])
        if change.created and not held.created:
            return None
        self._file.execute("DELETE FROM held WHERE label = ? AND key = ?", at)
        return replace(
            change,
            first=held.first if held.logged else change.first,
            created=held.created,
            old_values=held.old_values + change.old_values,
            attempts=held.attempts,
        )

    def __iter__(self) -> Iterator[Change]:
        if self._file is not None:
            for (stored,) in self._file.execute("SELECT change FROM held ORDER BY label, key"):
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
