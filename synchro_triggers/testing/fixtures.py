"""A fixture for pytest-django: every test database has the triggers, also those of pytest-xdist's workers.

In the project's ``conftest.py``::

    from synchro_triggers.testing.fixtures import django_db_setup  # noqa: F401
"""

from __future__ import annotations

from typing import Any

import pytest

from . import install_test_triggers

__all__ = ["django_db_setup"]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:  # of pytest-django, which it goes on from
    """Make the test databases as pytest-django does, then install the triggers, once a session and process."""
    with django_db_blocker.unblock():
        install_test_triggers()
