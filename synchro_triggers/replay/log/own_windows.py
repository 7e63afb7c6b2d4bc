"""Windows of a database's own log: they number what its own users have changed.

A run closes one where its own window of the log ends, whatever its remote, if users have changed something since the
last one. A change has the number of the first window whose position sees its log row.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection
from typing import NamedTuple

from django.db import connections, transaction
from django.db.models import Max

from ...models import Window
from ...moment import as_utc
from .vendor import log_of
from .window import logged_between

#: Log rows of others' changes after which the last window is made longer, so that they are looked through once.
_FAR = 1_000


class OwnRow(NamedTuple):
    """A row of a log: its id, its transaction, and its time in microseconds; ``None``: no trigger has written it."""

    id: int
    txid: int
    time: int | None

    def time_or(self, time: datetime.datetime) -> int:
        """Return the row's time, or else another one."""
        return microseconds(time) if self.time is None else self.time


def close_window(alias: str, position: str) -> int:
    """Number what a database's own users have changed before a position of its log.

    Returns:
        The number of the last window that lies before the position.
    """
    last = Window._base_manager.using(alias).order_by("-number").first()
    if last is not None and not _users_changed(alias, last.position, position):
        if _users_changed(alias, position, last.position):
            return _last_before(alias, position)
        log = log_of(connections[alias])
        # Others' changes alone are not to be looked through again.
        if log.received_to(position) - log.received_to(last.position) > _FAR:
            Window._base_manager.using(alias).filter(pk=last.number, position=last.position).update(position=position)
        return last.number
    with transaction.atomic(using=alias):
        with connections[alias].cursor() as cursor:  # one at a time
            cursor.execute("UPDATE synchro_triggers_node SET pruned_to = pruned_to WHERE id = 1")
        now = Window._base_manager.using(alias).order_by("-number").first()
        if now == last:
            number = 1 if last is None else last.number + 1
            Window._base_manager.using(alias).bulk_create([Window(number=number, position=position)])
            return number
    return close_window(alias, position)


def number_anew(alias: str, number: int, position: str) -> None:
    """Let what lies before a position be of one number, and what comes later of higher ones.

    For a database that was moved, or has lost something: positions of its windows may mean nothing any more, and the
    numbers of those that it has lost were given to changes that others have seen.
    """
    with transaction.atomic(using=alias):
        windows = Window._base_manager.using(alias)
        windows.all()._raw_delete(alias)
        windows.bulk_create([Window(number=number, position=position)])


def last_number(alias: str) -> int:
    """Return the number of the last window; 0: there is none."""
    return Window._base_manager.using(alias).aggregate(last=Max("number"))["last"] or 0


def _users_changed(alias: str, start: str, end: str) -> bool:
    if start == end:
        return False
    between, params = logged_between(alias, start, end)
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM synchro_triggers_changelog WHERE {between} AND origin = '' LIMIT 1", params)
        return cursor.fetchone() is not None


def _last_before(alias: str, position: str) -> int:
    """Return the last window of which everything lies before a position: another run has closed later ones."""
    for window in Window._base_manager.using(alias).order_by("-number").iterator():
        if not _users_changed(alias, position, window.position):
            return window.number
    return 0


class WindowNumbers:
    """Tells the numbers of what a database's own users have changed.

    Args:
        alias: the database.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._windows: list[tuple[int, str]] | None = None

    @property
    def any(self) -> bool:
        """Whether there are windows."""
        return bool(self._load())

    def of(self, row: OwnRow) -> int:
        """Return the number of a change, by its log row; what no window has seen will be of the next one."""
        windows, log = self._load(), log_of(connections[self._alias])
        low, high = 0, len(windows)
        while low < high:
            middle = (low + high) // 2
            if log.sees(windows[middle][1], (row.id, row.txid)):
                high = middle
            else:
                low = middle + 1
        return windows[low][0] if low < len(windows) else (windows[-1][0] if windows else 0) + 1

    def forget(self) -> None:
        """Forget the windows that were read: others may have been closed since."""
        self._windows = None

    def _load(self) -> list[tuple[int, str]]:
        if self._windows is None:
            rows = Window._base_manager.using(self._alias).order_by("number")
            self._windows = list(rows.values_list("number", "position"))
        return self._windows


def own_rows(alias: str, ids: Collection[int]) -> dict[int, OwnRow]:
    """Return those of a log's rows that speak of changes of the database's own users, by their ids."""
    if not ids:
        return {}
    log = log_of(connections[alias])
    among, wanted = log.one_of(list(ids), "bigint")
    with connections[alias].cursor() as cursor:
        cursor.execute(
            f"SELECT id, txid, {log.logged_at('logged_at')} FROM synchro_triggers_changelog"
            f" WHERE id {among} AND origin = ''",
            [wanted],
        )
        rows = cursor.fetchall()
    times = [(row_id, txid, log.time_or_none(time)) for row_id, txid, time in rows]
    return {row_id: OwnRow(row_id, txid, None if time is None else microseconds(time)) for row_id, txid, time in times}


def microseconds(time: datetime.datetime) -> int:
    """Return a time as a whole number, in which versions are compared."""
    return (as_utc(time) - _EPOCH) // _MICROSECOND


def moment_of(time: int) -> datetime.datetime:
    """Return the time that a whole number stands for."""
    return _EPOCH + datetime.timedelta(microseconds=time)


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
