"""What a run notes of objects, however many they are, in a private SQLite file; and which of them it has met."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from ...key_texts import stored_key
from .changes import Change


def scratch_file(further: str = "") -> sqlite3.Connection:
    """Return a new file with a table ``noted``: ``label``, ``key``, and further columns. It goes when it is closed."""
    file = sqlite3.connect("", isolation_level=None)
    file.execute("PRAGMA journal_mode = OFF")
    file.execute(f"CREATE TABLE noted (label, key{further}, PRIMARY KEY (label, key)) WITHOUT ROWID")
    file.execute("BEGIN")
    return file


@contextmanager
def seen_objects(spans_pages: bool) -> Iterator[Callable[[Change], bool]]:
    """Yield what tells of each object whether it is met for the first time in a run.

    A run's pages are read one by one, and an object may be logged in many of them.
    """
    if not spans_pages:
        yield lambda change: True
        return
    with closing(scratch_file()) as seen:

        def is_new(change: Change) -> bool:
            cursor = seen.execute("INSERT OR IGNORE INTO noted VALUES (?, ?)", (change.label, stored_key(change.key)))
            return cursor.rowcount == 1

        yield is_new
