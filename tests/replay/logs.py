"""Changes that are logged by hand, so that a test says when, by whom and in which transaction."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.db import connection

from synchro_triggers.models import ChangeLog
from synchro_triggers.replay.log.pages import read_page
from synchro_triggers.replay.log.window import open_window
from tests.safety.story import LOCAL

NOON = datetime.datetime(2024, 5, 5, 12, 30, 15, 123_000, tzinfo=datetime.UTC)
MOMENT = datetime.timedelta(milliseconds=1)

on_postgres = pytest.mark.vendor("postgres")


def log(key: object = 1, operation: str = "U", **more: Any) -> int:
    """Log a change; return its id."""
    fields: dict[str, Any] = {"model_label": "shop.Order", "changed_fields": "name"}
    row = ChangeLog.objects.create(object_pk=str(key), operation=operation, **{**fields, **more})
    return int(row.pk)


def log_of(*transactions: int) -> dict[int, int]:
    """Log a change in each of these transactions, in this order; return the ids, by transaction."""
    return {txid: log(txid, txid=txid) for txid in transactions}


def new(start: str = "", end: str = "") -> list[int]:
    """Return the keys that a window speaks of, as numbers, in the order of the log."""
    page = read_page(LOCAL, open_window(LOCAL, start, end=end), 0, 100)
    return [int(change.key) for change in sorted(page.changes, key=lambda change: change.first)]


def ids_where(condition: tuple[str, list[Any]]) -> set[int]:
    where, params = condition
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM synchro_triggers_changelog WHERE {where}", params)
        return {row[0] for row in cursor.fetchall()}


def everything() -> set[int]:
    return set(ChangeLog.objects.values_list("id", flat=True))
