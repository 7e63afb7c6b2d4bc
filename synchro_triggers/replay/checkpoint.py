"""How far a database has received from a source, and starting over."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.utils import timezone

from ..conf import LOCAL, get_settings
from ..models import Checkpoint, Failure, Reference
from .node import node_id, require_original, require_tables, set_identity
from .window import Window, current_position, delete_received


def load_checkpoint(alias: str, source: str) -> Checkpoint:
    """Return (and make, if missing) what ``alias`` has received of ``source``."""
    checkpoint = Checkpoint.objects.using(alias).filter(source=source).first()
    if checkpoint is None:
        checkpoint, _ = Checkpoint.objects.using(alias).get_or_create(source=source)
    return checkpoint


def progress_fields(window: Window, after: int) -> dict[str, object]:
    """Return what says that ``window`` has been applied up to the log row ``after``."""
    return {"window_end": window.end, "window_after": after}


def received_fields(window: Window, at: datetime.datetime) -> dict[str, object]:
    """Return what says that all of ``window`` has been applied by a run that started ``at``."""
    fields: dict[str, object] = {
        "position": window.end,
        "window_end": "",
        "window_after": 0,
        "since": None,
        "last_check": at,
    }
    # An empty window has no last row; the mark of an earlier one stands.
    return {**fields, "last_row": window.last_row} if window.rows else fields


def read_last_check() -> datetime.datetime | None:
    """Return the time of the last run (or what it was set to); ``None``: never."""
    alias = _receiving_alias()
    require_tables(alias)
    return Checkpoint.objects.using(alias).filter(source=node_id(LOCAL)).values_list("last_check", flat=True).first()


def write_last_check(value: datetime.datetime) -> None:
    """Make the next run take exactly what was logged after ``value``.

    Raises:
        TypeError: ``value`` is no datetime.
    """
    if not isinstance(value, datetime.datetime):
        raise TypeError(f"options.last_check must be a datetime, not {value!r}.")
    alias = _receiving_alias()
    require_tables(alias)
    aware = timezone.make_aware(value) if timezone.is_naive(value) else value
    if aware >= datetime.datetime.now(datetime.UTC):
        fields: dict[str, object] = {"position": current_position(LOCAL), "since": None}
    else:
        fields = {"position": "", "since": aware}
    _set(alias, node_id(LOCAL), last_check=aware, **fields)


def reset_synchro(*, new_identity: bool | None = None) -> None:
    """Forget all pending changes, on every remote: as if both sides had just been made equal by hand.

    Deletes the changelog of LOCAL and, on the remotes, the references and failures of LOCAL; sets the
    checkpoints to now. As django-synchro does: it is what an office needs that has imported the main
    database anew, whose primary keys mean other objects than before.

    Args:
        new_identity: for a copied or restored LOCAL: whether it becomes a node of its own.

    Raises:
        SynchroError: this package's tables are missing somewhere, or LOCAL is a copy and it was not said what
            it is; nothing is changed then.
    """
    aliases = get_settings().remotes or (LOCAL,)
    for alias in (*aliases, LOCAL):
        require_tables(alias)
    if new_identity is None:
        require_original(LOCAL)
    else:
        set_identity(LOCAL, new=new_identity)
    source = node_id(LOCAL)
    position = current_position(LOCAL)
    now = datetime.datetime.now(datetime.UTC)
    for alias in aliases:
        with transaction.atomic(using=alias):
            _set(
                alias,
                source,
                position=position,
                since=None,
                last_check=now,
                last_row="",
            )
            Reference.objects.using(alias).filter(source=source).delete()
            Failure.objects.using(alias).filter(source=source).delete()
    delete_received(LOCAL, position)


def _set(alias: str, source: str, **fields: object) -> None:
    load_checkpoint(alias, source)
    received = Checkpoint.objects.using(alias).filter(source=source)
    received.update(window_end="", window_after=0, **fields)


def _receiving_alias() -> str:
    return next(iter(get_settings().remotes), LOCAL)
