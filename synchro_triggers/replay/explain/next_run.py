"""What the next run would do with one object, and why. Pure."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.utils.translation import gettext as _

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
        return _("nothing: the run would be refused: %(why)s") % {"why": facts.refused}
    if facts.pending:
        text = _("%(work)s: a change is pending")
        if facts.failure is not None:
            text = _("%(work)s: a change is pending; what is kept of it is tried with it, whatever its pause")
        return text % {"work": _work(facts)}
    if facts.failure is not None:
        return _with_failure(facts, facts.failure)
    return _("nothing: %(why)s") % {"why": _why_nothing(facts)}


def _with_failure(facts: Facts, failure: KeptFailure) -> str:
    said = {"number": failure.attempts, "work": _work(facts)}
    if failure.next_at is not None and failure.next_at > facts.now:
        text = _(
            "nothing: it is kept as a failure, and not tried before %(when)s, after %(number)s attempts "
            "(`manage.py synchro_failures --retry`: at once)"
        )
        return text % {**said, "when": f"{failure.next_at:%Y-%m-%d %H:%M:%S}"}
    return _("try again what is kept as a failure after %(number)s attempts: %(work)s") % said


def _work(facts: Facts) -> str:
    said = {"key": facts.key, "database": repr(facts.local)}
    if facts.there:
        return (
            _("create it there, or find it by its natural key")
            if facts.key is None
            else _("update %(key)s there") % said
        )
    if facts.newest is None or facts.newest.operation != "D":
        text = _("leave it alone: %(database)s does not have it, and its log does not say that it was deleted")
        return text % said
    if facts.key is None:
        return _("nothing but forget it: no row there is known to be it")
    return _("delete %(key)s there") % said


def _why_nothing(facts: Facts) -> str:
    said = {"key": facts.key, "database": repr(facts.local), "remote": repr(facts.remote)}
    if facts.came_from_there:
        return _("its last change came from %(remote)s itself") % said
    if facts.newest is None and facts.there and facts.key is None:
        text = _(
            "%(database)s has never logged it, so no run knows of it (`manage.py synchronize --full` brings it, "
            "`manage.py synchro_link` says what it is there)"
        )
        return text % said
    if facts.remote_won:
        text = _("a conflict has kept the version of %(remote)s, which stands until %(database)s changes it")
        return text % said
    if not facts.there and facts.key is not None and (facts.newest is None or facts.newest.operation != "D"):
        text = _("%(database)s does not have it, and its log does not say that it was deleted: %(key)s is left alone")
        return text % said
    return _(
        "all that was logged of it has been received; what was changed past the log is not sent, "
        "and a comparison tells of it"
    )
