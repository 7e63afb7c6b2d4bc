"""``synchronize --follow``: from a commit on LOCAL until the remote shows it, and what waiting costs."""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db import connections

from ..apps.replayed.models import Item
from ..harness import Results, WorkNotDone, progress
from ..sides import REMOTE, add_one, check_equal, start_over
from ..sizes import Sizes
from .initial import has_option

POLLING, NOTIFIED = "synchro_triggers, polling", "synchro_triggers, --notify"
MEDIAN, LATE = "latency, median", "latency, 99th percentile"
CPU, QUERIES = "idle: share of a core", "idle: queries a minute"
UNITS = {MEDIAN: "ms", LATE: "ms", CPU: "%", QUERIES: "queries"}


def run(vendor: str, sizes: Sizes) -> Results:
    results = Results()
    ways: dict[str, list[str]] = {POLLING: []}
    if vendor == "postgres":
        ways[NOTIFIED] = ["--notify"]
    for name, options in ways.items():
        if all(has_option(option) for option in ("--follow", *options)):
            progress(name)
            _measure(results, name, options, sizes)
        else:
            for measure, unit in UNITS.items():
                results.add_missing(measure, name, unit, "not there")

    results.limit(MEDIAN, POLLING, "<=", 50, "ms")
    results.limit(LATE, POLLING, "<=", 250, "ms")
    results.limit(CPU, POLLING, "<=", 1, "%")
    if vendor == "postgres":
        results.limit(MEDIAN, NOTIFIED, "<=", 10, "ms")
        results.limit(CPU, NOTIFIED, "<=", 1, "%")
    results.notes.append(
        f"{sizes.follow_commits} commits of one item, 20 to 300 ms apart, at the default interval; "
        f"idle for {sizes.follow_idle:g} s."
    )
    return results


def _measure(results: Results, name: str, options: list[str], sizes: Sizes) -> None:
    start_over()
    with _following(options) as follower:
        _latency_of_one(timeout=30)  # it has started, and has written once
        latencies = []
        for _ in range(sizes.follow_commits):
            time.sleep(random.uniform(0.02, 0.3))
            latencies.append(_latency_of_one() * 1e3)
        check_equal(name)
        time.sleep(1)
        cpu, queries, started = follower.cpu_seconds(), follower.queries(), time.monotonic()
        time.sleep(sizes.follow_idle)
        elapsed = time.monotonic() - started
        cpu, queries = follower.cpu_seconds() - cpu, follower.queries() - queries
    results.add(MEDIAN, name, "ms", [statistics.median(latencies)])
    results.add(LATE, name, "ms", [sorted(latencies)[min(len(latencies) - 1, int(len(latencies) * 0.99))]])
    results.add(CPU, name, "%", [cpu / elapsed * 100])
    results.add(QUERIES, name, "queries", [queries / elapsed * 60])


def _latency_of_one(timeout: float = 10) -> float:
    """Commit an item on LOCAL; return the seconds until the remote has one more."""
    before = _items_on_remote()
    add_one()
    committed = time.perf_counter()
    while _items_on_remote() == before:
        if time.perf_counter() - committed > timeout:
            raise WorkNotDone(f"a commit was not on the remote after {timeout} s")
        time.sleep(0.0005)
    return time.perf_counter() - committed


def _items_on_remote() -> int:
    # By its key: counting rows would take longer and longer.
    with connections[REMOTE].cursor() as cursor:
        cursor.execute(f"SELECT coalesce(max(id), 0) FROM {Item._meta.db_table}")
        return int(cursor.fetchone()[0])


@dataclass
class _Follower:
    process: subprocess.Popen[bytes]
    count_file: Path

    def cpu_seconds(self) -> float:
        """Return the processor time that the process has used (Linux only)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def queries(self) -> int:
        """Return the number of queries that the process has asked through Django."""
        self.count_file.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + 10
        while not (self.count_file.exists() and self.count_file.read_text()):
            if time.monotonic() > end or self.process.poll() is not None:
                raise WorkNotDone("synchronize --follow does not answer")
            time.sleep(0.01)
        return int(self.count_file.read_text())


@contextmanager
def _following(options: list[str]) -> Iterator[_Follower]:
    with tempfile.TemporaryDirectory() as folder:
        count_file = Path(folder) / "queries"
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.following", str(count_file), *options])
        try:
            yield _Follower(process, count_file)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
