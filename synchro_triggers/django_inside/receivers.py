"""Receivers of a model's signals that are not called, or are watched, for a while, in one thread and context.

Relies on: a signal calls what its ``_live_receivers(sender)`` returns (part ``receivers`` of ``expected``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeAlias

from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from .expected import is_as_expected

#: The signals of writing.
SIGNALS = (pre_save, post_save, pre_delete, post_delete, m2m_changed)

#: Tells whether a receiver is not called: of a sender, and the receiver.
Withheld: TypeAlias = Callable[[Any, Any], bool]


class _Here:
    """One block: whom it withholds, and whose receivers it watches; by the thread in it, until it ends. Blocks nest."""

    def __init__(self, is_withheld: Withheld, watch: Watch | None, outer: _Here | None) -> None:
        self.is_withheld, self.watch, self.outer = is_withheld, watch, outer
        self.thread = threading.get_ident()
        self.over = False

    def live(self, signal: Any, sender: Any) -> tuple[list[Any], list[Any]]:
        """Return whom a signal calls here."""
        if self.outer is None:
            synchronous, asynchronous = type(signal)._live_receivers(signal, sender)
        else:
            synchronous, asynchronous = self.outer.live(signal, sender)
        if self.over or self.thread != threading.get_ident():
            return synchronous, asynchronous
        synchronous = [each for each in synchronous if not self.is_withheld(sender, each)]
        asynchronous = [each for each in asynchronous if not self.is_withheld(sender, each)]
        if self.watch is not None and (synchronous or asynchronous):
            synchronous = [self.watch.before, *synchronous, self.watch.after]
        return synchronous, asynchronous


_here: ContextVar[_Here | None] = ContextVar("synchro_triggers_receivers", default=None)


class Watch(Protocol):
    """Is called as a receiver, before and after all others that are no coroutines."""

    def before(self, *, signal: Any, instance: Any, **told: Any) -> None: ...
    def after(self, *, signal: Any, instance: Any, **told: Any) -> None: ...


@contextmanager
def withheld(is_withheld: Withheld) -> Iterator[None]:
    """Let signals of writing call no receivers for which ``is_withheld(sender, receiver)``, in this block.

    Whoever asks ``has_listeners()`` here is answered accordingly. Other threads and contexts hear as ever. Where Django
    is not as expected nobody is withheld: see ``can_withhold``.

    Example:
        ``with withheld(lambda sender, receiver: sender is Order): order.save()``
    """
    with _block(is_withheld, None):
        yield


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Tell somebody, in this block, when the receivers of a signal of writing begin and end, where there are any.

    Where Django is not as expected nobody is told.
    """
    with _block(lambda sender, receiver: False, watch):
        yield


@contextmanager
def _block(is_withheld: Withheld, watch: Watch | None) -> Iterator[None]:
    here = _Here(is_withheld, watch, _here.get())
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
                    signal.__dict__["_live_receivers"] = _live_here(signal)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._blocks -= 1
            if self._blocks == 0:
                for signal in SIGNALS:
                    signal.__dict__.pop("_live_receivers", None)


def _live_here(signal: Any) -> Callable[[Any], tuple[list[Any], list[Any]]]:
    def live(sender: Any) -> tuple[list[Any], list[Any]]:
        here = _here.get()
        found: tuple[list[Any], list[Any]]
        found = type(signal)._live_receivers(signal, sender) if here is None else here.live(signal, sender)
        return found

    return live


_WITHHOLDING = _Withholding()
