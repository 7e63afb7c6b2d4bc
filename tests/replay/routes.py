"""The three ways in which a run may write: in bulk, one by one for receivers, in bulk with signals for a batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.replay.hearing import SIGNALS

ROUTES = ("bulk", "receivers", "batch signals")


def _listen(**told: Any) -> None:
    """Hear of everything, and do nothing."""


@pytest.fixture(params=ROUTES)
def route(request: pytest.FixtureRequest, settings: Any) -> Iterator[str]:
    """Make runs write in one of the three ways."""
    if request.param != "bulk":
        for signal in SIGNALS.values():
            signal.connect(_listen, weak=False)
    settings.SYNCHRO_BATCH_SIGNALS = request.param == "batch signals"
    yield request.param
    for signal in SIGNALS.values():
        signal.disconnect(_listen)


@pytest.fixture(params=[1, 1000], ids=["batches of one", "one batch"])
def batches(request: pytest.FixtureRequest, settings: Any) -> int:
    """Make a run's transactions small or large."""
    settings.SYNCHRO_BATCH_SIZE = request.param
    return int(request.param)
