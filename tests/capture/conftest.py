"""A database of its own for tests that change schemas, triggers or settings, or that commit.

It is a copy of one with nothing but this package's tables, so there is nothing to undo.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from tests.capture.changing_app import ChangingApp, forget_models
from tests.databases import Databases, Pair

OWN = "own"


@pytest.fixture
def own(vendor: Pair, databases: Databases, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """An alias whose database belongs to this test: nothing in it but our own tables, committed for real.

    Not for tests with the mark ``django_db``: Django forbids them every alias that was not there at the beginning.
    """
    with django_db_blocker.unblock():
        name = databases.copy(vendor.local, OWN, "package")
        connections.settings[OWN] = connections.configure_settings({"default": databases.settings(vendor.local, name)})[
            "default"
        ]

        yield OWN

        connections[OWN].close()
        del connections[OWN]
        del connections.settings[OWN]
        databases.remove(vendor.local, name)


@pytest.fixture
def app(own: str, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChangingApp]:
    """An app whose models and migrations the test makes; everything of it is captured."""
    folder = tmp_path / "changing_migrations"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    settings.SYNCHRO_MODELS = ("migapp",)
    settings.MIGRATION_MODULES = {"migapp": folder.name}
    settings.INSTALLED_APPS = ["synchro_triggers", "tests.migapp"]

    yield ChangingApp(own, folder)

    forget_models()
    for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
        del sys.modules[name]
