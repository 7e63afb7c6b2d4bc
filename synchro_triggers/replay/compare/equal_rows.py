"""The long way through a table, page by page: which rows are the same on both sides, without a closer look.

Both sides' values are read and compared here: that takes 5 to 20 µs a row on either vendor, fits every field and
every pair of vendors, and needs no text or sum that two vendors would have to agree on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from django.db.models import Model, QuerySet

from ...conf import local_alias
from ..identity.reference_table import text_of
from ..rows.held_keys import held_key
from ..rows.json_text import annotation_of
from ..rows.partly_readable import garbled_times
from ..rows.raw_keys import are_found, is_of_one_object
from ..rows.selecting import rows_of, rows_with
from ..rows.values import same_value
from ..schema.key_columns import KeyColumn
from .keys_across import KeysAcross
from .tables import ComparedTable, is_json
from .time_texts import TimeTexts

#: Rows that are read at a time.
PAGE = 5_000


class KeysNotInOrder(Exception):
    """A table has keys that cannot be read, or are not found by what they are read as."""


@dataclass(frozen=True)
class Page:
    """Rows of LOCAL.

    Attributes:
        rows: how many.
        equal: the remote keys of those that are the same on the remote.
        doubtful: the local keys of the others.
    """

    rows: int
    equal: list[Any]
    doubtful: list[Any]


class EqualRows:
    """Pages of a table.

    Args:
        across: what keys are on the other side.
    """

    def __init__(self, table: ComparedTable, remote: str, across: KeysAcross) -> None:
        self._table, self._remote, self._across = table, remote, across
        self._times = TimeTexts(remote)
        told_elsewhere = [
            column.told_by
            for column in table.key_columns
            if column.told_by is not None and column.told_by not in table.fields
        ]
        # The primary key, something of each of the fields, and what a parent's table tells of them.
        self._read = ("pk", *map(self._name_of, dict.fromkeys((*table.fields, *told_elsewhere))))

    def _name_of(self, field: Any) -> str:
        if is_json(field):
            return annotation_of(field)
        return self._times.name_of(field) or str(field.attname)

    def pages(self) -> Iterator[Page]:
        """Yield the pages of LOCAL's rows.

        Raises:
            KeysNotInOrder: ``pages_by_texts()`` has to be asked instead, from the beginning.
        """
        last: Any = None
        rows_of_now = self._times.annotated(up_to_now(rows_of(self._table.model, local_alias())), self._table.plain)
        while True:
            keys, rows = self._page_after(rows_of_now, last)
            if not keys:
                return
            if last in keys or not are_found(local_alias(), self._table.model, keys):
                raise KeysNotInOrder
            yield self._compare(keys, rows)
            last = keys[-1]

    def _page_after(self, rows: QuerySet[Any], last: Any) -> tuple[list[Any], list[tuple[Any, ...]] | None]:
        """Return the next keys, and their rows; ``None``: something in them cannot be read."""
        if last is not None:
            rows = rows.filter(pk__gt=last)
        try:
            found = list(rows.values_list(*self._read)[:PAGE])
            return [row[0] for row in found], found
        except Exception as error:
            if not is_of_one_object(error):
                raise
        try:
            keys = list(rows.values_list("pk", flat=True)[:PAGE])
            hash(tuple(keys))
            return keys, None
        except Exception as error:
            if not is_of_one_object(error):
                raise
            raise KeysNotInOrder from error

    def _compare(self, keys: list[Any], rows: list[tuple[Any, ...]] | None) -> Page:
        if rows is None:
            return Page(len(keys), [], keys)
        try:
            there = self._across.there(self._table.root, keys)
            remote_rows = self._read_there(there.values())
            expected = self._expected(rows)
        except Exception as error:  # of one row, or of one that it points to
            if not is_of_one_object(error):
                raise
            return Page(len(keys), [], keys)
        garbled = self._garbled(local_alias(), rows)
        equal, doubtful = [], []
        for row in expected:
            remote_key = there.get(row[0])
            other = remote_rows.get(remote_key) if remote_key is not None else None
            if other is not None and row[0] not in garbled and self._are_equal(row, other):
                equal.append(remote_key)
            else:
                doubtful.append(row[0])
        return Page(len(keys), equal, doubtful)

    def _read_there(self, remote_keys: Collection[Any]) -> dict[Any, tuple[Any, ...]]:
        found = rows_with(self._table.model, self._remote, pk=list(remote_keys))
        found = self._times.annotated(found, self._table.plain)
        rows = {row[0]: row for row in found.values_list(*self._read)}
        for key in self._garbled(self._remote, list(rows.values())):
            del rows[key]
        return rows

    def _garbled(self, alias: str, rows: Sequence[tuple[Any, ...]]) -> set[Any]:
        """Return the keys of rows with a date or time that is none, and was read as NULL."""
        return {key for keys in garbled_times(self._table.model, alias, rows, self._read).values() for key in keys}

    def _expected(self, rows: Sequence[tuple[Any, ...]]) -> Sequence[Sequence[Any]]:
        """Return the rows as the remote should have them: with the keys there. ``_UNKNOWN`` is equal to nothing."""
        table = self._table
        first = 1 + len(table.plain)
        columns: dict[int, list[Any]] = {}
        for number, field in enumerate(table.keys, start=first):
            known = self._across.targets(field.remote_field.model, {row[number] for row in rows})
            columns[number] = [None if row[number] is None else known.get(row[number], _UNKNOWN) for row in rows]
        for column in table.key_columns:
            columns[self._number_of(column.field)] = self._held_there(column, rows)
        if not columns:
            return rows
        changed = [list(row) for row in rows]
        for number, values in columns.items():
            for row, value in zip(changed, values, strict=True):
                row[number] = value
        return changed

    def _number_of(self, field: Any) -> int:
        return self._read.index(self._name_of(field))

    def _held_there(self, column: KeyColumn, rows: Sequence[Sequence[Any]]) -> list[Any]:
        held = self._number_of(column.field)
        if column.rewrite is not None:  # what a callable makes of it takes a closer look
            return [None if row[held] is None else _UNKNOWN for row in rows]
        told = held if column.told_by is None else self._number_of(column.told_by)
        targets = [_target(column, row[told], row[held]) for row in rows]
        asked: dict[type[Model], set[Any]] = {}
        for model, key in filter(None, targets):
            asked.setdefault(model, set()).add(key)
        known = {model: self._across.targets(model, keys) for model, keys in asked.items()}
        values = []
        for row, target in zip(rows, targets, strict=True):
            if target is None:
                values.append(row[held])
                continue
            model, key = target
            there = known[model].get(key)
            if there is None:
                values.append(_UNKNOWN)
            else:
                values.append(column.value_there(key, there, row[held]))
        return values

    def _are_equal(self, here: Sequence[Any], there: Sequence[Any]) -> bool:
        """Tell whether two rows are equal, their primary keys left out."""
        table = self._table
        others, end = 1 + len(table.plain) + len(table.keys), 1 + len(table.fields)
        if tuple(here[1:others]) != there[1:others]:
            return False
        if table.key_columns and _UNKNOWN in here[others:end]:
            return False
        return all(map(same_value, table.others, here[others:end], there[others:end]))


def _target(column: KeyColumn, told: Any, value: Any) -> tuple[type[Model], Any] | None:
    names: dict[str, Any] = {} if column.told_by is None else {column.told_by.attname: told}
    row: Any = SimpleNamespace(**names, **{column.field.attname: value})
    return held_key(column, row)


def up_to_now(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return rows in the order of their keys, without those that come later: users make some while others are read.

    Raises:
        KeysNotInOrder: the last key cannot be read.
    """
    last = list(rows.order_by("-pk").values_list("pk", flat=True)[:1])
    # A time that is none is read as NULL; a blob, or another spelling than Django's, is in another place.
    if None in last or not are_found(rows.db, rows.model, last):
        raise KeysNotInOrder
    return rows.filter(pk__lte=last[0]).order_by("pk") if last else rows.none()


def mark_of(key: Any) -> int:
    """Return a number whose sums over two sets of keys are the same only if the sets are, by all odds (64 bits)."""
    return hash((text_of(key),))  # that of an empty text alone would be 0


class _Unknown:
    """What no database can hold."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__


_UNKNOWN = _Unknown()
