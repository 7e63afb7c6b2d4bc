"""Many remotes and few workers: ``python -m benchmarks.workers [--remotes 20] [--objects 2000] [--workers 1,2,4]``.

LOCAL and the remotes are SQLite files, the workers those of Celery, the broker Redis. For each number of workers, new
objects are made on LOCAL, and the time is taken from the fan-out's being queued until the last remote has them all.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from celery import Celery
from celery.result import AsyncResult

from tests.redis_server import broker, reason_for_none

ROOT = Path(__file__).resolve().parent.parent

_PREPARE = """
import django; django.setup()
from django.core.management import call_command
for alias in ("default", "remote0"):
    call_command("migrate", database=alias, verbosity=0)
    call_command("migrate", database=alias, run_syncdb=True, verbosity=0)
call_command("synchro_install_triggers", verbosity=0)
"""

_FILL = """
import datetime, sys
import django; django.setup()
from benchmarks.apps.replayed.models import Item
now = datetime.datetime.now(datetime.UTC)
Item.objects.bulk_create(
    [Item(name=str(each), number=each, amount=each, seen_at=now) for each in range(int(sys.argv[1]))], batch_size=500
)
"""


def main() -> int:
    options = _parse()
    if reason := reason_for_none():
        print(reason, file=sys.stderr)
        return 1
    with broker() as url, tempfile.TemporaryDirectory(prefix="synchro-workers-") as folder:
        remotes = [f"remote{number}" for number in range(options.remotes)]
        files = {alias: str(Path(folder) / f"{alias}.sqlite3") for alias in ("default", *remotes)}
        env = _environment(files, remotes, url)
        _prepare(env, files, remotes)
        print(f"{options.remotes} remotes, {options.objects:,} new objects for each, {os.cpu_count()} processors")
        print("workers    seconds    objects a second")
        for number in options.workers:
            _python(env, "-c", _FILL, str(options.objects))
            with _workers(env, number, Path(folder)):
                seconds = _fan_out(env, options.remotes * options.objects)
            print(f"{number:7}    {seconds:7.1f}    {options.remotes * options.objects / seconds:16,.0f}", flush=True)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    parser.add_argument("--remotes", type=int, default=20)
    parser.add_argument("--objects", type=int, default=2000, help="that each remote receives, for each line")
    parser.add_argument("--workers", type=lambda text: [int(each) for each in text.split(",")], default=[1, 2, 4])
    return parser.parse_args()


def _environment(files: Mapping[str, str], remotes: list[str], url: str) -> dict[str, str]:
    engine, options = "django.db.backends.sqlite3", {"timeout": 30, "transaction_mode": "IMMEDIATE"}
    databases = {alias: {"ENGINE": engine, "NAME": name, "OPTIONS": options} for alias, name in files.items()}
    given = {"vendor": "sqlite", "databases": databases, "remotes": remotes}
    told = {"SYNCHRO_BENCH": json.dumps(given), "SYNCHRO_BENCH_BROKER": url, "PYTHONPATH": str(ROOT)}
    return {**os.environ, **told, "DJANGO_SETTINGS_MODULE": "benchmarks.settings"}


def _prepare(env: Mapping[str, str], files: Mapping[str, str], remotes: list[str]) -> None:
    """Make the databases: the remotes are copies of the first, each with an identity of its own."""
    _python(env, "-c", _PREPARE)
    with closing(sqlite3.connect(files["remote0"])) as first, first:
        first.execute("DELETE FROM synchro_triggers_node")
    for alias in remotes[1:]:
        shutil.copyfile(files["remote0"], files[alias])


def _python(env: Mapping[str, str], *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, *arguments], env=env, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ).stdout


@contextmanager
def _workers(env: Mapping[str, str], number: int, folder: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "-A", "benchmarks.celery_app", "--skip-checks", "worker"]
    command += ["--concurrency", str(number), "--loglevel", "INFO", "--without-mingle", "--without-gossip"]
    with (folder / f"log{number}").open("w+") as log:
        process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=log, stderr=log)
        try:
            end = time.monotonic() + 60
            while " ready." not in (said := (folder / f"log{number}").read_text()):
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"The workers do not start: {said[-2000:]}")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait()


def _fan_out(env: Mapping[str, str], expected: int) -> float:
    """Queue the fan-out, and wait for all of it; return how long that took."""
    url = env["SYNCHRO_BENCH_BROKER"]
    app = Celery("asking", broker=url, backend=url, set_as_current=False)
    started = time.monotonic()
    tasks = app.send_task("synchro_triggers.synchronize_all").get(timeout=600)
    results = [AsyncResult(each, app=app).get(timeout=3600) for each in tasks.values()]
    seconds = time.monotonic() - started
    app.close()
    if (created := sum(each["created"] for each in results)) != expected:
        raise RuntimeError(f"{created:,} objects have arrived, not {expected:,}: {results}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
