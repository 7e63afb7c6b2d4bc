"""What signal receivers hear while a run writes, and letting the clocks of both databases move on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.db.models.signals import ModelSignal, m2m_changed, post_delete, post_save, pre_delete, pre_save

from tests.clock.apps import TICK

LOCAL, REMOTE = "default", "remote"

SIGNALS: dict[str, ModelSignal] = {
    "pre_save": pre_save,
    "post_save": post_save,
    "pre_delete": pre_delete,
    "post_delete": post_delete,
    "m2m_changed": m2m_changed,
}


@dataclass(frozen=True)
class Heard:
    """One signal: its name, the instance as it was then, and what else the receiver was told."""

    name: str
    instance: Any
    told: dict[str, Any]


@contextmanager
def hearing(*senders: type[Model], only: tuple[str, ...] = tuple(SIGNALS)) -> Iterator[list[Heard]]:
    """Yield a list that fills with the signals of these senders, in their order."""
    heard: list[Heard] = []

    def listener(name: str) -> Any:
        def listen(sender: type[Model], instance: Model, signal: ModelSignal, **told: Any) -> None:
            heard.append(Heard(name, instance, told))

        return listen

    listeners = [(SIGNALS[name], sender, listener(name)) for name in only for sender in senders]
    for signal, sender, listen in listeners:
        signal.connect(listen, sender=sender, weak=False)
    try:
        yield heard
    finally:
        for signal, sender, listen in listeners:
            signal.disconnect(listen, sender=sender)


@contextmanager
def receiving(name: str, sender: type[Model], receiver: Any) -> Iterator[None]:
    """Connect one receiver for a block."""
    SIGNALS[name].connect(receiver, sender=sender, weak=False)
    try:
        yield
    finally:
        SIGNALS[name].disconnect(receiver, sender=sender)


def names(heard: list[Heard]) -> list[str]:
    return [one.name for one in heard]


def later() -> None:
    """Let the clocks move on: SQLite's triggers log milliseconds."""
    time.sleep(0.008 + 0.002 * TICK)
