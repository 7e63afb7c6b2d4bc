"""What is new for a remote: the changelog between its checkpoint and now, page by page.

**SQLite** serialises writers, so ids are in the order of commits: the position is the last id.

**PostgreSQL** gives out ids at the insert, not at the commit; a reader that takes ``id > last`` loses what
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

Positions are text and mean something in the database they were taken from only.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import Refused
from ..key_texts import printable_key
from ..moment import as_utc, raw_utc
from .changes import LONG_AGO, Change
from .raw_keys import fetch_texts


@dataclass(frozen=True)
class Window:
    """The changelog rows of one run.

    Attributes:
        start, end: positions; ``start`` may be empty: from the beginning.
        after: id up to which the rows have been applied already (by a run that was cut off).
        first, last: ids of the first and last row; 0 when there are none.
        rows: how many rows there are.
        since: rows logged before are left out.
        last_row: the last row's mark, ``id|logged_at|label|key``, by which ``history_agrees`` knows it again, or
            ``''``.
        known_row: what the mark of the row is now that was asked for; ``''`` when it is not there.
        witness: what tells whether all rows between ``start`` and ``end`` are still there, where the last row
            does not: ids on PostgreSQL are not in the order of commits, and the last commit is what is lost first.
    """

    start: str
    end: str
    after: int
    first: int
    last: int
    rows: int
    since: datetime.datetime | None = None
    last_row: str = ""
    known_row: str = ""
    witness: str = ""


@dataclass(frozen=True)
class Page:
    """Changes of one page and the id of its last row; ``rows`` is how many log rows it held."""

    changes: tuple[Change, ...]
    last: int
    rows: int


def current_position(alias: str) -> str:
    """Return the position that counts everything logged and committed up to now as received."""
    connection = connections[alias]
    if connection.vendor == "postgresql":
        return _postgres_position(connection)
    return str(highest_id(alias))


def commit_mark(alias: str) -> str:
    """Return a text that is another one whenever something may have been committed since it was read; cheap.

    Another process must have committed it: what this one commits on SQLite may not show.
    """
    connection = connections[alias]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_SNAPSHOT)
        else:
            cursor.execute("PRAGMA data_version")
        return str(cursor.fetchone()[0])


def position_since(alias: str, mark: str) -> str:
    """Return a position that is not before ``mark``, which was read just now; the mark itself where it is one."""
    connection = connections[alias]
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        return f"{mark}@{_era(connection)}"
    return current_position(alias)


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
        return not _is_ahead(alias, position)
    row_id = int(mark.split("|", 1)[0])
    known = row_mark(alias, row_id)
    if known:
        if known != mark:
            return False
    elif row_id > pruned_to and not (_went_on(alias, position) and highest_id(alias) >= row_id):
        return False
    if connections[alias].vendor != "postgresql":
        return not _is_ahead(alias, position)
    # Without a recovery nothing is lost of what was committed; a row that is not there was pruned by hand.
    return _went_on(alias, position) or not witness or _holds(alias, witness, pruned_to)


def row_mark(alias: str, row_id: int) -> str:
    """Return the mark of a changelog row, or ``''``."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_mark(connection)} FROM synchro_triggers_changelog WHERE id = %s", [row_id])
        row = cursor.fetchone()
    return row[0] if row else ""


def _holds(alias: str, witness: str, pruned_to: int) -> bool:
    """Tell whether all rows of a window are there; of one that was pruned in part nobody can tell."""
    start, end, first, last, *sums = witness.split("|")
    if pruned_to >= int(first):
        return True
    where, params = _between_snapshots(start, end)
    with connections[alias].cursor() as cursor:
        cursor.execute(
            f"SELECT {_SUMS} FROM synchro_triggers_changelog WHERE {where} AND id BETWEEN %s AND %s",
            [*params, int(first), int(last)],
        )
        return [str(number) for number in cursor.fetchone()] == sums


