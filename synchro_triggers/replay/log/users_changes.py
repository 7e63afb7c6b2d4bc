"""What the own users of a remote have changed there, as its changelog tells."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from ...capture.keys import encode_key
from ...models import ChangeLog, Operation
from ...moment import as_utc
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..rows.values import logged_values
from ..rows.vendor import fetch_texts
from ..schema.shape import model_of, read_key
from .changes import LONG_AGO
from .vendor import log_of

#: Changed objects that are kept in memory; where there are more, each batch asks for its own objects.
AT_MOST = 10_000

#: Rows of a log that are looked through in each run, however old they are; beyond them see ``given_again``.
_READ_ALL = 100_000

Time = datetime.datetime

_CLOCKS_DIFFER = datetime.timedelta(minutes=5)
_NEVER = datetime.datetime.max.replace(tzinfo=datetime.UTC)


class LastChange(NamedTuple):
    """An object's last change: when it was logged, and the id of its log row."""

    time: Time
    id: int


class DeletedCopy(NamedTuple):
    """An object that no log row has seen being made, and that users have deleted.

    Attributes:
        key: the primary key that it had.
        last: the delete.
        values: what the log has kept of its natural keys, by the names of attributes; the oldest first.
    """

    key: Any
    last: LastChange
    values: list[dict[str, Any]]


#: Model label and primary key (as ``encode_key`` writes it) to the object's last change.
LastChanges = dict[tuple[str, str], LastChange]


