"""The changes of a window, page by page."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ...conf import local_alias
from ..rows.vendor import fetch_texts
from .changes import LONG_AGO, Change
from .vendor import log_of
from .window import Window, in_window, not_made


@dataclass(frozen=True)
class Page:
    """Changes of one page and the id of its last row; ``rows`` is how many log rows it held."""

    changes: tuple[Change, ...]
    last: int
    rows: int


_PAGE = """
SELECT model_label, object_pk, min(id), max(id), min(id) FILTER (WHERE operation = 'I'),
       max(id) FILTER (WHERE operation = 'I'), max(id) FILTER (WHERE operation = 'D'),
       max(id) FILTER (WHERE operation = 'D' AND changed_fields = ''),
       max(id) FILTER (WHERE origin = '' AND operation IN ('I', 'U', 'D') AND logged_at IS NOT NULL), {logged_at},
       {old_values} FILTER (WHERE old_values IS NOT NULL),
       count(*) FILTER (WHERE operation IN ('I', 'U', 'D')), count(*)
  FROM (SELECT * FROM synchro_triggers_changelog
         WHERE id > %s AND id <= %s AND {where} {labels} ORDER BY id LIMIT %s) AS page
 GROUP BY model_label, object_pk
"""


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
    where, params = in_window(connection, window.start, window.end, window.since, without_origin)
    names = ""
    if labels is not None:
        names = f"AND model_label IN ({', '.join(['%s'] * len(labels))})" if labels else "AND false"
    log = log_of(connection)
    rows = fetch_texts(
        connection,
        _PAGE.format(where=where, labels=names, logged_at=log.logged_at("max(logged_at)"), old_values=log.OLD_VALUES),
        [max(after, window.first - 1), window.last, *params, *(labels or ()), limit],
    )
    changes = tuple(_change_of(connection, row) for row in rows)
    return Page(changes, max((change.last for change in changes), default=after), sum(row[-1] for row in rows))


class FirstPages:
    """The first pages of windows that fit into one: a run looks through a window before it applies it.

    What a window speaks of stays as it is, so that it needs to be read only once.

    Args:
        without_origin: as for ``read_page()``.
    """

    def __init__(self, without_origin: str) -> None:
        self._without_origin = without_origin
        self._window: Window | None = None
        self._page: Page | None = None

    def forget(self) -> None:
        """Forget what was read: another run begins."""
        self._window = self._page = None

    def whole(self, window: Window) -> Page | None:
        """Return the page that is all of a window of LOCAL's; ``None``: it may have more than one."""
        if window is not self._window:
            if window.rows > _FEW:
                return None
            page = read_page(local_alias(), window, window.after, _FEW, without_origin=self._without_origin)
            self._window, self._page = window, page
        return self._page

    def not_made(self, window: Window, after: int = 0, until: int | None = None) -> dict[str, list[str]]:
        """Return what ``window.not_made()`` tells of a window of LOCAL's, or of those of its rows."""
        is_part = after >= window.first or until not in {None, window.last}
        page = None if is_part else self.whole(window)
        if page is None:
            return not_made(local_alias(), window, without_origin=self._without_origin, after=after, until=until)
        keys: dict[str, list[str]] = {}
        for change in page.changes:
            of_label = keys.setdefault(change.label, [])
            if not change.begun:
                of_label.append(change.key)
        return keys


#: Rows of a window that is kept in memory from the look at it until it is applied.
_FEW = 1_000


def _change_of(connection: BaseDatabaseWrapper, row: Sequence[Any]) -> Change:
    """Return what a page says of one object, from a row of the page's statement."""
    label, key, first, last, first_insert, last_insert, last_delete, certain_delete, own, logged_at, old, genuine, _ = (
        row
    )
    time = log_of(connection).time_or_none(logged_at) or _genuine_time(connection, key, first, last)
    return Change(
        label=label,
        key=key,
        first=first,
        last=last,
        created=first == first_insert,
        logged_at=time or LONG_AGO,
        old_values=tuple(json.loads(old) if isinstance(old, str) else old) if old and old != "[]" else (),
        deleted=last == last_delete,
        certain=last == certain_delete,
        ended=_ended(last_insert, last_delete, certain_delete) if last_insert and last_delete else 0,
        begun=last_insert or 0,
        own=own or 0,
        logged=True,
        forged=time is None or not genuine,
    )


def _genuine_time(connection: BaseDatabaseWrapper, key: str, first: int, last: int) -> datetime.datetime | None:
    """Return the latest time of an object's rows where one of them has none: a forged row hides no true one."""
    rows = fetch_texts(
        connection,
        f"SELECT {log_of(connection).logged_at('logged_at')}, object_pk FROM synchro_triggers_changelog"
        " WHERE id >= %s AND id <= %s AND operation IN ('I', 'U', 'D')",
        [first, last],
    )
    times = [log_of(connection).time_or_none(logged_at) for logged_at, each in rows if each == key]
    return max((time for time in times if time is not None), default=None)


def _ended(last_insert: int, *deletes: int | None) -> int:
    """Return the id of the last delete before a key was given out again; 0: there is none.

    What is inserted under a key was not there: a delete before it was one, whatever SQLite knew of it.
    """
    return max((each for each in deletes if each and each < last_insert), default=0)
