"""A PostgreSQL server of their own for tests that stop it, or restore into it; and an app that is migrated."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synchro_triggers.replay.schema import shape
from tests.capture.changing_app import forget_models
from tests.postgres_server import PostgresUnavailable, StoppableServer, stoppable_server
from tests.safety.apart import Apart
from tests.safety.story import SECRETS


@pytest.fixture(scope="session")
def own_server() -> Iterator[StoppableServer]:
    """A server beside that of the test run, with a user who has a password worth hiding."""
    try:
        with stoppable_server(int(os.environ.get("SYNCHRO_TEST_POSTGRES_VERSION", "16"))) as server:
            with server.server.connect() as connection:
                # Its crashes are those of a program: what it has handed to the system is not lost.
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("ALTER SYSTEM SET full_page_writes = off")
                connection.execute("SELECT pg_reload_conf()")
                connection.execute(f"CREATE ROLE {SECRETS[0]} SUPERUSER LOGIN PASSWORD '{SECRETS[1]}'")
            yield server
            return
    except PostgresUnavailable as error:
        reason = str(error)
    pytest.skip(f"a server that may be stopped is needed, and there is none here: {reason}")


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Apart]:
    folder = tmp_path / "steps_of_migapp"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    settings.SYNCHRO_MODELS = ("migapp",)
    settings.MIGRATION_MODULES = {"migapp": folder.name}
    yield Apart(folder)
    forget_models()
    shape._models.clear()
    for name in [name for name in sys.modules if name.split(".")[0] == folder.name]:
        del sys.modules[name]
