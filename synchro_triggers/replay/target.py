"""Where a run writes, what a batch of it comes to, and the errors that steer it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connections
from django.db.models import Model

from ..capture.tables import encode_key
from ..conf import LOCAL
from ..exceptions import DatabaseUnreachable, ObjectNotApplied, Refused, RunUnderWay
from ..faults.judge import is_contended, lost_alias, was_replaced
from ..reaching import lost
from .changes import Change
from .conflicts import Conflict
from .contention import RowLocks
from .other_spellings import OtherSpellings
from .own_changes import OwnChanges
from .redirects import Redirects
from .report import SyncReport


@dataclass(frozen=True)
class Target:
    """Where and how a run writes.

    Attributes:
        remote: the remote alias.
        source, node: the node ids of LOCAL and of the remote.
        policy: the conflict policy.
        kept_keys: labels of models that keep their primary key.
        logs: the remote captures its own changes, so that conflicts can be seen.
        own_changes: those changes.
        redirects: the tables there whose inserts may return nothing.
        batch_signals: labels of models whose signals are sent a batch at a time.
        dry_run: count, but write nothing.
        given_again: in a dry run, references whose number the remote's users were seen to have given to other objects.
        imagined: in a dry run, the keys that objects would have been given: root model and local key to a number
            that no key is.
        imagined_written: in a dry run, root model and local key of what would have been created or updated.
        imagined_gone: in a dry run, root model and remote key of what would have been deleted; of links, their table.
        spellings: what the tables there have in other spellings than Django's.
        locks: takes the locks of remote rows as they are read.
        paces: seconds that receivers of a model's batch signals take for an object.
        decisions: of the conflicts that this run has met: whether the remote wins, or what the rule has raised.
        told_links: of the links among them: table, local ends, and whether the remote wins.
    """

    remote: str
    source: str
    node: str
    policy: str | Callable[[Conflict], str]
    kept_keys: frozenset[str]
    logs: bool
    own_changes: OwnChanges
    redirects: Redirects
    spellings: OtherSpellings
    locks: RowLocks
    batch_signals: Container[str] = ()
    dry_run: bool = False
    given_again: dict[int, datetime.datetime] = field(default_factory=dict)
    imagined: dict[tuple[type[Model], Any], Any] = field(default_factory=dict)
    imagined_written: set[tuple[type[Model], Any]] = field(default_factory=set)
    imagined_gone: set[tuple[type[Model], Any]] = field(default_factory=set)
    paces: dict[type[Model], float] = field(default_factory=dict)
    decisions: dict[Conflict, bool | Exception] = field(default_factory=dict)
    told_links: set[tuple[type[Model], Any]] = field(default_factory=set)


@dataclass
class BatchResult:
    """What a batch did.

    Attributes:
        report: counts and remarks.
        failed: the changes that could not be applied, with their errors.
        left: those for which there was no time.
        hanging: whether some of these hang on others on the remote: one order for all of them is quicker.
        vanished: those of what LOCAL does not have although the log does not say that it was deleted.
    """

    report: SyncReport = field(default_factory=SyncReport)
    failed: dict[Change, Exception] = field(default_factory=dict)
    left: list[Change] = field(default_factory=list)
    hanging: bool = False
    vanished: list[Change] = field(default_factory=list)


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


class RunRefused(Refused):
    """This run has found something that must be decided by people: it ends, whatever object it was about."""


def waiting(error: ObjectNotApplied, root: type[Model], key: Any) -> ObjectNotApplied:
    """Return the error as that of an object that waits for another one."""
    error.waits_for = (root._meta.label, encode_key(key))
    return error


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
    if alias := lost_alias(error, remote, LOCAL):
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
