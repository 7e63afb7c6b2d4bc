"""Letting objects onto the remote one by one: a test looks at a run in the middle, for as long as it wants."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models.signals import pre_save

from tests.testapp.models import Item

REMOTE = "remote"

_SECONDS, _ALL = 30, 10_000


class Sluice:
    """A receiver of ``Item`` that waits, on the remote, until it is let through."""

    def __init__(self) -> None:
        self._let_through = threading.Semaphore(0)

    def let_through(self, number: int) -> None:
        self._let_through.release(number)

    def open(self) -> None:
        self.let_through(_ALL)

    @contextmanager
    def closed(self) -> Iterator[Sluice]:
        pre_save.connect(self._hold, sender=Item)
        try:
            yield self
        finally:
            self.open()
            pre_save.disconnect(self._hold, sender=Item)

    def _hold(self, using: str, **told: object) -> None:
        if using == REMOTE:
            assert self._let_through.acquire(timeout=_SECONDS), "nobody lets it through"
