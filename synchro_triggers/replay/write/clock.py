"""How long a transaction on the remote may last, and how many objects it takes: others wait for its locks.

And how long a run pauses before it tries one again that has waited for theirs in vain.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator


class Clock:
    """Runs from the beginning of a transaction.

    Args:
        seconds: how long the transaction may last; ``None``: as long as it takes.
        cut_short: asked whether to end it before; not where it lasts as long as it takes.
    """

    def __init__(self, seconds: float | None = None, cut_short: Callable[[], bool] = lambda: False) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds
        self._cut_short = cut_short

    def is_up(self) -> bool:
        """Tell whether the time is over."""
        return self._end is not None and (time.monotonic() >= self._end or self._cut_short())

    def left(self) -> float | None:
        """Return the seconds that are left; ``None``: as many as it takes."""
        return None if self._end is None else self._end - time.monotonic()

    def half(self) -> Clock:
        """Return a clock for half of the time that is left."""
        return Clock() if self._end is None else Clock((self._end - time.monotonic()) / 2, self._cut_short)


class Pace:
    """How many objects a transaction takes, so that it lasts no longer than it may.

    Attributes:
        most: as many as that, if they take little time.
        seconds: how long a transaction may last.
        size: as many as that next time.
        locked: so many objects in a row could not be written because somebody else had locked them.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds, self.size = most, seconds, most
        self.locked = 0

    def note(self, number: int, took: float) -> None:
        """Learn from a transaction that took so many seconds for so many objects."""
        if took > self.seconds:
            self.size = max(1, min(self.most, int(number * self.seconds / took)))
        elif took < self.seconds / 2:
            self.size = min(self.most, 2 * self.size)


#: Seconds to pause before a transaction is tried again that has waited in vain.
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)


def pauses() -> Iterator[float]:
    """Yield how long to pause before each further try; two runs in each other's way must not keep in step."""
    for pause in _PAUSES:
        yield pause * random.uniform(0.5, 1.5)
