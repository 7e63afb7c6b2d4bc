"""Whether a database is the one that it was: its place, and the history that its log tells."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connections

from ...vendors.vendor import database_of
from .vendor import log_of


def fingerprint(alias: str) -> str:
    """Return what tells this database from a copy of it; empty where there is nothing to tell by."""
    return database_of(connections[alias]).fingerprint(connections[alias])


def place(alias: str) -> object:
    """Return what is the same for two connections if and only if they lead to one database, this moment."""
    return database_of(connections[alias]).place(connections[alias])


def history_agrees(alias: str, position: str, mark: str, witness: str, pruned_to: Callable[[], int]) -> bool:
    """Tell whether the changelog still holds what a remote has received of it.

    Args:
        alias: the LOCAL database.
        position: what the remote has received.
        mark: ``last_row`` of the last window that had rows.
        witness: its ``witness``.
        pruned_to: tells the highest id that was pruned.
    """
    connection = connections[alias]
    log = log_of(connection)
    if not mark:
        return not log.is_ahead(connection, position)
    row_id = int(mark.split("|", 1)[0])
    known = row_mark(alias, row_id)
    if known:
        if _without_label(known) != _without_label(mark):
            return False
    elif row_id > pruned_to() and not (log.has_gone_on(connection, position) and log.highest_id(connection) >= row_id):
        return False
    if not log.NAMES_TRANSACTIONS:
        return not log.is_ahead(connection, position)
    # Without a recovery nothing is lost of what was committed; a row that is not there was pruned by hand.
    return log.has_gone_on(connection, position) or not witness or _holds(alias, witness, pruned_to())


def row_mark(alias: str, row_id: int) -> str:
    """Return the mark of a changelog row, or ``''``."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {log_of(connection).MARK} FROM synchro_triggers_changelog WHERE id = %s", [row_id])
        row = cursor.fetchone()
    return row[0] if row else ""


def _without_label(mark: str) -> list[str]:
    """Return what a renamed model leaves as it was: it may be renamed on one side only, so far."""
    row_id, moment, _, key = mark.split("|", 3)
    return [row_id, moment, key]


def _holds(alias: str, witness: str, pruned_to: int) -> bool:
    """Tell whether all rows of a window are there; of one that was pruned in part nobody can tell."""
    start, end, first, last, *sums = witness.split("|")
    if pruned_to >= int(first):
        return True
    log = log_of(connections[alias])
    where, params = log.between(start, end)
    with connections[alias].cursor() as cursor:
        cursor.execute(
            f"SELECT {log.SUMS} FROM synchro_triggers_changelog WHERE {where} AND id BETWEEN %s AND %s",
            [*params, int(first), int(last)],
        )
        return [str(number) for number in cursor.fetchone()] == sums
