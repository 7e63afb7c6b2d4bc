"""Celery's app of the workers that ``benchmarks.workers`` starts."""

from __future__ import annotations

import os

from celery import Celery

BROKER = os.environ["SYNCHRO_BENCH_BROKER"]

app = Celery("benchmarks", broker=BROKER, backend=BROKER)
app.conf.imports = ["synchro_triggers.contrib.celery"]
app.conf.worker_prefetch_multiplier = 1
