"""LOCAL and remote as the replay themes use them: emptied, filled, and compared with one another."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction
from django.db.models import Count, F, Model, Sum

from synchro_triggers import reset_synchro, synchro_paused
from synchro_triggers.models import ChangeLog, options

from .apps.replayed.models import Item, Tag
from .harness import check
from .themes.capture import insert_by_sql, new_rows

LOCAL, REMOTE = "default", "remote"
THROUGH: Any = Item.tags.through
_TABLES = (THROUGH, Item, Tag)

_LOG_COLUMNS = "(model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)"
_WRITE_LOG = {
    "postgresql": f"""
        INSERT INTO synchro_triggers_changelog {_LOG_COLUMNS}
        SELECT 'replayed.Item', n::text, 'U', 'number', NULL, '', clock_timestamp(), txid_current()
          FROM generate_series(%s, %s) AS n
    """,
    "sqlite": f"""
        WITH RECURSIVE bounds (first, last) AS (VALUES (%s, %s)),
             number (n) AS (SELECT first FROM bounds UNION ALL SELECT n + 1 FROM number, bounds WHERE n < last)
        INSERT INTO synchro_triggers_changelog {_LOG_COLUMNS}
        SELECT 'replayed.Item', CAST(n AS TEXT), 'U', 'number', NULL, '', strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now'), 0
          FROM number
    """,
}


def start_over() -> None:
    """Empty both sides and the log; the remote has received everything."""
    for alias in (LOCAL, REMOTE):
        with synchro_paused(using=alias):
            empty(alias, *_TABLES)
    reset_synchro()
    empty(LOCAL, ChangeLog)


def empty(alias: str, *models: type[Model]) -> None:
    """Empty tables, without a trace of what was in them."""
    tables = [model._meta.db_table for model in models]
    with connections[alias].cursor() as cursor:
        if connections[alias].vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join(tables)}")
        else:
            for table in tables:
                cursor.execute(f"DELETE FROM {table}")


def fill_local(objects: int) -> None:
    """Insert and log that many items on LOCAL."""
    with transaction.atomic(using=LOCAL):
        insert_by_sql(Item, objects, LOCAL)
    check(ChangeLog.objects.using(LOCAL).count(), objects, "log rows of the items to replay")


def add_one() -> Any:
    """Insert and log one more item on LOCAL; return it."""
    [item] = new_rows(Item, 1)
    item.save(using=LOCAL)
    return item


def write_log(rows: int) -> None:
    """Write log rows of items that are not there, in a hundred transactions: ids, times and transactions in order."""
    step = max(1, rows // 100)
    for first in range(1, rows + 1, step):
        last = min(first + step - 1, rows)
        with transaction.atomic(using=LOCAL), connections[LOCAL].cursor() as cursor:
            cursor.execute(_WRITE_LOG[connections[LOCAL].vendor], [first, last])


def consume_log() -> None:
    """Let the remote have passed all that is logged."""
    options.last_check = datetime.datetime.now(datetime.UTC)
    settle()


def change_local() -> None:
    """Change and log every item on LOCAL."""
    Item.objects.using(LOCAL).update(number=F("number") + 1, name="changed")


def tag_local(tags: int = 2) -> int:
    """Give every item of LOCAL that many tags; return the number of relations. The tags must be there."""
    keys = list(Tag.objects.using(LOCAL).order_by("pk").values_list("pk", flat=True)[:tags])
    items = Item.objects.using(LOCAL).values_list("pk", flat=True)
    rows = [THROUGH(item_id=item, tag_id=tag) for item in items for tag in keys]
    THROUGH.objects.using(LOCAL).bulk_create(rows, batch_size=5_000)
    return len(rows)


def make_tags(count: int = 3) -> None:
    Tag.objects.using(LOCAL).bulk_create(Tag(name=f"tag {number}") for number in range(count))


def contents(alias: str) -> tuple[Any, ...]:
    """Return what tells one state of a side from another: numbers and sums of what is in it."""
    items = Item.objects.using(alias).aggregate(n=Count("*"), number=Sum("number"), amount=Sum("amount"))
    tagged = THROUGH.objects.using(alias).aggregate(n=Count("*"))
    changed = Item.objects.using(alias).filter(name="changed").count()
    return (items["n"], items["number"], items["amount"], changed, tagged["n"], Tag.objects.using(alias).count())


def check_equal(what: str) -> None:
    """Raise ``WorkNotDone`` unless both sides hold the same."""
    check(contents(REMOTE), contents(LOCAL), f"{what}: the remote against LOCAL")


def settle(alias: str = LOCAL) -> None:
    """Do what autovacuum does within a minute of a large write: now, and not while something is measured."""
    if connections[alias].vendor == "postgresql":
        with connections[alias].cursor() as cursor:
            for table in ("synchro_triggers_changelog", *(model._meta.db_table for model in _TABLES)):
                cursor.execute(f"VACUUM ANALYZE {table}")


@dataclass(frozen=True)
class OneRun:
    """What a run in a process of its own took, and what it has counted, by model."""

    seconds: float
    peak_mib: float
    models: dict[str, dict[str, Any]]


def run_alone(databases: dict[str, Any] | None = None, what: str = "synchronize") -> OneRun:
    """Run ``synchronize()`` in a process of its own.

    Args:
        databases: other DATABASES than this process has.
        what: ``"compare"``: run ``compare()``.
    """
    given = json.loads(os.environ["SYNCHRO_BENCH"])
    if databases is not None:
        given["databases"] = databases
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.one_run", what],
        env={**os.environ, "SYNCHRO_BENCH": json.dumps(given)},
        stdout=subprocess.PIPE,
        check=True,
    )
    found = json.loads(done.stdout)
    check(found["failures"], [], "failures of the run")
    return OneRun(found["seconds"], found["peak_kib"] / 1024, found["models"])
