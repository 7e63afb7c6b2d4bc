"""Which database an error speaks of, and whether it could be reached: a driver's message does not say."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, InterfaceError, OperationalError, connections

from .exceptions import DatabaseUnreachable, SynchroError

#: SQLite's primary codes that speak of the statement or of rights, and not of a file that cannot be had just now.
_OF_THE_STATEMENT = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_AUTH}


def means_unreachable(error: BaseException) -> bool:
    """Tell an error of the connection or the server (also a lock that was not to be had) from one of a statement."""
    if not isinstance(error, (OperationalError, InterfaceError)):
        return False
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    return code is None or code & 0xFF not in _OF_THE_STATEMENT


def lost_database(*aliases: str) -> str:
    """Return the alias of a database that cannot be reached any more, or ``''``.

    Args:
        *aliases: which are to be asked first; then comes every other one that this thread has used.
    """
    used = [connection.alias for connection in connections.all(initialized_only=True)]
    return next((alias for alias in dict.fromkeys([*aliases, *used]) if _is_lost(alias)), "")


def _is_lost(alias: str) -> bool:
    connection = connections[alias]
    try:
        connection.ensure_connection()
        return not connection.in_atomic_block and not connection.is_usable()
    except Error:
        return True


@contextmanager
def clear_errors(*aliases: str) -> Iterator[None]:
    """Say which database a connection error speaks of.

    A driver's message may name host, port, database and user, never the password; those who print it mask the user.

    Args:
        *aliases: the databases that the block works on; where all can be reached, it was the last one.

    Raises:
        DatabaseUnreachable: one cannot be reached, was lost, or kept a lock for too long.
        SynchroError: it has refused a statement.
    """
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        text = " ".join(str(error).split()).removesuffix(".")
        where = lost_database(*aliases) or aliases[-1]
        kind = DatabaseUnreachable if means_unreachable(error) else SynchroError
        raise kind(
            f"Database error while working on {where!r}: {text}. What was committed stays; run it again."
        ) from error
