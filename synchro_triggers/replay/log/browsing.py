"""Looking into a log for people: a page at a time, at a price that does not grow with it.

The log has one index that serves people, that of its ids: another one would cost each writer. So a page begins at an
id, and what is asked for is looked for in the next ``LOOKED_AT`` rows only. Where a page ends early because of that, it
says up to where it has looked, and the next one goes on from there.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ...key_texts import printable_key
from ..rows.vendor import fetch_texts, statements_of
from .vendor import Condition, log_of

#: Log rows that are looked at for one page.
LOOKED_AT = 50_000

#: No id is higher: with a bound, the first page is found in the way of all others.
_HIGHEST = 2**63 - 1


@dataclass(frozen=True)
class Place:
    """Where a page begins: below the id ``before``, above the id ``after``, or, without either, with the newest row."""

    before: int | None = None
    after: int | None = None

    @property
    def goes_up(self) -> bool:
        """Whether it is read from its oldest row to its newest."""
        return self.after is not None

    @property
    def edge(self) -> int:
        """The id beside which it begins."""
        if self.after is not None:
            return self.after
        return _HIGHEST if self.before is None else self.before


@dataclass(frozen=True)
class Entry:
    """A row of the log.

    Attributes:
        id, label, key, operation, fields, origin: as the trigger has written them; bytes that are no text are spelled.
        at: when; ``None``: no trigger has written that time.
        old_values: of a row that was asked for alone: what it held before, as JSON; ``""``: that was not logged.
    """

    id: int
    label: str
    key: str
    operation: str
    fields: str
    origin: str
    at: datetime.datetime | None
    old_values: str = ""


@dataclass(frozen=True)
class Page:
    """A page of the log.

    Attributes:
        entries: the newest first.
        goes_on: whether there are more of them, the way that it was read.
        looked_to: the id up to which was looked, where that was not all, and there may be more.
    """

    entries: tuple[Entry, ...]
    goes_on: bool
    looked_to: int | None = None


def browse(alias: str, place: Place, size: int, conditions: Sequence[Condition] = ()) -> Page:
    """Return a page of a database's log.

    Args:
        alias: the database.
        place: where it begins.
        size: at most so many rows.
        conditions: what must be true of them.
    """
    connection = connections[alias]
    order, beyond = ("ASC", ">") if place.goes_up else ("DESC", "<")
    rows = f"FROM synchro_triggers_changelog WHERE id {beyond} %s ORDER BY id {order} LIMIT %s"
    found = fetch_texts(
        connection,
        f"SELECT {_columns(connection)} FROM (SELECT id, model_label, object_pk, operation, changed_fields, origin,"
        f" logged_at, txid {rows}) AS looked_at WHERE {_all_of(conditions)} ORDER BY id {order} LIMIT %s",
        [
            place.edge,
            LOOKED_AT if conditions else size + 1,
            *(each for _, params in conditions for each in params),
            size + 1,
        ],
    )
    entries = [_entry(connection, row) for row in found[:size]]
    if place.goes_up:
        entries.reverse()
    goes_on = len(found) > size
    looked_to = None
    if conditions and not goes_on:
        last = fetch_texts(connection, f"SELECT id {rows} OFFSET %s", [place.edge, 1, LOOKED_AT - 1])
        looked_to = int(last[0][0]) if last else None
    return Page(tuple(entries), goes_on, looked_to)


def entry_of(alias: str, number: int) -> Entry | None:
    """Return a row of a database's log by its id; ``None``: there is none (any more)."""
    connection = connections[alias]
    found = fetch_texts(
        connection,
        f"SELECT {_columns(connection)}, old_values FROM synchro_triggers_changelog WHERE id = %s",
        [number],
    )
    return _entry(connection, found[0]) if found else None


def of_labels(labels: Iterable[str]) -> Condition:
    """Return what is true of the rows of some models."""
    given = list(labels)
    return f"model_label IN ({', '.join(['%s'] * len(given))})", given


def of_keys(connection: BaseDatabaseWrapper, texts: Iterable[str]) -> Condition:
    """Return what is true of the rows of objects with some keys, as texts."""
    parts = [statements_of(connection).logged_text(text) for text in texts]
    return f"object_pk IN ({', '.join(sql for sql, _ in parts)})", [param for _, param in parts]


def other_than(condition: Condition) -> Condition:
    """Return what is true of all other rows."""
    sql, params = condition
    return f"NOT ({sql})", params


def _all_of(conditions: Sequence[Condition]) -> str:
    return " AND ".join(f"({sql})" for sql, _ in conditions) or "1 = 1"


def _columns(connection: BaseDatabaseWrapper) -> str:
    time = log_of(connection).logged_at("logged_at")
    return f"id, model_label, object_pk, operation, changed_fields, origin, {time}"


def _entry(connection: BaseDatabaseWrapper, row: Sequence[Any]) -> Entry:
    number, label, key, operation, fields, origin, time, *old = row
    return Entry(
        id=int(number),
        label=_text(label),
        key=_text(key),
        operation=_text(operation),
        fields=_text(fields),
        origin=_text(origin),
        at=log_of(connection).time_or_none(time),
        old_values=_text(old[0]) if old else "",
    )


def _text(value: Any) -> str:
    return "" if value is None else printable_key(str(value))
