"""What is new for a remote: the changelog between its checkpoint and now, page by page.

Positions are text, and mean something in the database they were taken from only. What they are, and how what is new
is told by them, differs: see ``postgres`` and ``sqlite``.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ...key_texts import printable_key
from ...moment import as_utc
from ..rows.vendor import fetch_texts
from .vendor import log_of


@dataclass(frozen=True)
class Window:
    """The changelog rows of one run.

    Attributes:
        start, end: positions; ``start`` may be empty: from the beginning.
        after: id up to which the rows have been applied already (by a run that was cut off).
        first, last: ids of the first and last row; 0 when there are none.
        rows: how many rows there are.
        since: rows logged before are left out.
        last_row: the mark of the last row between ``start`` and ``end``, whoever it came from, by which
            ``history_agrees`` knows it again: ``id|logged_at|label|key``, or ``''``.
        known_row: what the mark of the row is now that was asked for; ``''`` when it is not there.
        witness: what tells whether all rows between ``start`` and ``end`` are still there, where the last row
            does not: ids on PostgreSQL are not in the order of commits, and the last commit is what is lost first.
        receives: LOCAL has received something from others, or has numbered its users' changes. Looked at once the
            window is open: what has come with it was received before.
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
    receives: bool = True


def delete_received(alias: str, position: str) -> int:
    """Delete the changelog rows that ``position`` counts as received; return how many.

    Leaves the highest id that was deleted in the node's row: by it a row that was pruned is told from a lost one.
    """
    connection = connections[alias]
    where, params = in_window(connection, "", position, None, "")
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        cursor.execute(f"SELECT max(id) FROM synchro_triggers_changelog WHERE {where}", params)
        highest = cursor.fetchone()[0]
        if highest is None:
            return 0
        cursor.execute("UPDATE synchro_triggers_node SET pruned_to = %s WHERE pruned_to < %s", [highest, highest])
        cursor.execute(f"DELETE FROM synchro_triggers_changelog WHERE {where} AND id <= %s", [*params, highest])
        return int(cursor.rowcount)


# Long: its arguments, which are told one by one, are half of it.
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
    connection, end = connections[alias], end or current_position(alias)
    log = log_of(connection)
    between, params = log.between(start, end)
    chosen, chosen_params = _chosen(connection, since, without_origin)
    with connection.cursor() as cursor:
        cursor.execute(
            _new_rows(connection, chosen, between),
            [int(known_row.partition("|")[0] or 0), *chosen_params, after, *params],
        )
        first, last, rows, *of_all, last_row, known, from_a_standby, receives = cursor.fetchone()
    log.refuse_standby(alias, from_a_standby)  # a pooler may send each statement to another server
    witness = "|".join(map(str, (start, end, *of_all))) if last_row and log.NAMES_TRANSACTIONS else ""
    marks = last_row or "", known or "", witness, bool(receives)
    return Window(start, end, after, first or 0, last or 0, rows, since, *marks)


_RECEIVES = "EXISTS (SELECT 1 FROM synchro_triggers_checkpoint) OR EXISTS (SELECT 1 FROM synchro_triggers_window)"


def _new_rows(connection: BaseDatabaseWrapper, chosen: str, between: str) -> str:
    """Return the statement that looks what is new: how many rows, which, the mark of the last, and of a known one."""
    log = log_of(connection)
    # `id + 0` keeps PostgreSQL from walking the primary key for min() and max(): with millions of consumed rows that
    # takes seconds, while the BRIN index finds the new ones at once.
    return (
        f"SELECT new.*, {log.MARK},"
        f" (SELECT {log.MARK} FROM synchro_triggers_changelog WHERE id = %s), {log.STANDBY}, {_RECEIVES} FROM"
        " (SELECT min(id + 0) FILTER (WHERE is_new), max(id + 0) FILTER (WHERE is_new),"
        f" count(*) FILTER (WHERE is_new), min(id + 0) AS lowest_of_all, max(id + 0) AS highest_of_all, {log.SUMS}"
        f" FROM (SELECT id, logged_at, {chosen} AND id > %s AS is_new"
        f" FROM synchro_triggers_changelog WHERE {between}) AS those) AS new"
        " LEFT JOIN synchro_triggers_changelog ON id = highest_of_all"
    )


def received_by(alias: str, position: str, window_end: str, after: int) -> tuple[str, list[Any]]:
    """Return a condition, and its parameters, for the changelog rows that a checkpoint counts as received.

    Args:
        alias: the LOCAL database.
        position: what had been received when the last complete run ended.
        window_end, after: of a run that was cut off: where its window ends, and the id up to which it was applied.
    """
    connection = connections[alias]
    received, params = log_of(connection).received(position) if position else ("1 = 0", [])
    if window_end:
        applied, more = log_of(connection).between(position, window_end)
        received, params = f"({received} OR {applied} AND id <= %s)", [*params, *more, after]
    return received, params


def logged_between(alias: str, start: str, end: str) -> tuple[str, list[Any]]:
    """Return a condition, and its parameters, for the changelog rows between two positions; ``''``: the beginning."""
    return log_of(connections[alias]).between(start, end)