def _went_on(alias: str, position: str) -> bool:
    """Tell whether LOCAL has gone on from a position without a recovery, as far as that can be known."""
    connection = connections[alias]
    if connection.vendor != "postgresql":
        return True  # its ids have no gaps: what was lost is given out again, to other rows
    then, now = position.partition("@")[2], _era(connection)
    if not then or not now:
        return True
    timeline, lsn, *server = then.split(":")
    timeline_now, lsn_now, *server_now = now.split(":")
    return timeline == timeline_now and server == server_now and int(lsn) <= int(lsn_now)


_MARK = "id || '|' || {distinct} || '|' || model_label || '|' || {key}"


def _mark(connection: BaseDatabaseWrapper) -> str:
    # A time's text depends on the session on PostgreSQL, its number does not. Numbers of rows and transactions alone
    # do not tell: after a cluster was put back from a copy of its files, the same ones are given out again.
    # SQLite may hold keys that no other database takes as text.
    if connection.vendor == "postgresql":
        return _MARK.format(distinct="extract(epoch FROM logged_at)", key="object_pk")
    return _MARK.format(distinct="logged_at", key="hex(object_pk)")


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


def _is_ahead(alias: str, position: str) -> bool:
    """Tell whether a position lies in the future of this database: it was taken from another history."""
    connection = connections[alias]
    if not position:
        return False
    if connection.vendor != "postgresql":
        return int(position) > highest_id(alias)
    then = parse_snapshot(position)
    if then.waiting is not None:
        return then.highest > highest_id(alias)
    return then.xmax > parse_snapshot(_postgres_position(connection)).xmax


def delete_received(alias: str, position: str) -> int:
    """Delete the changelog rows that ``position`` counts as received; return how many.

    Leaves the highest id that was deleted in the node's row: by it a row that was pruned is told from a lost one.
    """
    connection = connections[alias]
    where, params = _condition(connection, "", position, None, "")
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        cursor.execute(f"SELECT max(id) FROM synchro_triggers_changelog WHERE {where}", params)
        highest = cursor.fetchone()[0]
        if highest is None:
            return 0
        cursor.execute("UPDATE synchro_triggers_node SET pruned_to = %s WHERE pruned_to < %s", [highest, highest])
        cursor.execute(f"DELETE FROM synchro_triggers_changelog WHERE {where} AND id <= %s", [*params, highest])
        return int(cursor.rowcount)


def standby_message(alias: str) -> str:
    """Return why a database that replays another one's log cannot be read."""
    return (
        f"The server that answers for {alias!r} is a standby (pg_is_in_recovery()): it does not say which transactions "
        "are still under way, so that their changes would be lost. Let the alias lead to the primary, also through a "
        "pooler or a list of hosts (target_session_attrs=read-write)."
    )


def open_window(
    alias: str,
    start: str,
    *,
    end: str = "",
    after: int = 0,
    since: datetime.datetime | None = None,
    without_origin: str = "",
    known_row: str = "",
) -> Window:
    """Look what is new since ``start``.

    Args:
        alias: the LOCAL database.
        start: position up to which the remote has received; empty: nothing.
        end: position at which to stop; empty: now.
        after: id up to which this window has been applied already.
        since: leave out rows logged before this time.
        without_origin: leave out what came from this node.
        known_row: the mark of a row that was received before, to be compared with what it is now.

    Returns:
        The window, with its number of rows.

    Raises:
        Refused: it was read from a standby.
    """
    connection = connections[alias]
    end = end or current_position(alias)
    between, params = _between(connection, start, end)
    chosen, chosen_params = _chosen(connection, since, without_origin)
    sums, standby = (_SUMS, "pg_is_in_recovery()") if connection.vendor == "postgresql" else ("0, 0, 0", "0")
    with connection.cursor() as cursor:
        # `id + 0` keeps PostgreSQL from walking the primary key for min() and max(): with millions of
        # consumed rows that takes seconds, while the BRIN index finds the new ones at once.
        cursor.execute(
            f"SELECT new.*, {_mark(connection)},"
            f" (SELECT {_mark(connection)} FROM synchro_triggers_changelog WHERE id = %s), {standby} FROM"
            " (SELECT min(id + 0) FILTER (WHERE is_new), max(id + 0) FILTER (WHERE is_new) AS highest,"
            f" count(*) FILTER (WHERE is_new), min(id + 0) AS lowest_of_all, max(id + 0) AS highest_of_all, {sums}"
            f" FROM (SELECT id, logged_at, {chosen} AND id > %s AS is_new"
            f" FROM synchro_triggers_changelog WHERE {between}) AS those) AS new"
            " LEFT JOIN synchro_triggers_changelog ON id = highest",
            [int(known_row.partition("|")[0] or 0), *chosen_params, after, *params],
        )
        first, last, rows, *of_all, last_row, known, from_a_standby = cursor.fetchone()
    if from_a_standby:  # a pooler may send each statement to another server
        raise Refused(standby_message(alias))
    witness = "|".join(map(str, (start, end, *of_all))) if rows and connection.vendor == "postgresql" else ""
    return Window(start, end, after, first or 0, last or 0, rows, since, last_row or "", known or "", witness)


