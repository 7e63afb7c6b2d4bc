"""What the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model

from synchro_triggers.capture.install import compare, run_statements
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