def not_made(
    alias: str, window: Window, *, without_origin: str = "", after: int = 0, until: int | None = None
) -> dict[str, list[str]]:
    """Return the model labels that a window speaks of, each with the logged keys that it does not see being made.

    Args:
        alias: the LOCAL database.
        window: from ``open_window``.
        without_origin: as for ``open_window``.
        after, until: only of its rows behind an id, and up to one; what an earlier row of it makes counts as made.
    """
    connection = connections[alias]
    where, params = in_window(connection, window.start, window.end, window.since, without_origin)
    begin = max(window.after, window.first - 1)
    made_before, more = "", []
    if after > begin:
        # Not a join, nor IN: what is made may be most of the log, and without an index each would be searched for.
        made_before = (
            " EXCEPT SELECT model_label, object_pk FROM synchro_triggers_changelog"
            f" WHERE id > %s AND id <= %s AND operation = 'I' AND {where}"
        )
        more = [begin, after, *params]
    rows = fetch_texts(
        connection,
        "WITH page AS (SELECT model_label, object_pk, count(*) FILTER (WHERE operation = 'I') AS inserts"
        f" FROM synchro_triggers_changelog WHERE id > %s AND id <= %s AND {where} GROUP BY model_label, object_pk),"
        f" unmade AS (SELECT model_label, object_pk FROM page WHERE inserts = 0{made_before})"
        " SELECT model_label, object_pk FROM unmade UNION ALL SELECT DISTINCT model_label, NULL FROM page",
        [max(begin, after), window.last if until is None else until, *params, *more],
    )
    keys: dict[str, list[str]] = {}
    for label, key in rows:
        of_label = keys.setdefault(label, [])
        if key is not None:
            of_label.append(key)
    return keys


def row_behind(alias: str, after: int, number: int, last: int) -> int:
    """Return the id of the log row that is so many behind another one; ``last``: there are fewer up to that one.

    Ids may leave out any number, so they cannot be counted.
    """
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT max(id) FROM (SELECT id FROM synchro_triggers_changelog WHERE id > %s AND id <= %s"
            " ORDER BY id LIMIT %s) AS looked_at",
            [after, last, number],
        )
        return int(cursor.fetchone()[0] or last)


def labels_in(alias: str, window: Window, *, without_origin: str = "") -> list[str]:
    """Return the model labels that a window speaks of."""
    connection = connections[alias]
    where, params = in_window(connection, window.start, window.end, window.since, without_origin)
    rows = fetch_texts(
        connection,
        f"SELECT DISTINCT model_label FROM synchro_triggers_changelog WHERE id > %s AND id <= %s AND {where}",
        [max(window.after, window.first - 1), window.last, *params],
    )
    return [label for (label,) in rows]


def pending_objects(
    alias: str, window: Window, *, without_origin: str = "", at_most: int | None = None
) -> dict[str, int]:
    """Return how many objects of each model a window speaks of; of a longer one, so many of its log rows do."""
    connection = connections[alias]
    where, params = in_window(connection, window.start, window.end, window.since, without_origin)
    params = [max(window.after, window.first - 1), window.last, *params]
    rows_of_it = f"SELECT model_label, object_pk FROM synchro_triggers_changelog WHERE id > %s AND id <= %s AND {where}"
    if at_most is not None and window.rows > at_most:
        rows_of_it, params = f"{rows_of_it} LIMIT %s", [*params, at_most]
    rows = fetch_texts(
        connection,
        f"SELECT model_label, count(DISTINCT object_pk) FROM ({rows_of_it}) AS waiting"
        " GROUP BY model_label ORDER BY model_label",
        params,
    )
    return {printable_key(label): number for label, number in rows}


def first_logged(alias: str, window: Window, *, without_origin: str = "") -> datetime.datetime | None:
    """Return when the first change of a window was logged; ``None``: it has none whose time can be read.

    Of the first rows: ids follow the clock but for what is under way at once, and a forged time is none.
    """
    connection = connections[alias]
    where, params = in_window(connection, window.start, window.end, window.since, without_origin)
    log = log_of(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {log.logged_at('logged_at')} FROM synchro_triggers_changelog"
            f" WHERE id > %s AND id <= %s AND {where} ORDER BY id LIMIT 100",
            [max(window.after, window.first - 1), window.last, *params],
        )
        times = [time for (value,) in cursor.fetchall() if (time := log.time_or_none(value)) is not None]
    return min(times, default=None)


# Conditions ---------------------------------------------------------------------------------------


def in_window(
    connection: BaseDatabaseWrapper,
    start: str,
    end: str,
    since: datetime.datetime | None,
    without_origin: str,
) -> tuple[str, list[Any]]:
    between, params = log_of(connection).between(start, end)
    chosen, chosen_params = _chosen(connection, since, without_origin)
    return f"{between} AND {chosen}", [*params, *chosen_params]


def _chosen(
    connection: BaseDatabaseWrapper, since: datetime.datetime | None, without_origin: str
) -> tuple[str, list[Any]]:
    bound, params = log_of(connection).logged_since(as_utc(since)) if since else ("logged_at IS NOT NULL", [])
    return f"{bound} AND origin <> %s", [*params, without_origin or "-"]


def current_position(alias: str) -> str:
    """Return the position that counts everything logged and committed up to now as received."""
    return log_of(connections[alias]).current_position(connections[alias])


def highest_id(alias: str) -> int:
    """Return the highest changelog id that was ever given out."""
    return log_of(connections[alias]).highest_id(connections[alias])


def commit_mark(alias: str) -> str:
    """Return a text that is another one whenever another process may have committed something since it was read."""
    return log_of(connections[alias]).commit_mark(connections[alias])


def position_since(alias: str, mark: str) -> str:
    """Return a position that is not before ``mark``, which was read just now."""
    return log_of(connections[alias]).position_since(connections[alias], mark)
