"""How hard the safety tests try: a short form in every run, the long form with ``make torture``."""

from __future__ import annotations

import os


def times(short: int, long: int) -> int:
    """Return ``long`` under ``make torture`` (``SYNCHRO_TORTURE=1``), else ``short``."""
    return long if os.environ.get("SYNCHRO_TORTURE") else short
