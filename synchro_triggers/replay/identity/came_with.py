"""What objects come with, as long as a run has not ended: what its sender had seen of them.

Only after a complete run does a database know all that the sender knew. Before that, single objects of it are of that
state already, and their rows say so: who hands them on, or writes upon them, has seen as much of them. The idea is that
of made-with knowledge (Microsoft Sync Framework), which lives here only until the run has ended.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from django.db import transaction

from ...models import Knowledge
from ..log.changes import Change
from ..log.heard import Heard

#: So many of them are kept at the most, of runs that never end. What comes with none is taken to have seen nothing.
_AT_MOST = 20


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
        self._goes_along = False

    def begin_rest(self, number: int | None) -> None:
        """Go on with the window of a run that was cut off: its objects come with what was stored then.

        Those of them that have come to LOCAL with something since may not bring all of that now.
        """
        self.number, self._goes_along = number, False

    def begin_window(self, end: str, heard: Heard, before: Mapping[int, Heard], there: int) -> None:
        """Begin with a window.

        Args:
            end: its position.
            heard: what LOCAL had seen before it was opened.
            before: what single objects of LOCAL have come with, by its number.
            there: how many such numbers the remote has already.
        """
        self.number = None
        self._joined.clear()
        self._end, self._before, self._goes_along = end, before, there < _AT_MOST
        if there < _AT_MOST and heard.rows:
            self.number = _new_number()
            self._heard[self.number] = heard

    def of(
        self, change: Change | None, came_with: int | None, *, made: bool, has_arrived: Callable[[str], bool]
    ) -> int | None:
        """Return what an object comes with; ``None``: nothing that is known.

        Args:
            change: of the object. What is kept as a failure is of a window before.
            came_with: what it has come to LOCAL with.
            made: the remote did not have it.
            has_arrived: tells whether all of it comes that had come to LOCAL before it was read, where the window ends
                at a position.
        """
        if not made and (change is None or not change.logged):
            return None
        if came_with is None or came_with not in self._before or not self._goes_along or not has_arrived(self._end):
            return self.number
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