class UsersChanges:
    """Own changes of a remote: read once, and then only what is new.

    The remote logs what is replayed there as well. Looking through all of that for each batch would take the longer,
    the longer a run is; so each look goes on where the one before it has ended.

    Attributes:
        last: the last own change of each object.
        complete: whether ``last`` has all of them. If not, there are too many: ``last_changes`` tells of some.
        back_to: changes before this time need not be told of; ``None``: all are.
        began: the highest id that the log had when the run began. What is replayed later has met nothing by itself: a
            receiver may have written it, before its object's turn.
        inserted: the objects of ``last`` that they have made, or made again under a used key.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._since: Time | None = None
        self._seen: _Seen | None = None
        self.last: LastChanges = {}
        self.inserted: set[tuple[str, str]] = set()
        self._labels: set[str] = set()
        self._copies: dict[int, DeletedCopy | None] = {}
        self.complete = True
        self.back_to: Time | None = None
        self.began = 0

    def reach_back(self, last_run: Time | None) -> None:
        """Decide how far back it matters what was changed: all that the log has, where that is not much to read.

        Args:
            last_run: when the last run began; ``None``: there was none.
        """
        with connections[self._alias].cursor() as cursor:
            cursor.execute("SELECT min(id), max(id) FROM synchro_triggers_changelog")
            [[first, last]] = cursor.fetchall()
        self.began = last or 0
        if (last or 0) - (first or 0) <= _READ_ALL:
            self.back_to = None
        else:
            self.back_to = last_run - _CLOCKS_DIFFER if last_run is not None else _NEVER

    def look(self, since: Time | None) -> None:
        """Read what is new.

        Args:
            since: changes before this time are of no interest; ``None``: all are.
        """
        if not self.complete:
            return
        connection = connections[self._alias]
        if self._seen is None or (self._since is not None and (since is None or since < self._since)):
            self.last, self.inserted, self._since, self._seen = {}, set(), since, _Seen()
        unseen, self._seen = self._seen, _seen_now(connection)
        rows = _own_rows(connection, unseen, self._seen, self._since)
        zone = zone_of(self._alias)
        for label, text, operation, logged_at, row_id in rows:
            if (model := model_of(label)) is not None:
                at = (label, encode_key(read_key(model, text, zone)))
                self._labels.add(label)
                add_last(self.last, at, LastChange(_time(connection, logged_at), row_id))
                if operation == Operation.INSERT:
                    self.inserted.add(at)
        if len(self.last) > AT_MOST and since is not None:
            self._since, self.last = since, {at: last for at, last in self.last.items() if last.time >= since}
        if len(rows) > AT_MOST or len(self.last) > AT_MOST:
            self.complete, self.last, self.inserted = False, {}, set()

    def speak_of(self, label: str) -> bool:
        """Tell whether objects of a model may have been changed."""
        return not self.complete or label in self._labels

    def deleted_copies(self, model: type[Model]) -> list[DeletedCopy]:
        """Return what they have deleted of a model that the log has not seen being made, as far as it is known."""
        label = model._meta.label
        if not self.complete or label not in self._labels:
            return []
        last = {each.id: each for at, each in self.last.items() if at[0] == label and at not in self.inserted}
        if unread := last.keys() - self._copies.keys():
            self._copies |= dict.fromkeys(unread) | {
                row_id: DeletedCopy(key, last[row_id], values)
                for row_id, key, values in _deleted_copies(self._alias, model, unread)
            }
        return [copy for row_id in last if (copy := self._copies[row_id]) is not None]

    def made_again(self, model: type[Model], keys: Collection[Any], source: str) -> dict[Any, LastChange]:
        """Return those of the keys under which the users have made another object, and when; as far as it is known.

        Args:
            model: a model that gives keys again.
            keys: primary keys of rows.
            source: whose replays have met what was made before them.
        """
        label = model._meta.label
        if self.complete:
            keys = [key for key in keys if (label, encode_key(key)) in self.inserted]
        texts = {encode_key(key): key for key in keys}
        if not texts:
            return {}
        since = self._since if not self.complete else None
        return made_again(self._alias, label, texts, source, since=since)


def made_again(
    alias: str, label: str, texts: Mapping[str, Any], source: str, *, since: Time | None = None, first: int = 0
) -> dict[Any, LastChange]:
    """Return under which keys a database's users have made another object, and when, as its log tells.

    Args:
        label: of a model that gives keys again.
        texts: keys as its triggers write them, to what they stand for.
        source: whose replays have met what was made before them.
        since, first: log rows before this time, or with a lower id, are of no interest.

    Returns:
        What the texts stand for to the last change.
    """
    logged = rows_with(ChangeLog, alias, object_pk=texts).filter(model_label=label, id__gte=first)
    if since is not None:
        logged = logged.filter(logged_at__gte=since)
    found: dict[Any, LastChange] = {}
    before: dict[str, str] = {}
    replaces = log_of(connections[alias]).REPLACES_ARE_INSERTS
    for text, operation, origin, row_id, time in logged.order_by("id").values_list(
        "object_pk", "operation", "origin", "id", "logged_at"
    ):
        if origin == source:
            found.pop(texts[text], None)
        elif operation == Operation.INSERT and not origin and not (replaces and before.get(text) == "U"):
            found[texts[text]] = LastChange(as_utc(time), row_id)
        before[text] = operation
    return found


def _deleted_copies(
    alias: str, model: type[Model], last: Collection[int]
) -> Iterator[tuple[int, Any, list[dict[str, Any]]]]:
    """Yield, of objects whose last log rows these are, those that were deleted, and that no row has seen being made.

    Returns:
        The ids of those rows, the keys, and what the log has kept of the values.
    """
    rows = rows_with(ChangeLog, alias, pk=last).filter(operation=Operation.DELETE)
    gone = dict(rows.values_list("object_pk", "id"))
    if not gone:
        return
    logged = rows_with(ChangeLog, alias, object_pk=gone).filter(model_label=model._meta.label).order_by("id")
    values: dict[str, list[dict[str, Any]]] = {}
    made: set[str] = set()
    for text, operation, old in logged.values_list("object_pk", "operation", "old_values"):
        if operation == Operation.INSERT:
            made.add(text)
        elif old:
            values.setdefault(text, []).append(logged_values(model, old, alias))
    zone = zone_of(alias)
    for text in gone.keys() - made:
        yield gone[text], read_key(model, text, zone), values.get(text, [])


def add_last(known: LastChanges, at: tuple[str, str], last: LastChange) -> None:
    """Note an object's change, unless a later one is known."""
    if at not in known or known[at].id < last.id:
        known[at] = last


