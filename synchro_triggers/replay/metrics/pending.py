"""What waits in a log, counted at a price that does not grow with it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connections

from ...key_texts import printable_key
from ...models import Checkpoint
from ..log.window import Window, current_position, first_logged, in_window
from ..rows.vendor import fetch_texts
from ..status.remote import time_at

#: Log rows that are looked at: counting a long outage's would take as long as the outage.
LOOKED_AT = 100_000


@dataclass(frozen=True)
class Pending:
    """What of a log a node has not received.

    Attributes:
        objects: how many objects, by model label.
        rows: how many log rows they come from.
        is_cut: there are more, which were not looked at.
        lag: seconds since the oldest of them was logged, by that database's clock; 0: nothing is pending.
    """

    objects: dict[str, int]
    rows: int
    is_cut: bool
    lag: float


def read_pending(source: str, checkpoint: Checkpoint, node: str) -> Pending:
    """Look what waits for a node.

    Args:
        source: the alias of the database whose log it is.
        checkpoint: how far the node has received it.
        node: its identity: what came from it does not go there again.
    """
    connection, end = connections[source], current_position(source)
    where, params = in_window(connection, checkpoint.position, end, checkpoint.since, node)
    # `id + 0` keeps SQLite from walking the log from there on, which is its beginning most often.
    found = fetch_texts(
        connection,
        "SELECT model_label, count(DISTINCT object_pk), count(*), min(id), max(id) FROM"
        f" (SELECT id, model_label, object_pk FROM synchro_triggers_changelog WHERE {where} AND id + 0 > %s LIMIT %s)"
        " AS looked_at GROUP BY model_label ORDER BY model_label",
        [*params, checkpoint.window_after, LOOKED_AT],
    )
    if not found:
        return Pending({}, 0, is_cut=False, lag=0.0)
    rows = sum(number for _, _, number, *_ in found)
    window = Window(
        start=checkpoint.position,
        end=end,
        after=checkpoint.window_after,
        first=min(first for *_, first, _ in found),
        last=max(last for *_, last in found),
        rows=rows,
        since=checkpoint.since,
    )
    logged = first_logged(source, window, without_origin=node)
    return Pending(
        objects={printable_key(label): objects for label, objects, *_ in found},
        rows=rows,
        is_cut=rows >= LOOKED_AT,
        lag=max(0.0, (time_at(source) - logged).total_seconds()) if logged is not None else 0.0,
    )
