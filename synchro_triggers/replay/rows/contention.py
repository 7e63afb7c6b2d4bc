"""Locks between a run and others who work on the same rows: taken early, waited for shortly, tried again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from django.db import connections
from django.db.models import Model, QuerySet

from ...vendors.vendor import database_of

#: Seconds to pause before a transaction is tried again that has waited in vain.
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)


class RowLocks:
    """Locks rows of a remote as they are read, so that they stay what they are until a run has written them.

    Args:
        alias: the remote.
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


def pauses() -> Iterator[float]:
    """Yield how long to pause before each further try; two runs in each other's way must not keep in step."""
    for pause in _PAUSES:
        yield pause * random.uniform(0.5, 1.5)
