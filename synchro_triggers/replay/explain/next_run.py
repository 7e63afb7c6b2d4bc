"""What the next run would do with one object, and why. Pure."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext as _

from .parts import KeptFailure, Logged


class FoundBy(StrEnum):
    """What tells which row on a remote an object is, where no reference does."""

    NOTHING = ""
    NATURAL_KEY = "natural key"
    KEY = "key"


@dataclass(frozen=True)
class Facts:
    """What it depends on.

    Attributes:
        local, remote: the aliases.
        refused: why the run would be refused; ``""``: it would not.
        last_refused: why the last run was refused; ``""``: it was not.
        there: LOCAL has the row.
        newest: the newest row that its log has of the object; ``None``: none.
        key: the key of its row on the remote; ``None``: none is known to be it.
        pending: something is logged, and not yet received.
        found_by: what tells which row on the remote it is, where no reference does.
        taken_over: of what was deleted: the object of LOCAL that has its natural key, and a row on the remote; ``""``:
            there is none.
        came_from_there: the remote itself has sent what LOCAL has logged last.
        remote_won: in a conflict, the remote's version was kept.
        failure: what is kept.
        now: the time, by this process's clock.
    """

    local: str
    remote: str
    refused: str
    last_refused: str
    there: bool
    newest: Logged | None
    key: str | None
    pending: bool
    found_by: FoundBy
    taken_over: str
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
        said = text % {"work": _work(facts)}
        if facts.last_refused:
            text = _("%(said)s. The last run was refused, and so will this one be until that is cured: %(why)s")
            return text % {"said": said, "why": facts.last_refused}
        return said
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
        return _create(facts.found_by) if facts.key is None else _("update %(key)s there") % said
    if facts.newest is None or facts.newest.operation != "D":
        text = _("leave it alone: %(database)s does not have it, and its log does not say that it was deleted")
        return text % said
    if facts.key is None:
        return _("nothing but forget it: no row there is known to be it")
    return _("delete %(key)s there") % said


def _create(found_by: FoundBy) -> str:
    return {
        FoundBy.NATURAL_KEY: _("create it there, or find it by its natural key"),
        FoundBy.KEY: _("create it there, or find it by its primary key"),
        FoundBy.NOTHING: _("create it there"),
    }[found_by]


def _why_nothing(facts: Facts) -> str:
    said = {"key": facts.key, "database": repr(facts.local), "remote": repr(facts.remote)}
    if facts.came_from_there:
        return _("its last change came from %(remote)s itself") % said
    if facts.remote_won:
        text = _("a conflict has kept the version of %(remote)s, which stands until %(database)s changes it")
        return text % said
    if facts.newest is None and facts.there:
        return _why_never_sent(facts)
    if facts.taken_over:
        text = _(
            "it was deleted; %(other)s has its natural key now, and its row on %(remote)s, which was left as it is: "
            "what is known of %(other)s tells what brings it"
        )
        return text % {**said, "other": facts.taken_over}
    if not facts.there and facts.key is not None and (facts.newest is None or facts.newest.operation != "D"):
        text = _("%(database)s does not have it, and its log does not say that it was deleted: %(key)s is left alone")
        return text % said
    return _(
        "all that was logged of it has been received; what was changed past the log is not sent, "
        "but goes with the next change of it here (a comparison tells whether there is any)"
    )


def _why_never_sent(facts: Facts) -> str:
    said = {"key": facts.key, "database": repr(facts.local), "remote": repr(facts.remote)}
    if facts.key is not None:
        text = _(
            "the log of %(database)s has nothing of it, so no run writes it: %(key)s on %(remote)s stays as it is. If "
            "they differ (a comparison tells), change it here: that is logged, and the next run brings all of it"
        )
    elif facts.found_by == FoundBy.NOTHING:
        text = _(
            "%(database)s has never logged it, so no run knows of it, and nothing tells whether %(remote)s has it "
            "already. Those who look after the server say so (`manage.py synchro_link`), then bring it "
            "(`manage.py synchronize --full`)"
        )
    else:
        text = _(
            "%(database)s has never logged it, so no run knows of it: change it here, and the next run brings it "
            "(`manage.py synchronize --full`: all such objects)"
        )
    return text % said
