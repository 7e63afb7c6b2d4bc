"""How many objects a transaction on the remote takes, so that others do not wait long for its locks."""

from __future__ import annotations


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
