"""What objects come with: what their sender had seen of them, where the receiver has not seen as much of all objects.

Only after a complete run does a database know all that the sender knew. Before that, single objects of it are of that
state already, and their rows say so: who hands them on, or writes upon them, has seen as much of them. The idea is that
of made-with knowledge (Microsoft Sync Framework), which lives here only until the run has ended.

An object that was changed while a run was under way comes in a version of a window that is not closed yet, so that
nobody knows of that window. Upon what was written, then, is told with the object (``upon``).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial

from django.db import transaction

from ...models import Knowledge
from ..log.changes import Change
from ..log.heard import Basis, Heard
from ..log.versions import Known, Version, knows

#: So many of them are kept at the most, of runs that never end. What comes with none is taken to have seen nothing.
AT_MOST = 20


class CameWith:
    """What the objects of one run come with.

    Args:
        remote: the remote alias.

    Attributes:
        number: that of what LOCAL had seen when the window was opened that is applied; ``None``: nobody asks.
    """

    def __init__(self, remote: str) -> None:
        self._remote = remote
        self.begin()

    def begin(self) -> None:
        """Forget the run before."""
        self.number: int | None = None
        self._heard: dict[int, Heard] = {}
        self._stored: set[int] = set()
        self._joined: dict[int, int] = {}
        self._before: Mapping[int, Heard] = {}
        self._end = ""
        self._there: Known = {}
        self._goes_along = False

    def begin_rest(self, number: int | None) -> None:
        """Go on with the window of a run that was cut off: its objects come with what was stored then.

        Those of them that have come to LOCAL with something since may not bring all of that now.
        """
        self.number, self._goes_along = number, False

    def begin_window(self, end: str, heard: Heard, before: Mapping[int, Heard], there: Known, *, is_full: bool) -> None:
        """Begin with a window.

        Args:
            end: its position.
            heard: what LOCAL had seen before it was opened, and the remote has not; empty: it is told at once.
            before: what single objects of LOCAL have come with, by its number.
            there: what the remote has seen of all objects, or will have when these are written.
            is_full: the remote keeps enough of such numbers.
        """
        self.number = None
        self._joined.clear()
        self._end, self._before, self._goes_along, self._there = end, before, not is_full, there
        if heard.rows and not is_full:
            self.number = _new_number()
            self._heard[self.number] = heard

    def of(
        self,
        change: Change | None,
        received: Basis,
        versions: Collection[Version],
        *,
        made: bool,
        has_arrived: Callable[[str], bool],
    ) -> Basis:
        """Return what has been seen of an object that comes.

        Args:
            change: of the object. What is kept as a failure is of a window before.
            received: what had been seen of it when it came to LOCAL.
            versions: the ones that have come to LOCAL, upon which its users have written.
            made: the remote did not have it.
            has_arrived: tells whether all of it comes that had come to LOCAL before it was read, where the window ends
                at a position.
        """
        if not made and (change is None or not change.logged):
            return Basis()
        number = received.came_with if self._goes_along and received.came_with in self._before else None
        upon = [each for each in (*versions, *received.upon) if not self._is_told(each)]
        if (number is None and not upon) or not has_arrived(self._end):
            return Basis(self.number)
        return Basis(self.number if number is None else self._join(number), tuple(upon))

    def _is_told(self, version: Version) -> bool:
        """Tell whether the remote has seen a version, or is told of it by what all objects of the window come with."""
        heard = None if self.number is None else self._heard.get(self.number)
        return knows(self._there, version) or (heard is not None and knows(heard.of_all, version))

    def _join(self, came_with: int) -> int:
        """Return the number of what LOCAL had seen, with what an object has come to it with."""
        if came_with not in self._joined:
            number = self._joined[came_with] = _new_number()
            own = None if self.number is None else self._heard.get(self.number)
            self._heard[number] = Heard([*(() if own is None else own.rows), *self._before[came_with].rows])
        return self._joined[came_with]

    def store(self, numbers: Iterable[int]) -> None:
        """Write what some objects have come with, in the transaction that brings them, unless it stands there."""
        for number in set(numbers) & self._heard.keys() - self._stored:
            rows = [
                Knowledge(author=author, model_label=label, number=window, came_with=number)
                for author, label, window in self._heard[number].rows
            ]
            Knowledge._base_manager.using(self._remote).bulk_create(rows, ignore_conflicts=True)
            transaction.on_commit(partial(self._stored.add, number), using=self._remote)

    @property
    def has_any(self) -> bool:
        """Whether the run has stored anything."""
        return bool(self._heard)

    def forget(self, numbers: Iterable[int]) -> None:
        """Delete what the remote has seen of all its objects by now."""
        if numbers := list(numbers):
            Knowledge._base_manager.using(self._remote).filter(came_with__in=numbers)._raw_delete(self._remote)


def _new_number() -> int:
    return secrets.randbits(62) + 1  # never one that a row still names
