"""Which objects a run has met already, however many they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from ...key_texts import stored_key
from .changes import Change


@contextmanager
def seen_objects(spans_pages: bool) -> Iterator[Callable[[Change], bool]]:
    """Yield a predicate that is true for each object once in a run.

    A run's pages are read one by one, and an object may be logged in many of them. What was seen is kept in
    a private SQLite file, which spills to disk: the memory does not grow with the number of objects.
    """
    if not spans_pages:
        yield lambda change: True
        return
    with closing(sqlite3.connect("", isolation_level=None)) as seen:
        seen.execute("PRAGMA journal_mode = OFF")
        seen.execute("CREATE TABLE object (label, key, PRIMARY KEY (label, key)) WITHOUT ROWID")
        seen.execute("BEGIN")

        def is_new(change: Change) -> bool:
            cursor = seen.execute("INSERT OR IGNORE INTO object VALUES (?, ?)", (change.label, stored_key(change.key)))
            return cursor.rowcount == 1

        yield is_new
