"""One run of ``synchronize()`` in a process of its own: prints seconds and peak memory as JSON."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    import django

    django.setup()

    from synchro_triggers import synchronize
    from synchro_triggers.management.own_process import heap_set_aside

    started = time.perf_counter()
    with heap_set_aside():  # as `manage.py synchronize` does
        report = synchronize()
    seconds = time.perf_counter() - started
    counts = {label: counts for label, counts in report.as_dict()["models"].items()}
    failures = [failure.error for failure in report.failures]
    json.dump({"seconds": seconds, "peak_kib": _peak_kib(), "models": counts, "failures": failures}, sys.stdout)


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
