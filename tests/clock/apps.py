"""A clock that seldom moves: ``SYNCHRO_TEST_TICK=40`` lets SQLite's triggers see it move each 40 ms only.

SQLite's triggers log milliseconds, so that two writes may have the same time, and neither is newer. A test that relies
on their order without ``later()`` between them fails about once in a thousand runs; with this clock, each time.
"""

from __future__ import annotations

import os
from typing import Any

from django.apps import AppConfig

#: How many milliseconds the clock stands still.
TICK = int(os.environ.get("SYNCHRO_TEST_TICK", "1"))


class ClockConfig(AppConfig):
    name = "tests.clock"
    label = "clockapp"

    def ready(self) -> None:
        if TICK > 1:
            _stand_still()


def _stand_still() -> None:
    from synchro_triggers.capture import sqlite as triggers
    from synchro_triggers.moment import UtcNow

    now = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
    seldom = (
        "strftime('%Y-%m-%d %H:%M:%S', 'now') || "
        f"printf('.%03d', CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) / {TICK} * {TICK})"
    )
    if now not in triggers.LOG:
        raise AssertionError("SQLite's triggers ask for the time in another way: tests/clock must follow")
    triggers.LOG = triggers.LOG.replace(now, seldom)

    def as_sqlite(self: UtcNow, *args: Any, **context: Any) -> tuple[str, tuple[()]]:
        return f"({seldom})".replace("%", "%%"), ()

    UtcNow.as_sqlite = as_sqlite  # type: ignore[attr-defined]