def last_changes(
    alias: str,
    label: str,
    keys: Iterable[str] | None,
    origin: str,
    *,
    since: Time | None = None,
    after: int = 0,
    before: int | None = None,
) -> Iterator[tuple[tuple[str, str], LastChange]]:
    """Yield the last changes that objects were given by one origin.

    Args:
        alias: a database with capture.
        label: the model label.
        keys: primary keys as its triggers write them; ``None``: of all objects.
        origin: a node; ``''``: the database's own users.
        since: changes before this time are of no interest.
        after, before: only log rows with ids between them.
    """
    connection, model = connections[alias], model_of(label)
    texts = None if keys is None else list(keys)
    if model is None or texts == []:
        return
    of_keys, wanted = ("", list[Any]()) if texts is None else _of_keys(connection, texts)
    bound, params = _since(connection, since)
    if before is not None:
        bound, params = f"{bound} AND id < %s", [*params, before]
    found = fetch_texts(
        connection,
        f"SELECT object_pk, {log_of(connection).logged_at('max(logged_at)')}, max(id)"
        f" FROM synchro_triggers_changelog WHERE {bound} AND id > %s"
        f" AND origin = %s AND model_label = %s{of_keys} GROUP BY object_pk",
        [*params, after, origin, label, *wanted],
    )
    zone = zone_of(alias)
    for text, logged_at, row_id in found:
        yield (label, encode_key(read_key(model, text, zone))), LastChange(_time(connection, logged_at), row_id)


def _of_keys(connection: BaseDatabaseWrapper, texts: list[str]) -> tuple[str, list[Any]]:
    among, wanted = log_of(connection).one_of(texts, "text")
    return f" AND object_pk {among}", [wanted]


def _time(connection: BaseDatabaseWrapper, value: Any) -> Time:
    """Return the time of a log row; what is none counts as long ago."""
    return log_of(connection).time_or_none(value) or LONG_AGO


def _since(connection: BaseDatabaseWrapper, since: Time | None) -> tuple[str, list[Any]]:
    return log_of(connection).newest_since(as_utc(since)) if since else ("logged_at IS NOT NULL", [])


@dataclass(frozen=True)
class _Seen:
    """How far was looked: the highest id, and the transactions that may still commit lower ones."""

    last: int = 0
    running: frozenset[int] = frozenset()


def _seen_now(connection: BaseDatabaseWrapper) -> _Seen:
    log = log_of(connection)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {log.RUNNING}, max(id) FROM synchro_triggers_changelog")
        text, highest = cursor.fetchone()
    return _Seen(highest or 0, log.running(text))


def _own_rows(connection: BaseDatabaseWrapper, unseen: _Seen, now: _Seen, since: Time | None) -> list[Any]:
    """Return model label, key, operation, time and id of own changes, at the most a few more than ``AT_MOST``.

    A trigger writes its row after the row that it speaks of: the transaction has its number before the log row has its
    id. So what was not there yet has a higher id, or is of a transaction that was under way and no longer is.
    """
    if not unseen.last:
        return _select_own(connection, _since(connection, since))
    # With one bound PostgreSQL reads the whole table where it has no statistics yet.
    parts = [("id > %s AND id <= %s", [unseen.last, now.last])]
    if finished := list(unseen.running - now.running):
        among, parameter = log_of(connection).one_of(finished, "bigint")
        parts.append((f"id <= %s AND txid {among}", [unseen.last, parameter]))
    return _select_own(connection, *parts)


def _select_own(connection: BaseDatabaseWrapper, *parts: tuple[str, list[Any]]) -> list[Any]:
    """Return what each condition finds, in one statement: transactions of other databases come and go, too."""
    select = (
        f"SELECT model_label, object_pk, operation, {log_of(connection).logged_at('logged_at')}, id"
        " FROM synchro_triggers_changelog WHERE {} AND origin = '' " + f"LIMIT {AT_MOST + 1}"
    )
    found = " UNION ALL ".join(f"SELECT * FROM ({select.format(where)}) AS own" for where, _ in parts)
    return fetch_texts(connection, found, [param for _, params in parts for param in params])
