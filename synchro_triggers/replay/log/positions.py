"""Positions in a database's log: how far it goes now."""

from __future__ import annotations

from typing import Any

from django.db import connections

from .snapshots import SNAPSHOT, era_of, parse_snapshot, snapshot_now


def current_position(alias: str) -> str:
    """Return the position that counts everything logged and committed up to now as received."""
    connection = connections[alias]
    if connection.vendor == "postgresql":
        return snapshot_now(connection)
    return str(highest_id(alias))


def commit_mark(alias: str) -> str:
    """Return a text that is another one whenever something may have been committed since it was read; cheap.

    Another process must have committed it: what this one commits on SQLite may not show.
    """
    connection = connections[alias]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(SNAPSHOT)
        else:
            cursor.execute("PRAGMA data_version")
        return str(cursor.fetchone()[0])


def position_since(alias: str, mark: str) -> str:
    """Return a position that is not before ``mark``, which was read just now; the mark itself where it is one."""
    connection = connections[alias]
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        return f"{mark}@{era_of(connection)}"
    return current_position(alias)


def highest_id(alias: str) -> int:
    """Return the highest changelog id that was ever given out."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT coalesce(pg_sequence_last_value("
                "pg_get_serial_sequence('synchro_triggers_changelog', 'id')::regclass), 0)"
            )
        else:
            # AUTOINCREMENT keeps the highest id ever given, also when rows were pruned.
            cursor.execute(
                "SELECT max(coalesce((SELECT max(id) FROM synchro_triggers_changelog), 0),"
                " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'synchro_triggers_changelog'), 0))"
            )
        return int(cursor.fetchone()[0])


def is_ahead(alias: str, position: str) -> bool:
    """Tell whether a position lies in the future of this database: it was taken from another history."""
    connection = connections[alias]
    if not position:
        return False
    if connection.vendor != "postgresql":
        return int(position) > highest_id(alias)
    then = parse_snapshot(position)
    if then.waiting is not None:
        return then.highest > highest_id(alias)
    return then.xmax > parse_snapshot(snapshot_now(connection)).xmax


def logged_no_later(alias: str, mark: str) -> tuple[str, list[Any]]:
    """Return a condition, and its parameters, for the changelog rows that are no younger than the row of a mark."""
    then = mark.split("|")[1]
    if connections[alias].vendor == "postgresql":
        return "extract(epoch FROM logged_at) <= %s::numeric", [then]
    return "logged_at <= %s", [then]


def era_suffix(alias: str) -> str:
    """Return what a PostgreSQL position carries of the server's history."""
    return f"@{era_of(connections[alias])}"
