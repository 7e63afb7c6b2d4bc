"""What the tests of this folder share."""

from __future__ import annotations

import pytest

from tests.shapes.sides import move_remote_keys_on


@pytest.fixture(autouse=True)
def keys_differ(request: pytest.FixtureRequest) -> None:
    """Give new remote objects other numbers than local ones: a key that was copied by mistake shows."""
    if "vendor" in request.fixturenames:
        request.getfixturevalue("db")
        move_remote_keys_on()
