"""The runs that are on record on LOCAL, for people and for programs."""

from __future__ import annotations

import datetime
import socket
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from ...conf import LOCAL
from ...models import Run
from ...moment import as_utc
from ..state.lease import is_alive

#: How a run has ended that has begun and never ended; and of one that has not ended yet.
KILLED, UNDER_WAY = "killed", "under way"


@dataclass(frozen=True)
class PastRun:
    """A run that is on record.

    Attributes:
        remote, remote_node: the remote's alias, and its identity; ``""``: the run did not come so far.
        direction: ``push`` or ``pull``.
        begun_at, ended_at: by the clock of the process that ran; ``None``: it has not ended.
        outcome: ``done``, ``nothing to do``, ``failed``, ``refused``, ``busy`` (another one was under way),
            ``unreachable``, ``paused`` (the page's: the rest comes when somebody asks for it), ``killed`` (it has begun
            and never ended), ``under way``.
        error: what has ended it; ``""``: nothing.
        written, deleted, links, kept, conflicts: how many objects were created or updated, and deleted; how many links
            were added or removed; how many objects were kept as failures at its end; how many both sides had changed.
        begun_by: ``command``, ``page: <user>``, ``API``, ``follower``.
    """

    remote: str
    remote_node: str
    direction: str
    begun_at: datetime.datetime
    ended_at: datetime.datetime | None
    outcome: str
    error: str
    written: int
    deleted: int
    links: int
    kept: int
    conflicts: int
    begun_by: str

    @property
    def seconds(self) -> float | None:
        """How long it took; ``None``: it has not ended."""
        return (self.ended_at - self.begun_at).total_seconds() if self.ended_at is not None else None

    @property
    def went_wrong(self) -> bool:
        """Whether something has ended it before its end."""
        return self.outcome not in {"done", "nothing to do", "busy", "paused", UNDER_WAY}

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            **asdict(self),
            "begun_at": self.begun_at.isoformat(),
            "ended_at": self.ended_at.isoformat() if self.ended_at is not None else None,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
        }

    def describe(self) -> str:
        """Return a line for people."""
        counts = ", ".join(
            text % {"number": f"{number:,}"}
            for text, number in (
                (_("%(number)s written"), self.written),
                (_("%(number)s deleted"), self.deleted),
                (_("%(number)s links"), self.links),
                (_("%(number)s kept as failures"), self.kept),
                (_("%(number)s in conflict"), self.conflicts),
            )
            if number
        )
        said = "; ".join(filter(None, (counts, self.error)))
        by = _(" by %(who)s") % {"who": self.begun_by} if self.begun_by else ""
        took = "" if self.seconds is None else f", {self.seconds:.1f} s"
        direction, outcome = (_words().get(each, each) for each in (self.direction, self.outcome))
        return f"{self.begun_at:%Y-%m-%d %H:%M:%S} {direction}{by}{took}: {outcome}{said and f' ({said})'}"


def _words() -> dict[str, str]:
    """Return what people are told of a direction and of an outcome."""
    return {
        "push": pgettext("a run", "push"),
        "pull": pgettext("a run", "pull"),
        "done": pgettext("a run", "done"),
        "nothing to do": pgettext("a run", "nothing to do"),
        "failed": pgettext("a run", "failed"),
        "refused": pgettext("a run", "refused"),
        "busy": pgettext("a run", "busy"),
        "unreachable": pgettext("a run", "unreachable"),
        "paused": pgettext("a run", "paused"),
        KILLED: pgettext("a run", "killed"),
        UNDER_WAY: pgettext("a run", "under way"),
    }


def last_runs(remote: str, number: int, *, under_way: bool = False) -> list[PastRun]:
    """Return the last runs to and from a remote, the newest first.

    Args:
        remote: the alias.
        number: at most so many.
        under_way: somebody holds the lease there: the newest run that has not ended, of another host, may be that one.
    """
    return _past(Run._base_manager.using(LOCAL).filter(remote=remote).order_by("-begun_at", "-id")[:number], under_way)


def runs_around(remote: str, time: datetime.datetime, number: int) -> list[PastRun]:
    """Return the first runs to and from a remote that were under way at a time, or began later; the oldest first."""
    rows = Run._base_manager.using(LOCAL).filter(remote=remote).exclude(ended_at__lt=time).order_by("begun_at", "id")
    return _past(list(rows[:number])[::-1], under_way=False)[::-1]


def _past(newest_first: Iterable[Run], under_way: bool) -> list[PastRun]:
    found: list[PastRun] = []
    later: set[str] = set()
    for row in newest_first:
        ended = as_utc(row.ended_at) if row.ended_at is not None else None
        here = row.host == socket.gethostname()[:255]
        runs_still = is_alive(row.pid) if here else under_way
        found.append(
            PastRun(
                begun_at=as_utc(row.begun_at),
                ended_at=ended,
                outcome=how_it_ended(row.outcome, is_over=row.direction in later, runs_still=runs_still),
                **{name: getattr(row, name) for name in _AS_THEY_ARE},
            )
        )
        if row.outcome not in _NEVER_HAD_THE_LEASE:
            later.add(row.direction)
    return found


_AS_THEY_ARE = (
    "remote",
    "remote_node",
    "direction",
    "error",
    "written",
    "deleted",
    "links",
    "kept",
    "conflicts",
    "begun_by",
)

_NEVER_HAD_THE_LEASE = {"refused", "busy", "unreachable", "failed"}


def how_it_ended(outcome: str, *, is_over: bool, runs_still: bool) -> str:
    """Return how a run has ended.

    Args:
        outcome: what it has put on record itself; ``""``: nothing.
        is_over: a later one of the same way has had the lease, which is never held by two.
        runs_still: its process is there, as far as that can be seen.

    Example:
        >>> how_it_ended("", is_over=True, runs_still=True)
        'killed'
    """
    if outcome:
        return str(outcome)
    return UNDER_WAY if runs_still and not is_over else KILLED
