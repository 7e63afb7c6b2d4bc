"""A run with nothing to do, or with a single object, behind a log of millions of consumed rows."""

from __future__ import annotations

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog

from ..harness import Results, check, progress, timed
from ..sides import LOCAL, add_one, check_equal, consume_log, run_alone, start_over, write_log
from ..sizes import Sizes

NOTHING, ONE, PROCESS = "nothing new", "one object", "nothing new, in a new process"
EMPTY = "behind an empty log"
UNIT = "ms"


def run(vendor: str, sizes: Sizes) -> Results:
    results = Results(baseline=EMPTY)
    start_over()
    synchronize()
    _measure(results, EMPTY, sizes)
    start_over()
    progress(f"filling the log with {sizes.start_rows:,} rows")
    write_log(sizes.start_rows)
    consume_log()
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
