"""Where LOCAL itself stands: who it is, whether its triggers fit, and how long its log is."""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connections

from ...capture import install
from ...capture.own_tables import require_own_tables
from ...capture.unseen import describe_unseen
from ...conf import get_settings, local_alias
from ...exceptions import Refused
from ...reaching import clear_errors
from ..log.vendor import log_of
from ..pruning import prune
from ..state.node import node_id, require_original


@dataclass(frozen=True)
class LocalStatus:
    """Where LOCAL stands.

    Attributes:
        database: its alias.
        node: its identity.
        engine: the vendor, as Django calls it.
        copy: why it is no original; ``""``: it is.
        triggers: what is wrong with them, a line for each table; none: they fit.
        unseen: what they cannot see, although they fit.
        log_rows: how many rows the log has.
        log_bytes: how many bytes it takes, with its indexes; ``None``: nobody can tell (SQLite without ``dbstat``).
        log_since: when the oldest row was logged; ``None``: there is none.
        retention: days that the log is kept (``SYNCHRO_RETENTION``); ``None``: as long as nobody prunes.
        prunable: how many rows ``synchro_prune`` may delete: those past ``retention``; without it, all that every
            known node has passed.
    """

    database: str
    node: str
    engine: str
    copy: str
    triggers: tuple[str, ...]
    unseen: tuple[str, ...]
    log_rows: int
    log_bytes: int | None
    log_since: datetime.datetime | None
    retention: float | None
    prunable: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {**asdict(self), "log_since": self.log_since.isoformat() if self.log_since is not None else None}


def read_local(*, counted: bool = True) -> LocalStatus:
    """Look where LOCAL stands; nothing is changed.

    Args:
        counted: go through the log to count its rows, and those that may be pruned; otherwise these are 0.

    Raises:
        Refused: this package's tables are missing.
        DatabaseUnreachable: it is down.
    """
    alias, retention = local_alias(), get_settings().retention
    with clear_errors(alias):
        require_own_tables(alias)
        found = install.compare(alias)
        wrong = [*found.faults(), *(f"{each.table} ({each.label}): no such table" for each in found.absent_tables)]
        rows, since = _log(alias, counted=counted)
        copy = _why_no_original(alias)
        return LocalStatus(
            database=alias,
            node=node_id(alias),
            engine=connections[alias].display_name,
            copy=copy,
            triggers=tuple(wrong),
            unseen=tuple(describe_unseen(alias, found)),
            log_rows=rows,
            log_bytes=log_of(connections[alias]).size(connections[alias]),
            log_since=since,
            retention=retention,
            prunable=0 if copy or not counted else _prunable(retention),
        )


def _log(alias: str, *, counted: bool) -> tuple[int, datetime.datetime | None]:
    """Return how many rows the log has, and when the oldest was logged."""
    log = log_of(connections[alias])
    with connections[alias].cursor() as cursor:
        rows = 0
        if counted:
            cursor.execute("SELECT count(*) FROM synchro_triggers_changelog")
            rows = int(cursor.fetchone()[0])
        cursor.execute(f"SELECT {log.logged_at('logged_at')} FROM synchro_triggers_changelog ORDER BY id LIMIT 100")
        times = [time for (value,) in cursor.fetchall() if (time := log.time_or_none(value)) is not None]
    return rows, min(times, default=None)


def _prunable(retention: float | None) -> int:
    """Return how many rows of the log may be pruned: none where that is refused, as a remote's line tells."""
    try:
        return prune(datetime.timedelta(days=retention or 0), dry_run=True).rows
    except Refused:
        return 0


def _why_no_original(alias: str) -> str:
    try:
        require_original(alias)
    except Refused as error:
        return str(error)
    return ""
