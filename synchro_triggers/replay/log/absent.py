"""What the log speaks of and LOCAL does not have, held back until the log's last word is known."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from sqlite3 import Connection

from ...key_texts import stored_key
from .changes import Change
from .scratch import scratch_file


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
