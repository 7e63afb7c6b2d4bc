"""A database's own identity, how far it has received from others, and starting over."""

from __future__ import annotations

import datetime
import uuid

from django.db import connections, transaction
from django.utils import timezone

from ..conf import LOCAL, get_settings
from ..exceptions import SynchroError
from ..models import ChangeLog, Checkpoint, Failure, Node, Reference
from .window import Window, current_position, delete_received


def require_tables(alias: str) -> None:
    """Raise ``SynchroError`` when this package's tables are missing on ``alias``."""
    present = set(connections[alias].introspection.table_names())
    needed = {model._meta.db_table for model in (Node, ChangeLog, Checkpoint, Reference, Failure)}
    if not needed <= present:
        raise SynchroError(
            f"The tables of synchro_triggers are missing on {alias!r} ({', '.join(sorted(needed - present))}): "
            f"run `manage.py migrate synchro_triggers --database {alias}`."
        )


def node_id(alias: str) -> str:
    """Return the identity of a database; made when it is missing (a new or a flushed database)."""
    node = Node.objects.using(alias).filter(pk=1).first()
    if node is None:
        node, _ = Node.objects.using(alias).get_or_create(pk=1, defaults={"node_id": str(uuid.uuid4())})
    return node.node_id


def load_checkpoint(alias: str, source: str) -> Checkpoint:
    """Return (and make, if missing) what ``alias`` has received of ``source``."""
    checkpoint = Checkpoint.objects.using(alias).filter(source=source).first()
    if checkpoint is None:
        checkpoint, _ = Checkpoint.objects.using(alias).get_or_create(source=source)
    return checkpoint


def save_progress(alias: str, source: str, window: Window, after: int) -> None:
    """Store that ``window`` has been applied up to the log row ``after``."""
    Checkpoint.objects.using(alias).filter(source=source).update(window_end=window.end, window_after=after)


def save_received(alias: str, source: str, window: Window, at: datetime.datetime) -> None:
    """Store that all of ``window`` has been applied."""
    Checkpoint.objects.using(alias).filter(source=source).update(
        position=window.end, window_end="", window_after=0, since=None, last_check=at
    )


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
    checkpoint = load_checkpoint(alias, node_id(LOCAL))
    if aware >= timezone.now():
        checkpoint.position, checkpoint.since = current_position(LOCAL), None
    else:
        checkpoint.position, checkpoint.since = "", _as_stored(aware)
    checkpoint.window_end, checkpoint.window_after = "", 0
    checkpoint.last_check = _as_stored(aware)
    checkpoint.save(using=alias)


def reset_synchro() -> None:
    """Forget all pending changes, on every remote: as if both sides had just been made equal by hand.

    Deletes the changelog of LOCAL and, on the remotes, the references and failures of LOCAL; sets the
    checkpoints to now. As django-synchro does: it is what an office needs that has imported the main
    database anew, whose primary keys mean other objects than before.

    Raises:
        SynchroError: this package's tables are missing somewhere; nothing is changed then.
    """
    aliases = get_settings().remotes or (LOCAL,)
    for alias in (*aliases, LOCAL):
        require_tables(alias)
    source = node_id(LOCAL)
    position = current_position(LOCAL)
    for alias in aliases:
        with transaction.atomic(using=alias):
            checkpoint = load_checkpoint(alias, source)
            checkpoint.position, checkpoint.since = position, None
            checkpoint.window_end, checkpoint.window_after = "", 0
            checkpoint.last_check = _as_stored(timezone.now())
            checkpoint.save(using=alias)
            Reference.objects.using(alias).filter(source=source).delete()
            Failure.objects.using(alias).filter(source=source).delete()
    delete_received(LOCAL, position)


def _receiving_alias() -> str:
    return next(iter(get_settings().remotes), LOCAL)


def _as_stored(value: datetime.datetime) -> datetime.datetime:
    from django.conf import settings

    return value if settings.USE_TZ else timezone.make_naive(value)
