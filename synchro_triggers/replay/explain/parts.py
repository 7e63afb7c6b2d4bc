"""What is known of one object, as plain values. Pure."""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext as _

from ...models import Operation
from ..on_record.listing import RecordedConflict
from ..status.runs import PastRun


@dataclass(frozen=True)
class KnownName:
    """A name of the object, as one database has it in its references.

    Attributes:
        maker: who has made it under that key: an alias, where one is known, else the node's identity.
        key: the key there, as text.
        ended: it is that object's key there no longer.
        author, number, at: the version that was received under that name: whose users changed the object last, in which
            of that node's windows, and when; ``None``: none was received.
        remote_won: in a conflict, the version of the database that has the reference was kept.
    """

    maker: str
    key: str
    ended: bool
    author: str | None
    number: int | None
    at: datetime.datetime | None
    remote_won: bool

    def describe(self) -> str:
        """Return a line for people."""
        ended = " " + _("(ended there)") if self.ended else ""
        version = won = ""
        if self.number is not None:
            said = {"number": self.number, "author": self.author, "when": _time(self.at)}
            version = "; " + _("version %(number)s of %(author)s, %(when)s") % said
        if self.remote_won:
            won = "; " + _("a conflict has kept the version of this database")
        return f"{self.maker} {self.key}{ended}{version}{won}"


@dataclass(frozen=True)
class Logged:
    """A row of LOCAL's log.

    Attributes:
        id: its number.
        model: the label of the table: of multi-table inheritance each logs by itself.
        operation: ``I``, ``U`` or ``D``.
        fields: which have changed, separated by commas.
        at: when; ``None``: no trigger has written that time.
        origin: who has sent the change: an alias, or a node's identity; ``""``: LOCAL's own users have made it.
    """

    id: int
    model: str
    operation: str
    fields: str
    at: datetime.datetime | None
    origin: str

    def describe(self) -> str:
        """Return a line for people."""
        what = str(Operation(self.operation).label) if self.operation in Operation else self.operation
        text = _("%(what)s of %(fields)s, %(when)s, by %(who)s") if self.fields else _("%(what)s, %(when)s, by %(who)s")
        who = self.origin or _("users here")
        said = text % {"what": what, "fields": self.fields, "when": _time(self.at), "who": who}
        return f"{self.id}: {said} ({self.model})"


@dataclass(frozen=True)
class KeptFailure:
    """Why the object could not be applied; ``next_at`` is ``None``: the next run tries it."""

    error: str
    attempts: int
    first_at: datetime.datetime
    last_at: datetime.datetime
    next_at: datetime.datetime | None

    def describe(self) -> str:
        """Return a line for people."""
        following = _time(self.next_at) if self.next_at is not None else _("with the next run")
        text = _("%(error)s (%(number)s attempts, last %(last)s, next %(next)s)")
        return text % {"error": self.error, "number": self.attempts, "last": _time(self.last_at), "next": following}


@dataclass(frozen=True)
class OnLocal:
    """What LOCAL knows of the object.

    Attributes:
        database: its alias.
        node: its identity.
        there: its table has the row.
        names: those that others have given it; none: LOCAL has made it, or nobody has told.
        log_rows: how many rows its log has of the object.
        log: the newest of them, the newest first.
        conflicts: those that LOCAL has on record of what it has received.
    """

    database: str
    node: str
    there: bool
    names: tuple[KnownName, ...]
    log_rows: int
    log: tuple[Logged, ...]
    conflicts: tuple[RecordedConflict, ...]


@dataclass(frozen=True)
class OnRemote:
    """What one remote knows of the object.

    Attributes:
        remote: the alias.
        error: why it could not be asked; ``""``: it was.
        node: its identity.
        key: the key of its row there; ``None``: no row is known to be this object.
        names: the object's names there.
        pending: something of it is logged on LOCAL, and not yet received.
        left_out: fields of the model that are left out, as not both sides have their columns.
        pending_back: something of it is logged there, and was not yet fetched.
        failure: what is kept; ``None``: nothing.
        conflicts: those that are on record.
        runs: the first that could bring its last change, the oldest first.
        next: what the next run would do with it, and why.
    """

    remote: str
    error: str = ""
    node: str = ""
    key: str | None = None
    names: tuple[KnownName, ...] = ()
    pending: bool = False
    left_out: tuple[str, ...] = ()
    pending_back: bool = False
    failure: KeptFailure | None = None
    conflicts: tuple[RecordedConflict, ...] = ()
    runs: tuple[PastRun, ...] = ()
    next: str = ""


@dataclass(frozen=True)
class Explanation:
    """Everything that is known of one object.

    Attributes:
        model: the label, ``app.Model``.
        key: its key on LOCAL, as text.
        skipped: names of fields that are each side's own.
        local: what LOCAL knows.
        remotes: what each remote knows.
    """

    model: str
    key: str
    skipped: tuple[str, ...]
    local: OnLocal
    remotes: tuple[OnRemote, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON; times in ISO form."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime.datetime) else value


def _time(time: datetime.datetime | None) -> str:
    return _("at an unknown time") if time is None else f"{time:%Y-%m-%d %H:%M:%S}"