def received_by(alias: str, position: str, window_end: str, after: int) -> tuple[str, list[Any]]:
    """Return a condition, and its parameters, for the changelog rows that a checkpoint counts as received.

    Args:
        alias: the LOCAL database.
        position: what had been received when the last complete run ended.
        window_end, after: of a run that was cut off: where its window ends, and the id up to which it was applied.
    """
    connection = connections[alias]
    received, params = "1 = 0", list[Any]()
    if position and connection.vendor == "postgresql":
        unseen, params = _unseen_by(parse_snapshot(position))
        received = f"NOT ({unseen})"
    elif position:
        received, params = "id <= %s", [int(position)]
    if window_end:
        applied, more = _between(connection, position, window_end)
        received, params = f"({received} OR {applied} AND id <= %s)", [*params, *more, after]
    return received, params


def logged_between(alias: str, start: str, end: str) -> tuple[str, list[Any]]:
    """Return a condition, and its parameters, for the changelog rows between two positions; ``''``: the beginning."""
    return _between(connections[alias], start, end)


def logged_no_later(alias: str, mark: str) -> tuple[str, list[Any]]:
    """Return a condition, and its parameters, for the changelog rows that are no younger than the row of a mark."""
    then = mark.split("|")[1]
    if connections[alias].vendor == "postgresql":
        return "extract(epoch FROM logged_at) <= %s::numeric", [then]
    return "logged_at <= %s", [then]


def era_suffix(alias: str) -> str:
    """Return what a PostgreSQL position carries of the server's history."""
    return f"@{_era(connections[alias])}"


def not_made(alias: str, window: Window, *, without_origin: str = "") -> dict[str, list[str]]:
    """Return the model labels that a window speaks of, each with the logged keys that it does not see being made."""
    connection = connections[alias]
    where, params = _condition(connection, window.start, window.end, window.since, without_origin)
    rows = fetch_texts(
        connection,
        "WITH page AS (SELECT model_label, object_pk, count(*) FILTER (WHERE operation = 'I') AS inserts"
        f" FROM synchro_triggers_changelog WHERE id > %s AND id <= %s AND {where} GROUP BY model_label, object_pk)"
        " SELECT model_label, object_pk FROM page WHERE inserts = 0"
        " UNION ALL SELECT DISTINCT model_label, NULL FROM page",
        [max(window.after, window.first - 1), window.last, *params],
    )
    keys: dict[str, list[str]] = {}
    for label, key in rows:
        of_label = keys.setdefault(label, [])
        if key is not None:
            of_label.append(key)
    return keys


#: Rows counted and told apart in a way that does not hang on their order, and costs next to nothing.
_SUMS = (
    "count(*), bit_xor(id),"
    " bit_xor((date_part('epoch', logged_at) * 1000000)::bigint) FILTER (WHERE isfinite(logged_at))"
)

