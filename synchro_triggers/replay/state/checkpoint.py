"""How far a database has received from a source."""

from __future__ import annotations

import datetime

from django.db import transaction

from ...conf import local_alias
from ...models import Checkpoint
from ..log.history import fingerprint
from ..log.window import Window
from ..rows.own_rows import read_rows, update_rows


def load_checkpoint(alias: str, source: str) -> Checkpoint:
    """Return (and make, if missing) what ``alias`` has received of ``source``."""
    for checkpoint in read_rows(Checkpoint, alias, source=source):
        return checkpoint
    Checkpoint.objects.using(alias).bulk_create([Checkpoint(source=source)], ignore_conflicts=True)
    return Checkpoint.objects.using(alias).get(source=source)


def wait_for_those_under_way(alias: str, source: str) -> None:
    """Wait, before the first run of ``source``, for transactions of others' runs that may not know of it.

    Each of them asks once whether others may ask for versions, before it has locked all of its rows. What it does not
    note then, and does not look for, would be overwritten, or overwrite what ``source`` brings, without a conflict;
    and what it brings to ``source`` itself would be sent on without its version. All that begin from now on see that
    others ask, which must have been committed: the checkpoint of ``source``, or which node it has met.

    Args:
        alias: the database that receives, or that of ``source``.
        source: node id of LOCAL.
    """
    others = Checkpoint._base_manager.using(alias).exclude(source=source).order_by("pk")
    if not others.exists():
        return
    with transaction.atomic(using=alias):
        list(others.select_for_update().values_list("pk"))  # a run's transaction begins with its own one's lock


def note_place(checkpoint: Checkpoint, alias: str) -> None:
    """Store in a checkpoint of ``alias`` where LOCAL is now, unless it is there already."""
    here = fingerprint(local_alias())
    if checkpoint.place != here:
        update_rows(Checkpoint, alias, {"place": here}, source=checkpoint.source)


class Progress:
    """How far a run has come in a window.

    Args:
        window: the window.
        came_with: the number of what LOCAL had seen when it was opened.

    Attributes:
        reached: id of the log row up to which all of it is applied, or kept as a failure.
    """

    def __init__(self, window: Window, came_with: int | None) -> None:
        self._window, self._came_with = window, came_with
        self.reached = window.after

    def fields(self, row: int) -> dict[str, object]:
        """Return what says in a checkpoint that the window has been applied up to a log row, or further already.

        What was put off once comes in smaller batches, behind what has been done already.
        """
        end = {"window_end": self._window.end, "window_after": max(row, self.reached), "came_with": self._came_with}
        return {**end, **_marks(self._window)}


def received_fields(
    window: Window, at: datetime.datetime, number: int | None = None, passed: int | None = None
) -> dict[str, object]:
    """Return what says that all of ``window`` has been applied by a run that started ``at``.

    Args:
        window: the window of the run.
        at: when it started.
        number: the last window of LOCAL's own that lies in it; ``None``: further ones are to come.
        passed: the last window of the remote's own that LOCAL knew.
    """
    fields: dict[str, object] = {
        "position": window.end,
        "window_end": "",
        "window_after": 0,
        "came_with": None,
        "since": None,
        "last_check": at,
    }
    numbers = {"number": number, "passed": passed or None}
    return {**fields, **_marks(window), **{name: each for name, each in numbers.items() if each is not None}}


def _marks(window: Window) -> dict[str, object]:
    # An empty window has no last row; the marks of an earlier one stand.
    return {"last_row": window.last_row, "last_window": window.witness} if window.last_row else {}
