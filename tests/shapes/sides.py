"""What a test does with the two databases: synchronise, compare, write past the ORM."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, cast

from django.apps import apps
from django.db import connections, transaction
from django.db.models import AutoField, BigAutoField, Model

from synchro_triggers import SyncReport, synchronize
from tests.comparing import assert_same

LOCAL, REMOTE = "default", "remote"

FIRST_REMOTE_KEY = 100_000


def synchronize_and_compare(*which: str | type[Model], expect_change: bool = True) -> SyncReport:
    """Run ``synchronize()``; assert that nothing failed, both sides are equal, and nothing is left to do.

    Args:
        *which: what to compare; default: ``shapeapp``.
        expect_change: whether the run must have had something to do.
    """
    report = synchronize()
    assert report.failures == []
    assert report.changed is expect_change
    assert_same(*(which or ("shapeapp",)))
    assert not synchronize().changed, "a second run found something to do"
    return report


def on_remote(model: type[Model], **lookups: Any) -> Any:
    """Return the one remote object."""
    return model._base_manager.using(REMOTE).get(**lookups)


def execute(sql: str, *params: Any, alias: str = LOCAL) -> None:
    """Run raw SQL."""
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, params)


@contextmanager
def checked_late(alias: str = LOCAL):
    """A transaction whose foreign keys are checked at its end, also inside a test's transaction."""
    with transaction.atomic(using=alias):
        yield
        connections[alias].check_constraints()


def move_remote_keys_on(*labels: str) -> None:
    """Let the remote's automatic keys start far from the local ones.

    Args:
        *labels: apps; default: ``testapp`` and ``shapeapp``.
    """
    tables = [
        (model._meta.db_table, cast(Any, model._meta.pk).column)
        for label in labels or ("testapp", "shapeapp")
        for model in apps.get_app_config(label).get_models()
        if isinstance(model._meta.pk, (AutoField, BigAutoField)) and not model._meta.proxy
    ]
    connection = connections[REMOTE]
    if connection.vendor == "mysql":  # whose template has it: it would end the test's transaction
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            calls = ", ".join(
                f"setval(pg_get_serial_sequence('{table}', '{column}'), {FIRST_REMOTE_KEY + 1000 * number})"
                for number, (table, column) in enumerate(tables)
            )
            cursor.execute(f"SELECT {calls}")
        else:
            cursor.execute("DELETE FROM sqlite_sequence WHERE name <> 'synchro_triggers_changelog'")
            cursor.executemany(
                "INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)",
                [(table, FIRST_REMOTE_KEY + 1000 * number) for number, (table, _) in enumerate(tables)],
            )
