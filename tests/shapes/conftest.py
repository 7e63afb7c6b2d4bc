"""What the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.db.models import Model

from synchro_triggers.capture.install import compare, run_statements
from tests.replay.hearing import SIGNALS
from tests.shapes.sides import LOCAL, move_remote_keys_on


@pytest.fixture(autouse=True)
def keys_differ(request: pytest.FixtureRequest) -> None:
    """Give new remote objects other numbers than local ones: a key that was copied by mistake shows."""
    if "vendor" in request.fixturenames:
        request.getfixturevalue("db")
        move_remote_keys_on()


@pytest.fixture
def capture_only(settings: Any) -> Callable[..., None]:
    """Capture these models instead of the usual ones, for the time of the test, which takes the triggers back."""

    def only(*models: type[Model], alias: str = LOCAL) -> None:
        settings.SYNCHRO_MODELS = tuple(model._meta.label for model in models)
        found = compare(alias)
        assert not found.absent_tables
        run_statements(alias, [sql for trigger in (*found.missing, *found.outdated) for sql in trigger.statements])

    return only


@pytest.fixture(params=["bulk", "single", "batch"])
def way(request: pytest.FixtureRequest, settings: Any) -> Iterator[str]:
    """Write as where nobody listens, as where receivers do, and with the signals of a batch at a time."""

    def listen(**told: Any) -> None:
        pass

    settings.SYNCHRO_BATCH_SIGNALS = request.param == "batch"
    with ExitStack() as connected:
        for signal in SIGNALS.values() if request.param != "bulk" else ():
            signal.connect(listen, weak=False)
            connected.callback(signal.disconnect, listen)
        yield request.param
