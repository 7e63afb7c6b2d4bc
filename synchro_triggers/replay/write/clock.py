"""How long a transaction on the remote may last: others wait for the locks that it holds."""

from __future__ import annotations

import time


class Clock:
    """Runs from the beginning of a transaction.

    Args:
        seconds: how long the transaction may last; ``None``: as long as it takes.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    def is_up(self) -> bool:
        """Tell whether the time is over."""
        return self._end is not None and time.monotonic() >= self._end

    def left(self) -> float | None:
        """Return the seconds that are left; ``None``: as many as it takes."""
        return None if self._end is None else self._end - time.monotonic()

    def half(self) -> Clock:
        """Return a clock for half of the time that is left."""
        return Clock() if self._end is None else Clock((self._end - time.monotonic()) / 2)