_PAGE_POSTGRES = """
SELECT model_label, object_pk, min(id), max(id), min(id) FILTER (WHERE operation = 'I'),
       max(id) FILTER (WHERE operation = 'I'), max(id) FILTER (WHERE operation = 'D'),
       max(id) FILTER (WHERE operation = 'D' AND changed_fields = ''), {logged_at},
       json_agg(old_values ORDER BY id) FILTER (WHERE old_values IS NOT NULL),
       count(*) FILTER (WHERE operation IN ('I', 'U', 'D')), count(*)
  FROM (SELECT * FROM synchro_triggers_changelog
         WHERE id > %s AND id <= %s AND {where} {labels} ORDER BY id LIMIT %s) AS page
 GROUP BY model_label, object_pk
"""
#: A number becomes a time faster than the driver's text does, and hangs on no time zone.
LOGGED_AT = {
    "postgresql": "(extract(epoch FROM CASE WHEN isfinite({0}) THEN {0} END) * 1000000)::bigint",
    "sqlite": "({0} || '')",  # a text, which the driver does not try to read
}
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
#: JSON holds no blob, which a column of texts may.
_PAGE_SQLITE = _PAGE_POSTGRES.replace("json_agg(old_values ORDER BY id)", "json_group_array(old_values || '')")


def read_page(
    alias: str,
    window: Window,
    after: int,
    limit: int,
    *,
    without_origin: str = "",
    labels: Sequence[str] | None = None,
) -> Page:
    """Read the next log rows of a window, grouped by object.

    Args:
        alias: the LOCAL database.
        window: from ``open_window``.
        after: id of the last row that has been read.
        limit: how many log rows to read at the most.
        without_origin: as for ``open_window``.
        labels: only rows of these models; ``None``: of all.

    Returns:
        The page; without changes when the window is exhausted.
    """
    connection = connections[alias]
    where, params = _condition(connection, window.start, window.end, window.since, without_origin)
    names = ""
    if labels is not None:
        names = f"AND model_label IN ({', '.join(['%s'] * len(labels))})" if labels else "AND false"
    template = _PAGE_POSTGRES if connection.vendor == "postgresql" else _PAGE_SQLITE
    rows = fetch_texts(
        connection,
        template.format(where=where, labels=names, logged_at=LOGGED_AT[connection.vendor].format("max(logged_at)")),
        [max(after, window.first - 1), window.last, *params, *(labels or ()), limit],
    )
    changes = tuple(
        Change(
            label=label,
            key=key,
            first=first,
            last=last,
            created=first == first_insert,
            logged_at=(time := _time_or_none(connection, logged_at) or _genuine_time(connection, key, first, last))
            or LONG_AGO,
            old_values=tuple(json.loads(old) if isinstance(old, str) else old) if old and old != "[]" else (),
            deleted=last == last_delete,
            certain=last == certain_delete,
            ended=_ended(last_insert, last_delete, certain_delete) if last_insert and last_delete else 0,
            begun=last_insert or 0,
            logged=True,
            forged=time is None or not genuine,
        )
        for label, key, first, last, first_insert, last_insert, last_delete, certain_delete, *rest in rows
        for logged_at, old, genuine, _ in (rest,)
    )
    return Page(changes, max((change.last for change in changes), default=after), sum(row[-1] for row in rows))


def _genuine_time(connection: BaseDatabaseWrapper, key: str, first: int, last: int) -> datetime.datetime | None:
    """Return the latest time of an object's rows where one of them has none: a forged row hides no true one."""
    rows = fetch_texts(
        connection,
        f"SELECT {LOGGED_AT[connection.vendor].format('logged_at')}, object_pk FROM synchro_triggers_changelog"
        " WHERE id >= %s AND id <= %s AND operation IN ('I', 'U', 'D')",
        [first, last],
    )
    times = [_time_or_none(connection, logged_at) for logged_at, each in rows if each == key]
    return max((time for time in times if time is not None), default=None)


def _ended(last_insert: int, *deletes: int | None) -> int:
    """Return the id of the last delete before a key was given out again; 0: there is none.

    What is inserted under a key was not there: a delete before it was one, whatever SQLite knew of it.
    """
    return max((each for each in deletes if each and each < last_insert), default=0)


