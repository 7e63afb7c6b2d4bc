"""Positions in the log of a PostgreSQL database: snapshots of its transactions."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True)
class Snapshot:
    """A PostgreSQL position, parsed: transactions below ``xmax`` and not in ``running`` are received.

    Attributes:
        xmax, running: as PostgreSQL writes them.
        own: a transaction that had not committed when the position was taken, and the id of its last row that counts
            as received.
        highest: the highest changelog id that was visible.
        waiting: of a position that has moved to another cluster: the ids up to ``highest`` that are not received,
            first and last of each row of them; transactions have no say then.
    """

    xmax: int
    running: tuple[int, ...]
    own: tuple[int, int] | None
    highest: int
    waiting: tuple[tuple[int, int], ...] | None = None


def parse_snapshot(position: str) -> Snapshot:
    """Parse ``xmin:xmax:xip,…[/txid:id]#highest@era``, or ``ids:1-3,7#highest@era``.

    Raises:
        ValueError: it is no such text.
    """
    visible, _, highest = position.partition("@")[0].partition("#")
    if visible.startswith("ids:"):
        spans = [span.partition("-") for span in visible.removeprefix("ids:").split(",") if span]
        waiting = tuple((int(first), int(last or first)) for first, _, last in spans)
        return Snapshot(0, (), None, int(highest or 0), waiting)
    snapshot, _, own = visible.partition("/")
    _, xmax, running = snapshot.split(":")
    in_progress = tuple(int(txid) for txid in running.split(",") if txid)
    if not own:
        return Snapshot(int(xmax), in_progress, None, int(highest or 0))
    txid, last = map(int, own.split(":"))
    # A snapshot leaves its own transaction out of those in progress.
    return Snapshot(int(xmax), (*in_progress, txid), (txid, last), int(highest or 0))


def between_snapshots(start: str, end: str) -> tuple[str, list[Any]]:
    upper = parse_snapshot(end)
    seen_by_end = "txid < %s AND txid <> ALL (%s::bigint[])"
    params: list[Any] = [upper.xmax, list(upper.running)]
    if upper.own is not None:
        seen_by_end = f"({seen_by_end} OR txid = %s AND id <= %s)"
        params += upper.own
    if not start:
        return seen_by_end, params
    unseen_by_start, start_params = unseen_by(parse_snapshot(start))
    return f"{seen_by_end} AND ({unseen_by_start})", [*params, *start_params]


def unseen_by(lower: Snapshot) -> tuple[str, list[Any]]:
    params: list[Any] = [lower.highest]
    if lower.waiting is not None:
        spans = "".join(" OR id BETWEEN %s AND %s" for _ in lower.waiting)
        return f"id > %s{spans}", [*params, *(number for span in lower.waiting for number in span)]
    late = "(txid >= %s OR txid = ANY (%s::bigint[]))"
    params += [lower.xmax, list(lower.running)]
    if lower.own is not None:
        late += " AND NOT (txid = %s AND id <= %s)"
        params += lower.own
    return f"id > %s OR {late}", params


SNAPSHOT = (
    "SELECT txid_current_snapshot()::text || '#' || coalesce((SELECT max(id) FROM synchro_triggers_changelog), 0)"
)


def snapshot_now(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        if not connection.in_atomic_block:
            cursor.execute(SNAPSHOT)
            return f"{cursor.fetchone()[0]}@{era_of(connection)}"
        cursor.execute(
            "SELECT txid_current_snapshot()::text, txid_current_if_assigned(),"
            " (SELECT max(id) FROM synchro_triggers_changelog WHERE txid = txid_current_if_assigned()),"
            " (SELECT max(id) FROM synchro_triggers_changelog)"
        )
        snapshot, own, last, highest = cursor.fetchone()
    own_rows = "" if own is None else f"/{own}:{last or 0}"
    return f"{snapshot}{own_rows}#{highest or 0}@{era_of(connection)}"


_ERA = """
SELECT ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int,
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint,
       (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,
       coalesce(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint, 0)
 WHERE NOT pg_is_in_recovery()
"""


def era_of(connection: BaseDatabaseWrapper) -> str:
    """Return the timeline, how far its WAL is, since when the server runs, and where its last recovery ended.

    A server that is read from while it recovers, and one that somebody has made without WAL, says nothing.
    """
    try:
        # An error must not spoil the caller's transaction.
        apart = transaction.atomic(using=connection.alias) if connection.in_atomic_block else nullcontext()
        with apart, connection.cursor() as cursor:
            cursor.execute(_ERA)
            row = cursor.fetchone()
    except DatabaseError:
        return ""
    return ":".join(map(str, row)) if row else ""
