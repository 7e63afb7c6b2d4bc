"""A run with nothing to do, or with a single object, behind a log of millions of consumed rows."""

from __future__ import annotations

import datetime

from django.db import connections, transaction

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog, options

from ..harness import Results, check, progress, timed
from ..sides import LOCAL, add_one, check_equal, run_alone, settle, start_over
from ..sizes import Sizes

NOTHING, ONE, PROCESS = "nothing new", "one object", "nothing new, in a new process"
EMPTY = "behind an empty log"
UNIT = "ms"

_COLUMNS = "(model_label, object_pk, operation, changed_fields, old_values, origin, logged_at, txid)"
_FILL = {
    "postgresql": f"""
        INSERT INTO synchro_triggers_changelog {_COLUMNS}
        SELECT 'replayed.Item', n::text, 'U', 'number', NULL, '', clock_timestamp(), txid_current()
          FROM generate_series(%s, %s) AS n
    """,
    "sqlite": f"""
        WITH RECURSIVE bounds (first, last) AS (VALUES (%s, %s)),
             number (n) AS (SELECT first FROM bounds UNION ALL SELECT n + 1 FROM number, bounds WHERE n < last)
        INSERT INTO synchro_triggers_changelog {_COLUMNS}
        SELECT 'replayed.Item', CAST(n AS TEXT), 'U', 'number', NULL, '', strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now'), 0
          FROM number
    """,
}


def run(vendor: str, sizes: Sizes) -> Results:
    results = Results(baseline=EMPTY)
    start_over()
    synchronize()
    _measure(results, EMPTY, sizes)
    start_over()
    progress(f"filling the log with {sizes.start_rows:,} rows")
    _fill_log(sizes.start_rows)
    long = f"behind {sizes.start_rows:,} consumed rows"
    _measure(results, long, sizes)
    check(ChangeLog.objects.using(LOCAL).count() >= sizes.start_rows, True, "the log is still long")
    results.notes.append("Time of synchronize() itself; statistics and BRIN ranges are as autovacuum leaves them.")
    return results


def _measure(results: Results, name: str, sizes: Sizes) -> None:
    progress(name)
    one_run, nothing = [], []
    synchronize()
    for _ in range(max(3, sizes.rounds)):
        add_one()
        with timed() as watch:
            report = synchronize()
        check(report.changed, True, "the one object is new")
        one_run.append(watch.seconds * 1e3)
        with timed() as watch:
            report = synchronize()
        check(report.changed, False, "there is nothing new")
        nothing.append(watch.seconds * 1e3)
    check_equal(name)
    results.add(NOTHING, name, UNIT, nothing)
    results.add(ONE, name, UNIT, one_run)
    results.add(PROCESS, name, UNIT, [run_alone().seconds * 1e3 for _ in range(3)])


def _fill_log(rows: int) -> None:
    """Write consumed rows, in a hundred transactions: their ids, times and transactions lie in order."""
    step = max(1, rows // 100)
    for first in range(1, rows + 1, step):
        last = min(first + step - 1, rows)
        with transaction.atomic(using=LOCAL), connections[LOCAL].cursor() as cursor:
            cursor.execute(_FILL[connections[LOCAL].vendor], [first, last])
    options.last_check = datetime.datetime.now(datetime.UTC)
    settle()
