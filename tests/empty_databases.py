"""Two empty databases of one vendor, for a project that is none of the test run's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.postgres_server import PostgresServer


@contextmanager
def empty_databases(
    vendor: str, folder: Path, server: Callable[[], PostgresServer]
) -> Iterator[dict[str, dict[str, Any]]]:
    """Make ``default`` and ``main``, and remove them at the end; yield ``DATABASES``.

    Args:
        vendor: ``sqlite`` or ``postgres``.
        folder: where the files of SQLite are made.
        server: gives the PostgreSQL server, if one is needed.
    """
    if vendor == "sqlite":
        folder.mkdir()
        engine = "django.db.backends.sqlite3"
        yield {alias: {"ENGINE": engine, "NAME": str(folder / alias)} for alias in ("default", "main")}
        return
    where = server()
    address = {"HOST": where.host, "PORT": where.port, "USER": where.user, "PASSWORD": where.password}
    names = {alias: f"empty_{os.getpid()}_{alias}" for alias in ("default", "main")}
    with where.connect() as connection:
        for name in names.values():
            connection.execute(f'CREATE DATABASE "{name}"')
    try:
        engine = "django.db.backends.postgresql"
        yield {alias: {"ENGINE": engine, "NAME": name, **address} for alias, name in names.items()}
    finally:
        with where.connect() as connection:
            for name in names.values():
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
