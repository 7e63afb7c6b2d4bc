"""Settings of one benchmark process. ``SYNCHRO_BENCH`` holds, as JSON, the vendor and DATABASES it works on."""

import json
import os
from typing import Any

_given: dict[str, Any] = json.loads(os.environ["SYNCHRO_BENCH"])

VENDOR: str = _given["vendor"]
DATABASES: dict[str, dict[str, Any]] = _given["databases"]

SECRET_KEY = "a benchmark has no secrets"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# One app a contender: what a tool does to a model concerns that tool's model alone.
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "synchro_triggers",
    "auditlog",
    "simple_history",
    "benchmarks.apps.plain",
    "benchmarks.apps.captured",
    "benchmarks.apps.bare",
    "benchmarks.apps.signalled",
    "benchmarks.apps.audited",
    "benchmarks.apps.simple",
    "benchmarks.apps.replayed",
]
if VENDOR == "postgres":
    INSTALLED_APPS += ["pgtrigger", "pghistory", "benchmarks.apps.tracked_row", "benchmarks.apps.tracked_statement"]

# The contenders' apps have no migrations; ``run_theme`` makes their tables and installs their triggers.
PGTRIGGER_MIGRATIONS = False
PGTRIGGER_INSTALL_ON_MIGRATE = False

SYNCHRO_REMOTE = _given.get("remotes", "remote")
SYNCHRO_MODELS = ("captured", "replayed")
SYNCHRO_BATCH_SIGNALS = _given.get("batch_signals", False)
