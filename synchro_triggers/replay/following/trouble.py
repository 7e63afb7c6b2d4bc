"""How long a follower leaves a database alone after an error, and whether anybody should hear of it."""

from __future__ import annotations

import time

from ...exceptions import Refused

#: Seconds to wait after an error; doubled each time up to the second, or the interval, if that is longer.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0

#: Where there are other remotes, what takes long in vain (a host that does not answer) is tried less often.
_LONGEST_REST = 30.0

#: Seconds after which the same problem is put on record once more.
_NOTED_AGAIN = 60.0


class Trouble:
    """What is wrong with one way, or with LOCAL.

    Args:
        longest: seconds of the longest pause.

    Attributes:
        pause: seconds; 0: all is well.
    """

    def __init__(self, longest: float) -> None:
        self.pause = 0.0
        self._longest = longest
        self._until = self._noted = self._since = 0.0
        self._text = ""
        self._state: object = None

    def is_known(self, text: str) -> bool:
        """Tell whether the same was put on record just now."""
        return text == self._text and time.monotonic() - self._noted < _NOTED_AGAIN

    def begin(self, error: Exception, took: float) -> bool:
        """Begin a pause, at least as long as it took to find out; tell whether this is another trouble than before.

        What a driver says of a server that is down changes while it starts: it is one trouble, and told once. What a
        run is refused for is told whenever it is something else.
        """
        now, text = time.monotonic(), line_of(error)
        self._since = self._since if self.pause else now
        self.pause = min(2 * self.pause, self._longest) if self.pause else FIRST_PAUSE
        self._until = now + max(self.pause, min(took, _LONGEST_REST))
        if not self.is_known(text):
            self._text, self._noted = text, now
        before, self._state = self._state, (type(error), text if isinstance(error, Refused) else "")
        return before != self._state

    def end(self) -> float | None:
        """All is well; return the seconds that the trouble has lasted, if there was one."""
        lasted = time.monotonic() - self._since if self.pause else None
        self.pause, self._text, self._state = 0.0, "", None
        return lasted

    def left(self) -> float:
        """Return the seconds that are left of the pause."""
        return max(0.0, self._until - time.monotonic()) if self.pause else 0.0


def line_of(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return " ".join(str(error).split())
