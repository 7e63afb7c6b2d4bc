"""What a follower knows of itself, for probes: whether it goes on, how far behind it may be, and what is wrong."""

from __future__ import annotations

import datetime
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ...masking import without_credentials
from ..choices import Way

#: Seconds without a sign of life after which a follower is taken for one that hangs. While it writes there is one for
#: each object, or each statement for many; none while it looks through a long log before its first run.
HANGS_AFTER = 300.0


@dataclass
class _State:
    """Of one way.

    Attributes:
        way: from where to where.
        up_to: when the last look began that has left nothing to do, by a clock that nobody sets; ``None``: none has.
        success: the same, as people tell the time.
        trouble: what is wrong; empty: nothing.
    """

    way: Way
    up_to: float | None = None
    success: datetime.datetime | None = None
    trouble: str = ""


class Health:
    """The health of a follower; written by it, read by other threads.

    Args:
        on_beat: called at each sign of life, and with ``True`` where something has changed.
    """

    def __init__(self, on_beat: Callable[[bool], None] = lambda has_changed: None) -> None:
        self.on_beat = on_beat
        self._lock = threading.RLock()
        self._states: dict[Way, _State] = {}
        self._trouble = ""
        self._is_stopped = False
        self._pass: datetime.datetime | None = None
        self._heard = time.monotonic()

    # Written by the follower --------------------------------------------------------------------------

    def begin(self, ways: Iterable[Way]) -> None:
        """The follower begins."""
        with self._lock:
            self._states = {way: _State(way) for way in ways}
        self.beat(has_changed=True)

    def beat(self, *, has_changed: bool = False) -> None:
        """The follower is alive: it waits, or is between two objects."""
        self._heard = time.monotonic()
        self.on_beat(has_changed)

    def note_pass(self) -> None:
        """LOCAL and all remotes were looked at, or left alone for the time of a pause."""
        before, self._pass = self._pass, _now()
        self.beat(has_changed=before is None)

    def note_success(self, way: Way, since: float, *, has_arrived: bool = True) -> None:
        """A look that began ``since`` seconds by the clock has met no trouble.

        Args:
            has_arrived: all that was committed before has been applied, or is kept.
        """
        with self._lock:
            state = self._states[way]
            has_changed = bool(state.trouble) or (has_arrived and state.up_to is None)
            state.trouble = ""
            if has_arrived:
                state.up_to = since
                state.success = _now() - datetime.timedelta(seconds=time.monotonic() - since)
        self.beat(has_changed=has_changed)

    def note_trouble(self, text: str, way: Way | None) -> None:
        """Something is wrong with a way, or with LOCAL; an empty text: no more with LOCAL."""
        text = without_credentials(text)
        with self._lock:
            before = self._trouble if way is None else self._states[way].trouble
            if way is None:
                self._trouble = text
            else:
                self._states[way].trouble = text
        self.beat(has_changed=before != text)

    def stop(self) -> None:
        """The follower has ended."""
        self._is_stopped = True
        self.on_beat(True)

    # Read by others ------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """``starting`` until all ways have been gone once, then ``following``; ``trouble``, and ``stopped``."""
        if self._is_stopped:
            return "stopped"
        states = [*self._states.values()]
        if self._trouble or any(each.trouble for each in states):
            return "trouble"
        return "following" if states and all(each.up_to is not None for each in states) else "starting"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON: times in UTC, and seconds."""
        with self._lock:
            ways = [self._way_as_dict(each) for each in self._states.values()]
            lags = [way["lag"] for way in ways]
            return {
                "state": self.state,
                "pid": os.getpid(),
                "written": _text(_now()),
                "last_pass": _text(self._pass),
                "last_success": None if None in lags else min((way["last_success"] for way in ways), default=None),
                "lag": None if None in lags else max(lags, default=None),
                "trouble": self._trouble or None,
                "ways": ways,
            }

    def _way_as_dict(self, state: _State) -> dict[str, Any]:
        return {
            "source": state.way.source,
            "remote": state.way.remote,
            "last_success": _text(state.success),
            "lag": None if state.up_to is None else round(time.monotonic() - state.up_to, 3),
            "trouble": state.trouble or None,
        }

    def is_alive(self) -> tuple[bool, dict[str, Any]]:
        """Tell whether it goes on, with what it knows; not whether a database does."""
        return time.monotonic() - self._heard < HANGS_AFTER, self.as_dict()

    def is_ready(self) -> tuple[bool, dict[str, Any]]:
        """Tell whether it goes on, and changes arrive, with what it knows."""
        told = self.as_dict()
        return self.is_alive()[0] and told["state"] == "following", told


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _text(when: datetime.datetime | None) -> str | None:
    return None if when is None else when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
