"""Locks between a run and others who work on the same rows: taken early, waited for shortly, tried again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction
from django.db.models import Model, QuerySet

from ...conf import LOCAL

#: Seconds to wait for a lock at the most, also where batches may last longer: another run may wait for one of ours.
_LONGEST_WAIT = 1.0

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
            self._lockable[model] = self._connection.vendor != "postgresql" or all(map(self._may_lock_table, tables))
        return self._lockable[model]

    def _may_lock_table(self, table: str) -> bool:
        """Tell whether rows may be locked on PostgreSQL: not those of a view, or without the right to update.

        Where policies choose rows, those that may be read and not updated would not be found.
        """
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT relkind IN ('r', 'p') AND has_any_column_privilege(oid, 'UPDATE')"
                " AND NOT row_security_active(oid) FROM pg_class WHERE oid = to_regclass(%s)",
                [self._connection.ops.quote_name(table)],
            )
            row = cursor.fetchone()
        return row is not None and bool(row[0])


def pauses() -> Iterator[float]:
    """Yield how long to pause before each further try; two runs in each other's way must not keep in step."""
    for pause in _PAUSES:
        yield pause * random.uniform(0.5, 1.5)


def wait_shortly(alias: str, seconds: float) -> None:
    """Let the transaction that is open on ``alias`` give up a lock that it does not get in time (PostgreSQL).

    SQLite has a timeout of its own (``OPTIONS["timeout"]``).
    """
    connection = connections[alias]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            milliseconds = max(1, round(1000 * min(seconds, _LONGEST_WAIT)))
            cursor.execute(f"SET LOCAL lock_timeout = {milliseconds}")


@contextmanager
def short_waits_on_local(seconds: float) -> Iterator[None]:
    """Let what receivers write on LOCAL in the block wait for locks shortly, too.

    Two opposite runs, each of which holds locks on its remote and whose receivers want one of the other's, wait for
    each other for ever otherwise: neither server sees more than one half of it.
    """

    def execute_with_timeout(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        text = str(sql)
        if text.startswith(_WITHOUT_LOCKS) and " FOR " not in text:
            return execute(sql, params, many, context)
        if connections[LOCAL].in_atomic_block:
            wait_shortly(LOCAL, seconds)
            return execute(sql, params, many, context)
        with transaction.atomic(using=LOCAL):  # never for the session: a pooler gives that to others
            wait_shortly(LOCAL, seconds)
            return execute(sql, params, many, context)

    if connections[LOCAL].vendor != "postgresql":
        yield
        return
    with connections[LOCAL].execute_wrapper(execute_with_timeout):
        yield


_WITHOUT_LOCKS = ("SELECT", "WITH before", "SET LOCAL", "SAVEPOINT", "RELEASE", "ROLLBACK", "DECLARE", "FETCH", "SHOW")
