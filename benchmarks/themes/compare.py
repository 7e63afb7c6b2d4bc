"""What it takes to prove that both sides are equal, and to find what is not."""

from __future__ import annotations

from django.db.models import F

from synchro_triggers import synchro_paused, synchronize

from ..apps.replayed.models import Item
from ..harness import Results, check, progress
from ..sides import LOCAL, REMOTE, OneRun, fill_local, run_alone, settle, start_over
from ..sizes import Sizes

SECONDS, MEMORY = "seconds", "peak memory"
LABEL = "replayed.Item"


def run(vendor: str, sizes: Sizes) -> Results:
    rows = sizes.compared_rows
    few = max(1, rows // 100)
    equal, less = f"{rows:,} equal rows", f"{few:,} equal rows"
    differing = f"{rows:,} rows, each thousandth differs"
    results = Results()
    _fill(few)
    _add(results, less, [_compare(few, 0)])
    _fill(rows)
    _add(results, equal, [_compare(rows, 0) for _ in range(sizes.rounds)])
    wrong = _change_each_thousandth()
    _add(results, differing, [_compare(rows, wrong)])
    results.limit(SECONDS, equal, "<=", 30, "s")
    memory = [results.value_of(MEMORY, name) for name in (equal, less)]
    results.add(MEMORY + " above the fewer rows", equal, "MiB", [max(0.0, (memory[0] or 0) - (memory[1] or 0))])
    results.limit(MEMORY + " above the fewer rows", equal, "<=", 32, "MiB")
    results.notes.append("compare() in a process of its own: five columns, automatic keys, of which each has its own.")
    return results


def _fill(rows: int) -> None:
    progress(f"filling and replaying {rows:,} rows")
    start_over()
    fill_local(rows)
    synchronize()
    for alias in (LOCAL, REMOTE):
        settle(alias)


def _change_each_thousandth() -> int:
    with synchro_paused(using=REMOTE):
        last = Item.objects.using(REMOTE).order_by("-pk").values_list("pk", flat=True)[0]
        numbers = Item.objects.using(REMOTE).filter(pk__in=range(last, 0, -1_000))
        return numbers.update(number=F("number") + 1)


def _compare(rows: int, differing: int) -> OneRun:
    progress(f"comparing {rows:,} rows")
    found = run_alone(what="compare")
    counts = found.models[LABEL]
    check((counts["equal"], counts["differing"]), (rows - differing, differing), "what was equal and what was not")
    return found


def _add(results: Results, name: str, runs: list[OneRun]) -> None:
    results.add(SECONDS, name, "s", [each.seconds for each in runs])
    results.add(MEMORY, name, "MiB", [each.peak_mib for each in runs])
