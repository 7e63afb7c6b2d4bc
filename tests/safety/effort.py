"""How hard the safety tests try: a short form in every run, the long form with ``make torture``."""

from __future__ import annotations

import os
from typing import TypeVar

import pytest

Effort = TypeVar("Effort")


def times(short: Effort, long: Effort) -> Effort:
    """Return ``long`` under ``make torture`` (``SYNCHRO_TORTURE=1``), else ``short``."""
    return long if os.environ.get("SYNCHRO_TORTURE") else short


remote_on_postgres = pytest.mark.vendor(*times(("postgres",), ("postgres", "sqlite-to-postgres")))
remote_on_sqlite = pytest.mark.vendor(*times(("sqlite",), ("sqlite", "postgres-to-sqlite")))
