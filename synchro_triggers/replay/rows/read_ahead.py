"""Rows of the remote, read ahead many at a time, and locked as they are read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from typing import Any

from django.db import connections
from django.db.models import Model, QuerySet

from ...vendors.vendor import database_of
from .selecting import instances_of, linked_pairs, rows_of, rows_with


class RowLocks:
    """Locks rows of a remote as they are read, so that they stay what they are until a run has written them.

    Args:
        wanted: whether the run writes at all.
    """

    def __init__(self, alias: str, *, wanted: bool = True) -> None:
        self._connection = connections[alias]
        self._wanted = wanted and self._connection.features.has_select_for_update
        self._lockable: dict[type[Model], bool] = {}

    def taken(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the query with locks, which it takes in the order of the keys, as others should.

        Rows of parent tables are locked too. On PostgreSQL others may go on to point to the rows.
        """
        rows = rows.order_by("pk")
        if not self._wanted or not self._may_lock(rows.model):
            return rows
        return rows.select_for_update(no_key=self._connection.features.has_select_for_no_key_update)

    def _may_lock(self, model: type[Model]) -> bool:
        if model not in self._lockable:
            tables = [each._meta.db_table for each in (model, *model._meta.all_parents)]
            may_lock = database_of(self._connection).may_lock
            self._lockable[model] = all(may_lock(self._connection, table) for table in tables)
        return self._lockable[model]


def existing_keys(alias: str, model: type[Model], keys: Collection[Any], locks: RowLocks | None = None) -> set[Any]:
    """Return those of the primary keys whose rows exist in a database; lock the rows, if there are locks."""
    if not keys:
        return set()
    rows = rows_with(model, alias, pk=keys)
    if locks is not None:
        rows = locks.taken(rows)
    return database_of(connections[alias]).exact_keys(keys, set(rows.values_list("pk", flat=True)))


class ReadAhead:
    """Remote rows that were read, and locked, for a whole batch, until a receiver may have changed them."""

    def __init__(self, alias: str, locks: RowLocks) -> None:
        self._alias = alias
        self._locks = locks
        self.locked_later: set[type[Model]] = set()
        self._rows: dict[type[Model], dict[Any, Model]] = {}
        self._linked: dict[type[Model], dict[tuple[Any, Any], bool]] = {}

    def load(self, model: type[Model], keys: Iterable[Any]) -> None:
        """Read, and lock, the rows of a model that have not been read; those of ``locked_later`` are only read."""
        known = self._rows.setdefault(model, {})
        missing = [key for key in keys if key not in known]
        if missing:
            rows = rows_with(model, self._alias, pk=missing)
            if model not in self.locked_later:
                rows = self._locks.taken(rows)
            known.update({row.pk: row for row in instances_of(rows)})

    def peek(self, model: type[Model], key: Any) -> Model | None:
        """Return a row that has been read."""
        return self._rows.get(model, {}).get(key)

    def known(self, model: type[Model]) -> Set[Any]:
        """Return the keys of the rows that have been read."""
        return self._rows.get(model, {}).keys()

    def take(self, model: type[Model], key: Any) -> Model | None:
        """Return a row, reading it if need be, and forget it: the caller is going to change it."""
        row = self._rows.get(model, {}).pop(key, None)
        if row is None:
            row = self._locks.taken(rows_of(model, self._alias).filter(pk=key)).first()
        is_exactly = database_of(connections[self._alias]).is_exactly
        return row if row is not None and is_exactly(key, row.pk) else None

    def give_back(self, row: Model) -> None:
        """Remember a row again that was taken, and not changed."""
        self._rows.setdefault(type(row), {})[row.pk] = row

    def drop(self, model: type[Model], key: Any) -> None:
        """Forget a row that was changed."""
        self._rows.get(model, {}).pop(key, None)

    def load_links(self, through: type[Model], ends: tuple[str, str], pairs: Collection[tuple[Any, Any]]) -> None:
        """Read which objects are linked.

        Args:
            through: an automatic many-to-many table.
            ends: its attribute names.
            pairs: remote keys of what may be linked.
        """
        linked = linked_pairs(through, ends, self._alias, pairs)
        self._linked.setdefault(through, {}).update((pair, pair in linked) for pair in pairs)

    def linked(self, through: type[Model], ends: tuple[str, str], pairs: Collection[tuple[Any, Any]]) -> set[Any]:
        """Return those of the pairs that are linked, reading that if need be."""
        if not self._linked.get(through, {}).keys() >= set(pairs):
            self.load_links(through, ends, pairs)
        known = self._linked.get(through, {})
        return {pair for pair in pairs if known[pair]}

    def note_links(self, through: type[Model], pairs: Iterable[tuple[Any, Any]], *, linked: bool) -> None:
        """Remember links that were made or removed."""
        self._linked.setdefault(through, {}).update(dict.fromkeys(pairs, linked))

    def forget(self, tables: Collection[str | None]) -> None:
        """Forget the rows of tables, by their quoted names; ``None`` among them: of all."""
        if not tables:
            return
        quote = connections[self._alias].ops.quote_name
        for model in [*self._rows, *self._linked]:
            own = {quote(each._meta.db_table) for each in (model, *model._meta.all_parents)}
            if None in tables or not own.isdisjoint(tables):
                self._rows.pop(model, None)
                self._linked.pop(model, None)

    def clear(self) -> None:
        """Forget everything."""
        self._rows.clear()
        self.forget_links()

    def forget_links(self) -> None:
        """Forget who is linked: a cascade may have removed links, and nothing tells."""
        self._linked.clear()
