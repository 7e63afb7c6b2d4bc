"""The log of a PostgreSQL database: positions in it are snapshots of its transactions.

PostgreSQL gives out ids at the insert, not at the commit; a reader that takes ``id > last`` loses what
a long transaction logged early and committed late. So each row carries its transaction id and the position
is a snapshot (``xmin:xmax:in-progress``); new is what that snapshot does not see: ``txid >= xmax`` or one of
those in progress. That is PgQ's way (Skype, 2007). A run reads up to a second snapshot, taken at its start,
so that its pages are of one piece although nothing holds a transaction open between them.

A caller may have written rows in the very transaction it calls us in (tests do): a snapshot never sees
those of its own transaction, so such a position carries ``/txid:id`` too, the last row of its own.

A server that recovers (a crash, a standby that takes over, a backup put back by replay of the WAL) gives out the
transaction ids of what it has lost once more, but no id of the changelog that was ever visible: sequences only jump
ahead. So a position carries ``#id`` too, the highest id that was visible: what has a higher one is new, whatever its
transaction. ``@timeline:lsn:started:replayed`` tells whether the server has recovered since.

In another cluster the ids of transactions mean nothing. There a position that has moved along is ``ids:1-3,7#9@…``:
received is what has an id up to 9, but for those named.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ...exceptions import Refused
from ..rows.postgres import array_parameter
from .notes import unreadable

NAMES_TRANSACTIONS: bool = True
REPLACES_ARE_INSERTS: bool = False

# A time's text depends on the session, its number does not. Numbers of rows and transactions alone do not tell: after a
# cluster was put back from a copy of its files, the same ones are given out again.
MARK: str = "id || '|' || extract(epoch FROM logged_at) || '|' || model_label || '|' || object_pk"
NO_LATER: str = "extract(epoch FROM logged_at) <= %s::numeric"
OLD_VALUES: str = "json_agg(old_values ORDER BY id)"
RUNNING: str = "txid_current_snapshot()::text"
SUMS: str = (
    "count(*), bit_xor(id),"
    " bit_xor((date_part('epoch', logged_at) * 1000000)::bigint) FILTER (WHERE isfinite(logged_at))"
)
STANDBY: str = "pg_is_in_recovery()"


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


@lru_cache(maxsize=256)
def parse_snapshot(position: str) -> Snapshot:
    """Parse ``xmin:xmax:xip,…[/txid:id]#highest@era``, or ``ids:1-3,7#highest@era``.

    Raises:
        Refused: it is no such text.
    """
    try:
        return _parsed(position)
    except ValueError:
        raise unreadable(position) from None


def _parsed(position: str) -> Snapshot:
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


def between(start: str, end: str) -> tuple[str, list[Any]]:
    upper = parse_snapshot(end)
    seen_by_end = "txid < %s AND txid <> ALL (%s::bigint[])"
    params: list[Any] = [upper.xmax, list(upper.running)]
    if upper.own is not None:
        seen_by_end = f"({seen_by_end} OR txid = %s AND id <= %s)"
        params += upper.own
    if not start:
        return seen_by_end, params
    unseen_by_start, start_params = _unseen_by(parse_snapshot(start))
    return f"{seen_by_end} AND ({unseen_by_start})", [*params, *start_params]


def _unseen_by(lower: Snapshot) -> tuple[str, list[Any]]:
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


def received(position: str) -> tuple[str, list[Any]]:
    unseen, params = _unseen_by(parse_snapshot(position))
    return f"NOT ({unseen})", params


def received_to(position: str) -> int:
    return parse_snapshot(position).highest if position else 0


def not_received(position: str) -> Sequence[tuple[int, int]]:
    return (parse_snapshot(position).waiting or ()) if position else ()


def sees(position: str, row: tuple[int, int]) -> bool:
    if not position:
        return False
    snapshot, (row_id, txid) = parse_snapshot(position), row
    if row_id > snapshot.highest:
        return False
    if snapshot.waiting is not None:
        return not any(first <= row_id <= last for first, last in snapshot.waiting)
    if snapshot.own is not None and txid == snapshot.own[0]:
        return row_id <= snapshot.own[1]
    return txid < snapshot.xmax and txid not in snapshot.running


_SNAPSHOT = (
    "SELECT txid_current_snapshot()::text || '#' || coalesce((SELECT max(id) FROM synchro_triggers_changelog), 0)"
)


def current_position(connection: BaseDatabaseWrapper) -> str:
    if not connection.in_atomic_block:
        return _position_of_all(connection)
    with connection.cursor() as cursor:
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


def _position_of_all(connection: BaseDatabaseWrapper) -> str:
    """Return the position outside of a transaction; one statement, except on a server that somebody has made anew."""
    try:
        with connection.cursor() as cursor:
            # The snapshot is taken before the WAL is looked at, as it has to be.
            cursor.execute(f"SELECT mark, era.* FROM ({_SNAPSHOT} AS mark) AS seen LEFT JOIN ({_ERA}) AS era ON true")
            mark, *era = cursor.fetchone()
    except DatabaseError:
        mark = commit_mark(connection)
        return f"{mark}@{era_of(connection)}"
    return f"{mark}@{'' if era[0] is None else ':'.join(map(str, era))}"


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


def commit_mark(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        cursor.execute(_SNAPSHOT)
        return str(cursor.fetchone()[0])


def position_since(connection: BaseDatabaseWrapper, mark: str) -> str:
    return current_position(connection) if connection.in_atomic_block else f"{mark}@{era_of(connection)}"


def highest_id(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(pg_sequence_last_value("
            "pg_get_serial_sequence('synchro_triggers_changelog', 'id')::regclass), 0)"
        )
        return int(cursor.fetchone()[0])


def size(connection: BaseDatabaseWrapper) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size('synchro_triggers_changelog')")
        return int(cursor.fetchone()[0])


def is_ahead(connection: BaseDatabaseWrapper, position: str) -> bool:
    if not position:
        return False
    then = parse_snapshot(position)
    if then.waiting is not None:
        return then.highest > highest_id(connection)
    return then.xmax > parse_snapshot(current_position(connection)).xmax


def has_gone_on(connection: BaseDatabaseWrapper, position: str) -> bool:
    then, now = position.partition("@")[2], era_of(connection)
    if not then or not now:
        return True
    timeline, lsn, *server = then.split(":")
    timeline_now, lsn_now, *server_now = now.split(":")
    return timeline == timeline_now and server == server_now and int(lsn) <= int(lsn_now)


def moved_position(connection: BaseDatabaseWrapper, received: tuple[str, list[Any]], highest: int) -> str:
    return f"ids:{','.join(_spans(connection, received, highest))}#{highest}@{era_of(connection)}"


def _spans(connection: BaseDatabaseWrapper, received: tuple[str, list[Any]], highest: int) -> Iterator[str]:
    """Yield the ids that were not received, as ``first-last`` of those that follow one another in the changelog."""
    where, params = received
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(id), max(id) FROM (SELECT id, got, row_number() OVER (ORDER BY id)"
            " - row_number() OVER (PARTITION BY got ORDER BY id) AS run"
            f" FROM (SELECT id, ({where}) AS got FROM synchro_triggers_changelog WHERE id <= %s) AS those) AS runs"
            " WHERE NOT got GROUP BY run ORDER BY 1",
            [*params, highest],
        )
        for first, last in cursor.fetchall():
            yield str(first) if first == last else f"{first}-{last}"


def forget_transactions(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE synchro_triggers_changelog SET txid = 0 WHERE txid >= txid_snapshot_xmin(txid_current_snapshot())"
        )


# Rows ---------------------------------------------------------------------------------------------


def logged_at(moment: str) -> str:
    """A number becomes a time faster than the driver's text does, and hangs on no time zone."""
    return f"(extract(epoch FROM CASE WHEN isfinite({moment}) THEN {moment} END) * 1000000)::bigint"


def time_or_none(value: Any) -> datetime.datetime | None:
    try:
        return None if value is None else _EPOCH + datetime.timedelta(microseconds=value)
    except OverflowError:
        return None


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def moment_text(time: datetime.datetime) -> str:
    seconds, rest = divmod((time - _EPOCH) // datetime.timedelta(microseconds=1), 1_000_000)
    return f"{seconds}.{rest:06d}"


def logged_since(since: datetime.datetime) -> tuple[str, list[Any]]:
    return "logged_at >= %s", [since]


newest_since = logged_since


def one_of(values: list[Any], type_: str) -> tuple[str, Any]:
    return f"= ANY (%s::{type_}[])", array_parameter(values, type_)


def running(text: str) -> frozenset[int]:
    return frozenset(parse_snapshot(text).running)


def refuse_standby(alias: str, is_standby: bool) -> None:
    if is_standby:
        raise Refused(
            f"The server that answers for {alias!r} is a standby (pg_is_in_recovery()): it does not say which "
            "transactions are still under way, so that their changes would be lost. Let the alias lead to the primary, "
            "also through a pooler or a list of hosts (target_session_attrs=read-write)."
        )
