"""SQLite's error codes."""

from __future__ import annotations

import sqlite3

from .kinds import Kind

#: Of the file as a whole: full, out of reach, broken.
_REFUSES = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PROTOCOL,
}

#: Another connection has locked the file, or, where a cache is shared, the table.
_CONTENDED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def kind_of(error: BaseException) -> Kind | None:
    """Return what an error of ``sqlite3`` speaks of; ``None``: it is none."""
    if not isinstance(error, sqlite3.Error):
        return None
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # of the module itself: a closed connection, or a value that it cannot read or bind
        return Kind.UNSAID if isinstance(error, sqlite3.ProgrammingError) else Kind.STATEMENT
    if code & 0xFF in _CONTENDED:
        return Kind.CONTENDED
    return Kind.REFUSES if code & 0xFF in _REFUSES else Kind.STATEMENT
