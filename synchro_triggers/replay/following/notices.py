"""Waiting for PostgreSQL's notices of commits, and looking where they cannot come."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import Error

from ...capture.sight import Listener
from ...conf import LOCAL
from .telling import tell_looking
from .trouble import line_of

#: Seconds between two looks at the most, whatever the interval: also a notice that should come may be lost with its
#: connection.
LOOKS = 0.5

#: Seconds after which a connection that could not be had is tried again.
TRIED_AGAIN = 60.0

_INSTEAD = f"LOCAL is looked at every {LOOKS} seconds, or at --interval, instead"


class Notices:
    """Waits for the next look.

    Args:
        listen: makes what hears of notices.
        rest: waits without hearing.
        is_over: tells whether there is no use in waiting any more.
    """

    def __init__(
        self, listen: Callable[[], Listener], rest: Callable[[float], object], is_over: Callable[[], bool]
    ) -> None:
        self._listen, self._rest, self._is_over = listen, rest, is_over
        self._listener: Listener | None = None
        self._again: float | None = 0.0
        self._is_told = False

    def begin(self) -> None:
        """Listen, so that what is committed from now on is heard.

        Raises:
            SynchroError: there are no notices in such a database, or by this driver.
        """
        try:
            listener = self._listen()
        except Error as error:
            self._again = time.monotonic() + TRIED_AGAIN
            self._tell(f"Notices of {LOCAL!r} cannot be heard: {line_of(error)}. {_INSTEAD}.")
            return
        try:
            hears = listener.hears()
        except Error:  # lost in this moment
            listener.close()
            return
        if hears or self._is_over():
            self._listener, self._is_told = listener, False
            return
        listener.close()
        self._again = None  # it is how the pooler was set up
        self._tell(
            f"Notices of {LOCAL!r} do not come, as behind a pooler that shares connections (PgBouncer in transaction "
            f"mode). {_INSTEAD}. For --notify, let {LOCAL!r} lead to PostgreSQL itself, or to a pool of sessions."
        )

    def wait(self, seconds: float) -> None:
        """Wait for a notice, or for the time of the next look."""
        if self._listener is None and self._again is not None and time.monotonic() >= self._again:
            self.begin()
        if self._listener is None:
            self._rest(min(seconds, LOOKS))
            return
        try:
            self._listener.wait(LOOKS)
        except Error:  # whoever looks next says what is wrong, if it is more than this connection
            self.close()
            self._again = 0.0

    def close(self) -> None:
        """Listen no more."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def _tell(self, text: str) -> None:
        if not self._is_told:
            self._is_told = True
            tell_looking(text)
