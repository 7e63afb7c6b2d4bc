"""The log of a SQLite database: a position is an id, for who writes waits for others who write."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from .notes import unreadable

NAMES_TRANSACTIONS: bool = False
REPLACES_ARE_INSERTS: bool = True

# There may be keys that no other database takes as text.
MARK: str = "id || '|' || logged_at || '|' || model_label || '|' || hex(object_pk)"
NO_LATER: str = "logged_at <= %s"
OLD_VALUES: str = "json_group_array(old_values || '')"  # JSON holds no blob, which a column of texts may
RUNNING: str = "''"
SUMS: str = "0, 0, 0"
STANDBY: str = "0"


def current_position(connection: BaseDatabaseWrapper) -> str:
    return str(highest_id(connection))


def commit_mark(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        return str(cursor.fetchone()[0])


def position_since(connection: BaseDatabaseWrapper, mark: str) -> str:
    return current_position(connection)


def highest_id(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        # AUTOINCREMENT keeps the highest id ever given, also when rows were pruned.
        cursor.execute(
            "SELECT max(coalesce((SELECT max(id) FROM synchro_triggers_changelog), 0),"
            " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'synchro_triggers_changelog'), 0))"
        )
        return int(cursor.fetchone()[0])


def size(connection: BaseDatabaseWrapper) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pragma_module_list WHERE name = 'dbstat'")
        if cursor.fetchone() is None:  # SQLite is built with or without it
            return None
        cursor.execute(
            "SELECT sum(pgsize) FROM dbstat WHERE name IN"
            " (SELECT name FROM sqlite_master WHERE tbl_name = 'synchro_triggers_changelog' AND rootpage > 0)"
        )
        return int(cursor.fetchone()[0] or 0)


def is_ahead(connection: BaseDatabaseWrapper, position: str) -> bool:
    return received_to(position) > highest_id(connection) if position else False


def has_gone_on(connection: BaseDatabaseWrapper, position: str) -> bool:
    return True  # ids have no gaps: what was lost is given out again, to other rows


def between(start: str, end: str) -> tuple[str, list[Any]]:
    return "id > %s AND id <= %s", [received_to(start), received_to(end)]


def received(position: str) -> tuple[str, list[Any]]:
    return "id <= %s", [received_to(position)]


def received_to(position: str) -> int:
    try:
        return int(position or 0)
    except ValueError:
        raise unreadable(position) from None


def not_received(position: str) -> Sequence[tuple[int, int]]:
    return ()


def sees(position: str, row: tuple[int, int]) -> bool:
    return row[0] <= received_to(position)


def moved_position(connection: BaseDatabaseWrapper, received: tuple[str, list[Any]], highest: int) -> str:
    where, params = received
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(min(id) - 1, %s) FROM synchro_triggers_changelog WHERE id <= %s AND NOT ({where})",
            [highest, highest, *params],
        )
        return str(cursor.fetchone()[0])


def forget_transactions(connection: BaseDatabaseWrapper) -> None:
    pass  # rows carry none


def logged_at(moment: str) -> str:
    return f"({moment} || '')"  # a text, which the driver does not try to read


def time_or_none(value: Any) -> datetime.datetime | None:
    try:
        time = datetime.datetime.fromisoformat(value)
        return time.astimezone(datetime.UTC) if time.tzinfo is not None else time.replace(tzinfo=datetime.UTC)
    except (ValueError, OverflowError, TypeError):
        return None


def moment_text(time: datetime.datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S.") + f"{time.microsecond // 1000:03d}"  # triggers log milliseconds


def logged_since(since: datetime.datetime) -> tuple[str, list[Any]]:
    return "logged_at >= %s", [moment_text(since)]  # rather one row too many than one too few


def newest_since(since: datetime.datetime) -> tuple[str, list[Any]]:
    """There is no index on the time: the newest row that is older lies near the end."""
    older = "SELECT id FROM synchro_triggers_changelog WHERE logged_at < %s ORDER BY id DESC LIMIT 1"
    return f"id > coalesce(({older}), 0)", logged_since(since)[1]


def one_of(values: list[Any], type_: str) -> tuple[str, Any]:
    return "IN (SELECT value FROM json_each(%s))", json.dumps(values)


def running(text: str) -> frozenset[int]:
    return frozenset()


def refuse_standby(alias: str, is_standby: bool) -> None:
    pass  # a file has none
