"""Random histories, one after the other for a while, and the shortest form of one that ends wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from tests.nodes.histories import shortened

#: ``make fuzz-nodes`` says for how long, and from which seed on; a normal run plays the same few histories each time.
SECONDS = float(os.environ.get("SYNCHRO_FUZZ_SECONDS", "0"))
FIRST = int(os.environ.get("SYNCHRO_FUZZ_SEED", "20"))

#: Seconds that may be spent on finding the shortest form.
_SHORTENING = 120


def seeds() -> Iterator[int]:
    """Yield one seed, and more of them until the time is over; then say how many there were."""
    seed, until = FIRST, time.monotonic() + SECONDS
    while seed == FIRST or time.monotonic() < until:
        yield seed
        seed += 1
    print(f"{seed - FIRST} histories")


def play_or_fail(
    seed: int,
    history: list[Any],
    play: Callable[[Sequence[Any]], object],
    wrong: type[AssertionError],
    *,
    settle: Callable[[], object] = lambda: None,
    alike: Callable[[Any, Any], bool] = lambda one, other: True,
) -> None:
    """Play a history; where it ends wrong, let the test fail with the shortest form of it that does so too.

    Args:
        seed: the seed it was made of.
        history: its steps.
        play: plays one; raises ``wrong``.
        settle: lets the nodes come to rest after one that has ended wrong.
        alike: tells whether two such errors are of one kind.
    """
    try:
        play(history)
    except wrong as error:
        first = last = error
        until = time.monotonic() + _SHORTENING

        def fails(some: list[Any]) -> bool:
            nonlocal last
            if time.monotonic() > until:
                return False
            settle()
            try:
                play(some)
            except wrong as again:
                if alike(again, first):
                    last = again
                    return True
            return False

        steps = "\n".join(map(str, shortened(history, fails)))
        pytest.fail(f"seed {seed}: {last}\n{steps}")
