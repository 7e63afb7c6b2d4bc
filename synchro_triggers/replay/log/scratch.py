"""What a run notes of objects, however many they are: in a private SQLite file, which spills to disk."""

from __future__ import annotations

import sqlite3


def scratch_file(further: str = "") -> sqlite3.Connection:
    """Return a new file with a table ``noted``: ``label``, ``key``, and further columns. It goes when it is closed."""
    file = sqlite3.connect("", isolation_level=None)
    file.execute("PRAGMA journal_mode = OFF")
    file.execute(f"CREATE TABLE noted (label, key{further}, PRIMARY KEY (label, key)) WITHOUT ROWID")
    file.execute("BEGIN")
    return file
