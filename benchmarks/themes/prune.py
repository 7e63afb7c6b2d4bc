"""A log of millions of rows: what looking at it costs, and what pruning it does."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from itertools import pairwise

from django.core.management import call_command
from django.db import connection

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog
from synchro_triggers.replay.metrics.figures import read_figures
from synchro_triggers.replay.pruning import prune

from ..harness import Results, check, progress, timed
from ..sides import LOCAL, add_one, consume_log, settle, start_over, write_log
from ..sizes import Sizes

METRICS, STATUS = "metrics", "synchro_status"
PRUNED, LONGEST, WRITTEN = "pruning", "its longest transaction", "writing log rows beside"
EMPTY, DELETED, DROPPED = "an empty log", "synchro_prune", "a partition that is dropped"


def run(vendor: str, sizes: Sizes) -> Results:
    results = Results(baseline=EMPTY)
    start_over()
    add_one()
    synchronize()
    _look(results, EMPTY)
    progress(f"writing {sizes.pruned_rows:,} log rows")
    write_log(sizes.pruned_rows)
    settle()
    _look(results, f"{sizes.pruned_rows:,} rows, all pending")
    consume_log()
    synchronize()  # which notes that the remote has passed it
    _look(results, f"{sizes.pruned_rows:,} rows, all consumed")
    _prune(results, sizes)
    if vendor == "postgres":
        _drop(results, sizes)
    results.limit(METRICS, f"{sizes.pruned_rows:,} rows, all pending", "<=", 1_000, "ms")
    results.limit(METRICS, f"{sizes.pruned_rows:,} rows, all consumed", "<=", 200, "ms")
    results.limit(LONGEST, DELETED, "<=", 250, "ms")
    results.notes.append("Looked at on warm connections, three times; synchro_status counts the whole log.")
    return results


def _look(results: Results, name: str) -> None:
    ways: dict[str, Callable[[], object]] = {
        METRICS: read_figures,
        STATUS: lambda: call_command("synchro_status", verbosity=0),
    }
    for measure, look in ways.items():
        progress(f"{measure}: {name}")
        took = []
        for _ in range(3):
            with timed() as watch:
                look()
            took.append(watch.seconds * 1e3)
        results.add(measure, name, "ms", took)


def _prune(results: Results, sizes: Sizes) -> None:
    progress("pruning")
    ends = [time.perf_counter()]
    with timed() as watch:
        pruned = prune(datetime.timedelta(0), progress=lambda *_: ends.append(time.perf_counter()))
    check(pruned.rows >= sizes.pruned_rows, True, "the log is pruned")
    check(ChangeLog.objects.using(LOCAL).count() <= 1, True, "nothing is left")
    results.add(PRUNED, DELETED, "s", [watch.seconds])
    # Before the first one the rows are counted, for the progress bar.
    longest = max((after - before for before, after in pairwise(ends[1:])), default=watch.seconds)
    results.add(LONGEST, DELETED, "ms", [longest * 1e3])
    settle()
    results.add(WRITTEN, DELETED, "µs/row", [_time_writing("synchro_triggers_changelog", sizes)])


def _drop(results: Results, sizes: Sizes) -> None:
    """Do as if the log had a partition for each tenth of its rows."""
    progress("a log in partitions")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_log (LIKE synchro_triggers_changelog INCLUDING ALL) PARTITION BY RANGE (id)")
        step = max(1, sizes.pruned_rows // 10)
        for number in range(11):
            first, last = number * step, (number + 1) * step
            cursor.execute(
                f"CREATE TABLE bench_log_{number} PARTITION OF bench_log FOR VALUES FROM ({first}) TO ({last})"
            )
        cursor.execute("CREATE TABLE bench_log_rest PARTITION OF bench_log DEFAULT")
        cursor.execute(
            "INSERT INTO bench_log (id, model_label, object_pk, operation, changed_fields, origin, logged_at, txid)"
            " SELECT n, 'replayed.Item', n::text, 'U', 'number', '', clock_timestamp(), txid_current()"
            " FROM generate_series(1, %s) AS n",
            [sizes.pruned_rows],
        )
        took = []
        with timed() as watch:
            for number in range(11):
                started = time.perf_counter()
                cursor.execute(f"DROP TABLE bench_log_{number}")
                took.append(time.perf_counter() - started)
    results.add(PRUNED, DROPPED, "s", [watch.seconds])
    results.add(LONGEST, DROPPED, "ms", [max(took) * 1e3])
    results.add(WRITTEN, DROPPED, "µs/row", [_time_writing("bench_log", sizes)])


def _time_writing(table: str, sizes: Sizes) -> float:
    """Return what a row costs that is written into a log of that shape, in microseconds."""
    took = []
    for _ in range(max(3, sizes.rounds)):
        with connection.cursor() as cursor, timed() as watch:
            cursor.execute(
                f"INSERT INTO {table} (model_label, object_pk, operation, changed_fields, origin, logged_at, txid)"
                f" SELECT 'replayed.Item', value, 'U', 'number', '', '2026-01-01', 0 FROM ({_numbers()}) AS numbers",
                [sizes.pruned_writes],
            )
        took.append(watch.seconds * 1e6 / sizes.pruned_writes)
    return min(took)


def _numbers() -> str:
    if connection.vendor == "postgresql":
        return "SELECT n::text AS value FROM generate_series(1, %s) AS n"
    return (
        "WITH RECURSIVE up (n, last) AS (SELECT 1, %s UNION ALL SELECT n + 1, last FROM up WHERE n < last)"
        " SELECT CAST(n AS TEXT) AS value FROM up"
    )
