"""The errors that steer a run: what waits, what spoils a batch, what ends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.db.models import Model

from ..capture.keys import encode_key
from ..conf import local_alias
from ..exceptions import DatabaseUnreachable, ObjectNotApplied, Refused, RunUnderWay
from ..faults.judge import is_contended, lost_alias, was_replaced
from ..reaching import lost


class NotYet(ObjectNotApplied):
    """The object waits for another one that could not be applied."""


class KeyNotYet(NotYet):
    """The object's primary key is that of one that points to it, and is being written: that one has to come first.

    Args:
        target: root model and key of that one.
        foreign_key: the field of the primary key that points to it.
        value: what it holds on LOCAL.
    """

    def __init__(self, target: tuple[type[Model], Any], foreign_key: Any, value: Any) -> None:
        label = foreign_key.remote_field.model._meta.label
        super().__init__(
            f"its primary key waits for that of {label} {value!r} ({foreign_key.name}), which points to it"
        )
        self.target = target


class LeftBehind(Exception):
    """The object hangs on another one that the remote has deleted, and whose delete stands: it is left as it is.

    Attributes:
        over: by what the conflict over the other one is known: the change that has met it, and root model and key.
    """

    def __init__(self, *over: Any) -> None:
        super().__init__(*over)
        self.over = over


class RunRefused(Refused):
    """This run has found something that must be decided by people: it ends, whatever object it was about."""


def waiting(error: ObjectNotApplied, root: type[Model], key: Any) -> ObjectNotApplied:
    """Return the error as that of an object that waits for another one."""
    error.waits_for = (root._meta.label, encode_key(key))
    return error


def cannot_be_read(error: Exception) -> ObjectNotApplied:
    """Return what is said of an object of LOCAL of which a value cannot be read."""
    return ObjectNotApplied(f"it cannot be read on {local_alias()!r}: {error}")


def left_out_with(model: type[Model], why: str) -> ObjectNotApplied:
    """Return what is said of an object that needs one of a model that is left out."""
    return ObjectNotApplied(f"{model._meta.label} is left out: {why}")


class BatchBroken(Exception):
    """The batch cannot be applied as a whole; its changes must be applied one by one."""


def reraise_if_hopeless(error: Exception, remote: str) -> None:
    """Let through what concerns the run, the transaction or a database, not one object.

    Raises:
        BatchBroken, RunRefused, RunUnderWay: as they are; and what is to be tried again in another transaction.
        DatabaseUnreachable: the remote, or LOCAL, is lost.
    """
    reraise_if_lost(error, remote)
    if isinstance(error, BatchBroken) or is_contended(error):
        raise error


def reraise_if_lost(error: Exception, remote: str) -> None:
    """Let through what ends a run.

    Raises:
        RunRefused, RunUnderWay: as they are.
        DatabaseUnreachable: the remote, or LOCAL, is lost.
    """
    if isinstance(error, (RunRefused, RunUnderWay, DatabaseUnreachable)):
        raise error
    if alias := lost_alias(error, remote, local_alias()):
        raise lost(alias, error) from error


@contextmanager
def commits_noticed(remote: str) -> Iterator[None]:
    """Raise ``DatabaseUnreachable`` where the block's commit was not answered, though all may be well again since."""
    connections[remote].ensure_connection()
    before = connections[remote].connection
    try:
        yield
    except Exception as error:
        if was_replaced(remote, before, error):
            raise lost(remote, error) from error
        raise
