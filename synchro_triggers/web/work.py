"""What was asked for on the page and has not ended: plain values, which go to the browser and back between requests.

Nothing of it is kept here: where a run has come to is in the databases, and whoever leaves the page loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

from django.core import signing

from ..replay.choices import Looked

Kind = Literal["synchro", "retry", "dry_run", "compare"]

_SALT = "synchro_triggers.web.work"

#: Seconds after which what a page was sent is out of date.
_OUT_OF_DATE = 24 * 60 * 60

#: Warnings that are kept.
_WARNINGS = 20

#: Objects that are named of each kind.
_NAMED = 5

#: How much of the work with a remote it is to look through what waits, where that takes more than one request.
_LOOKING = 0.2

Level = Literal["success", "warning", "error"]


class OutOfDate(Exception):
    """What the browser has sent is too old, was changed on the way, or is another user's."""


@dataclass
class Work:
    """What is to be done, and how far it has come.

    Attributes:
        kind: what was pressed.
        user: the primary key, as text, of the one who has pressed it.
        left: the remotes that are still to come, in order; the first is under way.
        number: how many remotes there were.
        total: of the first of them: how much there is to do; 0: that is not known yet.
        left_over: how much of it is left.
        looked: of the first of them: how far what waits was looked through before anything is written.
        looking: how much of that was done, from 0 to 1, when a request ended with it; 0: none has.
        since: of the first of them: when it was begun, by its clock; ``""``: it was not.
        models: of the first of them: labels of the models that are still to be compared; ``None``: it was not begun.
        waits: why nothing could be done now, which passes by itself; ``""``: something was done.
        changed: a run has changed something.
        said: what is to be said at the end: levels and texts.
        told: of what runs have told of single objects, by kind: how many, and the names of the first of them.
        left_out: how many objects were left out so far of a whole model, by what it is called in a message.
        found: what a dry run or a comparison has found, by remote.
        with_values: errors of objects are told, which may hold values of them.
    """

    kind: Kind
    user: str
    left: list[str]
    number: int
    total: int = 0
    left_over: int = 0
    looked: Looked = field(default_factory=Looked)
    looking: float = 0.0
    since: str = ""
    models: list[str] | None = None
    waits: str = ""
    changed: bool = False
    said: list[tuple[Level, str]] = field(default_factory=list)
    told: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    with_values: bool = False

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do."""
        return not self.left

    @property
    def remote(self) -> str:
        """The remote that is under way; ``""``: none is."""
        return self.left[0] if self.left else ""

    @property
    def done(self) -> int:
        """How much of ``total`` is done."""
        return max(0, self.total - self.left_over)

    @property
    def part_done(self) -> float:
        """How much of all is done, from 0 to 1: each remote counts alike."""
        of_the_first = self.done / self.total if self.total else 0.0
        if self.looking:
            of_the_first = _LOOKING * self.looking + (1 - _LOOKING) * of_the_first
        return round((self.number - len(self.left) + of_the_first) / self.number, 4) if self.number else 1.0

    def leave(self, number: int) -> None:
        """Note how much is left of what the first remote has to do; it may have become more."""
        self.total, self.left_over = max(self.total, number), number

    def go_to_next(self) -> None:
        """Take the first remote for done."""
        self.left = self.left[1:]
        self.total, self.left_over, self.since, self.models, self.waits = 0, 0, "", None, ""
        self.looked, self.looking, self.left_out = Looked(), 0.0, {}

    def say(self, level: Level, text: str) -> None:
        """Keep something to be said at the end, once; of warnings, the first of each run's many parts."""
        is_too_much = level == "warning" and len(self.said) >= _WARNINGS
        if (level, text) not in self.said and not is_too_much:
            self.said.append((level, text))

    def tell(self, kind: str, number: int, names: Sequence[str]) -> None:
        """Keep what is to be told of single objects at the end, of all parts together.

        Args:
            kind: as ``Told`` has it.
            number: how many objects.
            names: some of them.
        """
        before, named = self.told.get(kind, (0, []))
        self.told[kind] = before + number, [*named, *names][:_NAMED]

    def as_text(self) -> str:
        """Return it signed, for the browser to send it back."""
        return signing.dumps(asdict(self), salt=_SALT, compress=True)


def begin(kind: Kind, user: str, remotes: Sequence[str], *, with_values: bool = False) -> Work:
    """Return what is to be done with these remotes."""
    return Work(kind, user, list(remotes), len(remotes), with_values=with_values)


def read_work(text: str, user: str) -> Work:
    """Return what a browser has sent back.

    Raises:
        OutOfDate: it is none of this user's, or too old.
    """
    try:
        work = Work(**signing.loads(text, salt=_SALT, max_age=_OUT_OF_DATE))
    except (signing.BadSignature, TypeError) as error:
        raise OutOfDate from error
    if work.user != user:
        raise OutOfDate
    work.said = [(level, said) for level, said in work.said]
    work.looked = Looked(**cast("dict[str, Any]", work.looked))
    return work