def pending_objects(alias: str, window: Window, *, without_origin: str = "") -> dict[str, int]:
    """Return how many objects of each model a window speaks of."""
    connection = connections[alias]
    where, params = _condition(connection, window.start, window.end, window.since, without_origin)
    rows = fetch_texts(
        connection,
        "SELECT model_label, count(DISTINCT object_pk) FROM synchro_triggers_changelog"
        f" WHERE id > %s AND id <= %s AND {where} GROUP BY model_label ORDER BY model_label",
        [max(window.after, window.first - 1), window.last, *params],
    )
    return {printable_key(label): number for label, number in rows}


def logged_time(connection: BaseDatabaseWrapper, value: Any) -> datetime.datetime:
    """Return the time that an expression of ``LOGGED_AT`` has given; what is none counts as long ago."""
    return _time_or_none(connection, value) or LONG_AGO


def _time_or_none(connection: BaseDatabaseWrapper, value: Any) -> datetime.datetime | None:
    """Return a time, or ``None`` for what no trigger has written: ``infinity``, a text, a year that Python has not."""
    try:
        if isinstance(value, int):
            return _EPOCH + timedelta(microseconds=value)
        return None if value is None else raw_utc(value, connection.vendor)
    except (ValueError, OverflowError, TypeError):
        return None


# Conditions ---------------------------------------------------------------------------------------


def _condition(
    connection: BaseDatabaseWrapper,
    start: str,
    end: str,
    since: datetime.datetime | None,
    without_origin: str,
) -> tuple[str, list[Any]]:
    between, params = _between(connection, start, end)
    chosen, chosen_params = _chosen(connection, since, without_origin)
    return f"{between} AND {chosen}", [*params, *chosen_params]


def _between(connection: BaseDatabaseWrapper, start: str, end: str) -> tuple[str, list[Any]]:
    if connection.vendor == "postgresql":
        return _between_snapshots(start, end)
    return "id > %s AND id <= %s", [int(start or 0), int(end)]


def _chosen(
    connection: BaseDatabaseWrapper, since: datetime.datetime | None, without_origin: str
) -> tuple[str, list[Any]]:
    bound, params = logged_since(connection, since)
    return f"{bound} AND origin <> %s", [*params, without_origin or "-"]


def logged_since(connection: BaseDatabaseWrapper, since: datetime.datetime | None) -> tuple[str, list[Any]]:
    """Return a condition, and its parameters, for the changelog rows of that time and later."""
    if since is None:
        return "logged_at IS NOT NULL", []
    since = as_utc(since)
    if connection.vendor == "sqlite":
        # Triggers log milliseconds: rather one row too many than one too few.
        text = since.strftime("%Y-%m-%d %H:%M:%S.") + f"{since.microsecond // 1000:03d}"
        return "logged_at >= %s", [text]
    return "logged_at >= %s", [since]


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


def _between_snapshots(start: str, end: str) -> tuple[str, list[Any]]:
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


_SNAPSHOT = (
    "SELECT txid_current_snapshot()::text || '#' || coalesce((SELECT max(id) FROM synchro_triggers_changelog), 0)"
)


def _postgres_position(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        if not connection.in_atomic_block:
            cursor.execute(_SNAPSHOT)
            return f"{cursor.fetchone()[0]}@{_era(connection)}"
        cursor.execute(
            "SELECT txid_current_snapshot()::text, txid_current_if_assigned(),"
            " (SELECT max(id) FROM synchro_triggers_changelog WHERE txid = txid_current_if_assigned()),"
            " (SELECT max(id) FROM synchro_triggers_changelog)"
        )
        snapshot, own, last, highest = cursor.fetchone()
    own_rows = "" if own is None else f"/{own}:{last or 0}"
    return f"{snapshot}{own_rows}#{highest or 0}@{_era(connection)}"


_ERA = """
SELECT ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int,
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint,
       (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,
       coalesce(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint, 0)
 WHERE NOT pg_is_in_recovery()
"""


def _era(connection: BaseDatabaseWrapper) -> str:
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
