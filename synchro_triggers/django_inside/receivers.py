"""Receivers of a model's signals that are not called for a while, in one thread and context.

Relies on: a signal calls what its ``_live_receivers(sender)`` returns (part ``receivers`` of ``expected``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from .expected import is_as_expected

#: The signals of writing.
SIGNALS = (pre_save, post_save, pre_delete, post_delete, m2m_changed)

#: Tells whether a receiver is not called: of a sender, and the receiver.
Withheld: TypeAlias = Callable[[Any, Any], bool]


class _Here:
    """One block: whom it withholds, by the thread that is in it, until it ends; blocks nest."""

    def __init__(self, is_withheld: Withheld, outer: _Here | None) -> None:
        self.is_withheld, self.outer = is_withheld, outer
        self.thread = threading.get_ident()
        self.over = False

    def withholds(self, sender: Any, receiver: Any) -> bool:
        mine = not self.over and self.thread == threading.get_ident() and self.is_withheld(sender, receiver)
        return mine or (self.outer is not None and self.outer.withholds(sender, receiver))


_here: ContextVar[_Here | None] = ContextVar("synchro_triggers_receivers", default=None)


@contextmanager
def withheld(is_withheld: Withheld) -> Iterator[None]:
    """Let signals of writing call no receivers for which ``is_withheld(sender, receiver)``, in this block.

    Whoever asks ``has_listeners()`` here is answered accordingly. Other threads and contexts hear as ever. Where Django
    is not as expected nobody is withheld: see ``can_withhold``.

    Example:
        ``with withheld(lambda sender, receiver: sender is Order): order.save()``
    """
    here = _Here(is_withheld, _here.get())
    token = _here.set(here)
    try:
        with _WITHHOLDING:
            yield
    finally:
        # What was started in this block, and goes on, has a copy of its context.
        here.over = True
        _here.reset(token)


def can_withhold() -> bool:
    """Tell whether receivers can be withheld."""
    return is_as_expected("receivers")


def has_other_listeners(signal: Any, sender: Any, is_withheld: Withheld) -> bool:
    """Tell whether a signal of a sender has receivers beside those that are withheld."""
    if not signal.has_listeners(sender):
        return False
    return not can_withhold() or any(not is_withheld(sender, each) for each in live_receivers(signal, sender))


def live_receivers(signal: Any, sender: Any) -> list[Any]:
    """Return the receivers of a signal of a sender; only where they can be withheld."""
    synchronous, asynchronous = type(signal)._live_receivers(signal, sender)
    return [*synchronous, *asynchronous]


class _Withholding:
    """What is put into Django's signals while some thread withholds receivers, and taken out when none does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = 0

    def __enter__(self) -> None:
        with self._lock:
            self._blocks += 1
            if self._blocks == 1 and can_withhold():
                for signal in SIGNALS:
                    signal.__dict__["_live_receivers"] = _without_withheld(signal)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._blocks -= 1
            if self._blocks == 0:
                for signal in SIGNALS:
                    signal.__dict__.pop("_live_receivers", None)


def _without_withheld(signal: Any) -> Callable[[Any], tuple[list[Any], list[Any]]]:
    def live(sender: Any) -> tuple[list[Any], list[Any]]:
        synchronous, asynchronous = type(signal)._live_receivers(signal, sender)
        here = _here.get()
        if here is None:
            return synchronous, asynchronous
        return (
            [each for each in synchronous if not here.withholds(sender, each)],
            [each for each in asynchronous if not here.withholds(sender, each)],
        )

    return live


_WITHHOLDING = _Withholding()
