"""What the next run would do with one object, and why. Pure."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from .parts import KeptFailure, Logged


@dataclass(frozen=True)
class Facts:
    """What it depends on.

    Attributes:
        local, remote: the aliases.
        refused: why the run would be refused; ``""``: it would not.
        there: LOCAL has the row.
        newest: the newest row that its log has of the object; ``None``: none.
        key: the key of its row on the remote; ``None``: none is known to be it.
        pending: something is logged, and not yet received.
        came_from_there: the remote itself has sent what LOCAL has logged last.
        remote_won: in a conflict, the remote's version was kept.
        failure: what is kept.
        now: the time, by this process's clock.
    """

    local: str
    remote: str
    refused: str
    there: bool
    newest: Logged | None
    key: str | None
    pending: bool
    came_from_there: bool
    remote_won: bool
    failure: KeptFailure | None
    now: datetime.datetime


def what_next(facts: Facts) -> str:
    """Return what the next run would do with the object, and why.

    Example:
        >>> what_next(facts)
        'update 4711 there: a change is pending'
    """
    if facts.refused:
        return f"nothing: the run would be refused: {facts.refused}"
    if facts.pending:
        before = "; what is kept of it is tried with it, whatever its pause" if facts.failure is not None else ""
        return f"{_work(facts)}: a change is pending{before}"
    if facts.failure is not None:
        return _with_failure(facts, facts.failure)
    return f"nothing: {_why_nothing(facts)}"


def _with_failure(facts: Facts, failure: KeptFailure) -> str:
    if failure.next_at is not None and failure.next_at > facts.now:
        return (
            f"nothing: it is kept as a failure, and not tried before {failure.next_at:%Y-%m-%d %H:%M:%S}, after "
            f"{failure.attempts} attempts (`manage.py synchro_failures --retry`: at once)"
        )
    return f"try again what is kept as a failure after {failure.attempts} attempts: {_work(facts)}"


def _work(facts: Facts) -> str:
    if facts.there:
        return "create it there, or find it by its natural key" if facts.key is None else f"update {facts.key} there"
    if facts.newest is None or facts.newest.operation != "D":
        return f"leave it alone: {facts.local!r} does not have it, and its log does not say that it was deleted"
    return "nothing but forget it: no row there is known to be it" if facts.key is None else f"delete {facts.key} there"


def _why_nothing(facts: Facts) -> str:
    if facts.came_from_there:
        return f"its last change came from {facts.remote!r} itself"
    if facts.newest is None and facts.there and facts.key is None:
        return (
            f"{facts.local!r} has never logged it, so no run knows of it (`manage.py synchronize --full` brings it, "
            "`manage.py synchro_link` says what it is there)"
        )
    if facts.remote_won:
        return f"a conflict has kept the version of {facts.remote!r}, which stands until {facts.local!r} changes it"
    if not facts.there and facts.key is not None and (facts.newest is None or facts.newest.operation != "D"):
        return (
            f"{facts.local!r} does not have it, and its log does not say that it was deleted: {facts.key} is left alone"
        )
    return "all that was logged of it has been received"
