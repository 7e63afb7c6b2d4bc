"""One run in a process of its own: prints seconds and peak memory as JSON.

``python -m benchmarks.one_run [compare]``: ``synchronize()``, or ``compare()``.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    import django

    django.setup()

    from synchro_triggers.management.own_process import heap_set_aside

    run = _compare if sys.argv[1:] == ["compare"] else _synchronize
    started = time.perf_counter()
    with heap_set_aside():  # as the commands do
        found = run()
    seconds = time.perf_counter() - started
    json.dump({"seconds": seconds, "peak_kib": _peak_kib(), **found}, sys.stdout)


def _synchronize() -> dict[str, Any]:
    from synchro_triggers import synchronize

    report = synchronize()
    return {"models": report.as_dict()["models"], "failures": [failure.error for failure in report.failures]}


def _compare() -> dict[str, Any]:
    from synchro_triggers import compare

    report = compare()
    models = next(iter(report.models.values()))
    return {"models": {label: asdict(each) for label, each in models.items()}, "failures": []}


def _peak_kib() -> int:
    """Return the most memory this process ever had resident.

    Linux lets ``ru_maxrss`` begin with what the parent had when it made this process; VmHWM is our own.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


if __name__ == "__main__":
    main()
