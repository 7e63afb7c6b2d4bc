"""What a caller chooses for a run."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..conf import LOCAL
from ..exceptions import SynchroConfigurationError

#: Called with log rows done and their total.
OnProgress = Callable[[int, int], None]


class Way(NamedTuple):
    """From which database changes go to which: aliases."""

    source: str
    remote: str

    @property
    def other(self) -> str:
        """Which of both is the remote of this project; the other one is LOCAL."""
        return self.source if self.remote == LOCAL else self.remote


def ways_of(remotes: Iterable[str], *, pull: bool = False, both: bool = False) -> list[Way]:
    """Return the ways that a run goes, one after the other: to each remote; or from it; or to it, and back.

    Raises:
        SynchroConfigurationError: two things are asked for at once.

    Example:
        >>> ways_of(["main"], both=True)
        [Way(source='default', remote='main'), Way(source='main', remote='default')]
    """
    if pull and both:
        raise SynchroConfigurationError("--pull and --both exclude one another: --both fetches, too.")
    ways: list[Way] = []
    for alias in remotes:
        if not pull:
            ways.append(Way(LOCAL, alias))
        if pull or both:
            ways.append(Way(alias, LOCAL))
    return ways


class Deadline:
    """Tells whether a run shall end. Its time begins with the first question: each run gets something done.

    Args:
        seconds: after which it shall; ``None``: when it has done everything.
        not_before: a time of ``time.monotonic()`` until which it may go on all the same.

    Attributes:
        is_over: it shall end, also where somebody else has said so.
    """

    def __init__(self, seconds: float | None, *, not_before: float = 0.0) -> None:
        self._seconds, self._not_before = seconds, not_before
        self._end: float | None = None
        self.is_over = False

    def __call__(self) -> bool:
        if self._seconds is not None and self._end is None:
            self._end = max(self._not_before, time.monotonic() + self._seconds)
        elif self._end is not None:
            self.is_over = self.is_over or time.monotonic() >= self._end
        return self.is_over


@dataclass
class Looked:
    """How far runs that are made in parts have looked through what is new, before the first of them writes anything.

    Attributes:
        of: of what: the remote's node, and the position from which on it is new.
        up_to: the position up to which all was looked through; ``""``: none was.
        end: where the window ends that is looked through now, as a position; ``""``: none is.
        row: up to which log row of that.
        part: how much of it that is, from 0 to 1.
    """

    of: str = ""
    up_to: str = ""
    end: str = ""
    row: int = 0
    part: float = 0.0

    @property
    def is_under_way(self) -> bool:
        """Whether some of it was looked through, and some was not."""
        return bool(self.row)

    def begin(self, of: str) -> None:
        """Begin anew, unless it was begun with just that."""
        if self.of != of:
            self.of, self.up_to, self.end, self.row, self.part = of, "", "", 0, 0.0


@dataclass(frozen=True)
class Choices:
    """What a caller chose for a run.

    Attributes:
        labels: only these models; ``None``: all, and the checkpoint moves.
        dry_run: write nothing.
        full: every object of the captured models, not only those that were logged.
        stop_at_failure: stop at the first object that cannot be applied.
        progress: called with log rows done and their total.
        retry: try all that is kept, whatever its pause, and however long it takes.
        untried_since: with ``retry``: only what nobody has tried since, by the remote's clock.
        asked: returns, for a remote and a source's node id, the failures to try whatever their pause.
        way_back: everything goes both ways, so that one may have forgotten the other.
        after_the_other_way: a dry run the other way has just gone well: what that would have sent counts as known.
        by: who has begun the run, for its record.
        interrupted: asked between two transactions: whether to end the run; the next one goes on from there.
        in_parts: whoever has begun the run makes the next one at once where this one was ended: both are one on record.
        looked: with ``in_parts``: how far those parts have looked that have ended before they wrote anything; moves on.
            ``None``: each looks through everything.
    """

    labels: tuple[str, ...] | None = None
    dry_run: bool = False
    full: bool = False
    stop_at_failure: bool = False
    progress: OnProgress | None = None
    retry: bool = False
    untried_since: datetime.datetime | None = None
    asked: Callable[[str, str], Sequence[int]] = lambda remote, source: ()
    way_back: bool = False
    after_the_other_way: bool = False
    by: str = "API"
    interrupted: Callable[[], bool] = lambda: False
    in_parts: bool = False
    looked: Looked | None = None

    @property
    def moves_on(self) -> bool:
        """Whether what is applied counts as received: not in a dry run, nor in a run of some models only."""
        return self.labels is None and not self.dry_run
