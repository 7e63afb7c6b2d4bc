"""Time and memory of one run over a long log: over distinct objects, and over few objects logged again and again."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from synchro_triggers.models import ChangeLog

from ..apps.replayed.models import Item
from ..harness import Results, check, progress
from ..sides import LOCAL, OneRun, check_equal, fill_local, run_alone, settle, start_over
from ..sizes import Sizes

SECONDS, PER_OBJECT, PEAK = "seconds", "time per object", "peak memory"
OURS = "synchro_triggers"


def run(vendor: str, sizes: Sizes) -> Results:
    results = Results()
    names = {rows: f"{rows:,} rows, as many objects" for rows in sizes.backlog}
    for rows, name in names.items():
        # A run over a million objects takes long enough to be its own median.
        runs = [_run_over_distinct(rows, name) for _ in range(sizes.rounds if rows <= 10_000 else 1)]
        _store(results, name, rows, runs)

    rows, objects = sizes.backlog_repeated
    repeated = f"{rows:,} rows, {objects:,} objects"
    runs = [_run_over_repeated(rows, objects, repeated) for _ in range(min(3, sizes.rounds))]
    _store(results, repeated, objects, runs)

    fewest, most = names[min(names)], names[max(names)]
    results.compare(PER_OBJECT, most, fewest, "<=", 1.3)
    results.limit(SECONDS, repeated, "<=", 3, "s")
    least, highest = results.value_of(PEAK, fewest), results.value_of(PEAK, most)
    assert least is not None and highest is not None
    results.add("peak memory above the shortest log", most, "MiB", [highest - least])
    results.limit("peak memory above the shortest log", most, "<=", 64, "MiB")
    results.notes.append("New items; each run in a process of its own; fresh statistics, as autovacuum leaves them.")
    return results


def _store(results: Results, name: str, objects: int, runs: list[OneRun]) -> None:
    results.add(SECONDS, name, "s", [one.seconds for one in runs])
    results.add(PER_OBJECT, name, "µs", [one.seconds / objects * 1e6 for one in runs])
    results.add(PEAK, name, "MiB", [one.peak_mib for one in runs])


def _run_over_distinct(rows: int, name: str) -> OneRun:
    progress(name)
    start_over()
    fill_local(rows)
    return _measure(name)


def _run_over_repeated(rows: int, objects: int, name: str) -> OneRun:
    """Insert the objects and update them all until the log is long enough."""
    progress(name)
    start_over()
    fill_local(objects)
    with transaction.atomic(using=LOCAL):
        for _ in range(rows // objects - 1):
            Item.objects.using(LOCAL).update(number=F("number") + 1)
    check(ChangeLog.objects.using(LOCAL).count(), rows, "log rows")
    return _measure(name)


def _measure(name: str) -> OneRun:
    settle()
    one = run_alone()
    check_equal(name)
    return one
