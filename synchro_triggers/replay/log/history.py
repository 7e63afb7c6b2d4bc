"""Whether a database is the one that it was: its place, and the history that its log tells."""

from __future__ import annotations

import os

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from .positions import highest_id, is_ahead
from .snapshots import between_snapshots, era_of


def fingerprint(alias: str) -> str:
    """Return what tells this database from a copy of it; empty where there is nothing to tell by.

    PostgreSQL: the cluster's identifier and the database's number in it. SQLite: the file's number on its disk
    (not its path or host, which differ between containers that share the file).
    """
    connection = connections[alias]
    if asked := fingerprint_as_sql(connection):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {asked}")
            return str(cursor.fetchone()[0])
    file = _file(connection) if connection.vendor == "sqlite" else None
    return str(file.st_ino) if file else ""


def fingerprint_as_sql(connection: BaseDatabaseWrapper) -> str:
    """Return the expression that tells a database from a copy of it; empty where SQL does not tell that."""
    return f"(SELECT {_FINGERPRINT} FROM pg_control_system())" if connection.vendor == "postgresql" else ""


_FINGERPRINT = "system_identifier || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())"


def place(alias: str) -> object:
    """Return what is the same for two connections if and only if they lead to one database, this moment."""
    connection = connections[alias]
    if connection.vendor == "postgresql":
        # A standby and a copy of the cluster's files have its identifier too, but another postmaster.
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {_FINGERPRINT}, extract(epoch FROM pg_postmaster_start_time())::text FROM pg_control_system()"
            )
            return tuple(cursor.fetchone())
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite":
        return connection.vendor, name  # a remote only, and so never where LOCAL is
    if file := _file(connection):
        return file.st_dev, file.st_ino
    # In memory each connection has a database of its own, unless they share one by its name.
    return name.partition("?")[0] if "cache=shared" in name else id(connection)


def _file(connection: BaseDatabaseWrapper) -> os.stat_result | None:
    """Return what the system knows of a SQLite database's file, of which its name may be a URI; in memory: ``None``."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA database_list")
        path = cursor.fetchone()[2]
    try:
        return os.stat(path)
    except OSError:
        return None


def history_agrees(alias: str, position: str, mark: str, witness: str, pruned_to: int) -> bool:
    """Tell whether the changelog still holds what a remote has received of it.

    Args:
        alias: the LOCAL database.
        position: what the remote has received.
        mark: ``last_row`` of the last window that had rows.
        witness: its ``witness``.
        pruned_to: the highest id that was pruned.
    """
    if not mark:
        return not is_ahead(alias, position)
    row_id = int(mark.split("|", 1)[0])
    known = row_mark(alias, row_id)
    if known:
        if known != mark:
            return False
    elif row_id > pruned_to and not (_went_on(alias, position) and highest_id(alias) >= row_id):
        return False
    if connections[alias].vendor != "postgresql":
        return not is_ahead(alias, position)
    # Without a recovery nothing is lost of what was committed; a row that is not there was pruned by hand.
    return _went_on(alias, position) or not witness or _holds(alias, witness, pruned_to)


def row_mark(alias: str, row_id: int) -> str:
    """Return the mark of a changelog row, or ``''``."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {mark_as_sql(connection)} FROM synchro_triggers_changelog WHERE id = %s", [row_id])
        row = cursor.fetchone()
    return row[0] if row else ""


def _holds(alias: str, witness: str, pruned_to: int) -> bool:
    """Tell whether all rows of a window are there; of one that was pruned in part nobody can tell."""
    start, end, first, last, *sums = witness.split("|")
    if pruned_to >= int(first):
        return True
    where, params = between_snapshots(start, end)
    with connections[alias].cursor() as cursor:
        cursor.execute(
            f"SELECT {SUMS} FROM synchro_triggers_changelog WHERE {where} AND id BETWEEN %s AND %s",
            [*params, int(first), int(last)],
        )
        return [str(number) for number in cursor.fetchone()] == sums


def _went_on(alias: str, position: str) -> bool:
    """Tell whether LOCAL has gone on from a position without a recovery, as far as that can be known."""
    connection = connections[alias]
    if connection.vendor != "postgresql":
        return True  # its ids have no gaps: what was lost is given out again, to other rows
    then, now = position.partition("@")[2], era_of(connection)
    if not then or not now:
        return True
    timeline, lsn, *server = then.split(":")
    timeline_now, lsn_now, *server_now = now.split(":")
    return timeline == timeline_now and server == server_now and int(lsn) <= int(lsn_now)


_MARK = "id || '|' || {distinct} || '|' || model_label || '|' || {key}"


def mark_as_sql(connection: BaseDatabaseWrapper) -> str:
    # A time's text depends on the session on PostgreSQL, its number does not. Numbers of rows and transactions alone
    # do not tell: after a cluster was put back from a copy of its files, the same ones are given out again.
    # SQLite may hold keys that no other database takes as text.
    if connection.vendor == "postgresql":
        return _MARK.format(distinct="extract(epoch FROM logged_at)", key="object_pk")
    return _MARK.format(distinct="logged_at", key="hex(object_pk)")


#: Rows counted and told apart in a way that does not hang on their order, and costs next to nothing.
SUMS = (
    "count(*), bit_xor(id),"
    " bit_xor((date_part('epoch', logged_at) * 1000000)::bigint) FILTER (WHERE isfinite(logged_at))"
)
