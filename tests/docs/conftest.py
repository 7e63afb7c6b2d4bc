"""Two empty databases for whoever follows a page: as its settings have to name them."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(params=["sqlite", "postgres"])
def empty_databases(request, tmp_path):
    """The ``DATABASES`` of a project of two empty databases, ``default`` and ``main``."""
    if request.param == "sqlite":
        folder = tmp_path / "databases"
        folder.mkdir()
        engine = "django.db.backends.sqlite3"
        yield {alias: {"ENGINE": engine, "NAME": str(folder / alias)} for alias in ("default", "main")}
        return
    server = request.getfixturevalue("postgres_server")
    address = {"HOST": server.host, "PORT": server.port, "USER": server.user, "PASSWORD": server.password}
    names = {alias: f"page_{os.getpid()}_{alias}" for alias in ("default", "main")}
    with server.connect() as connection:
        for name in names.values():
            connection.execute(f'CREATE DATABASE "{name}"')
    engine = "django.db.backends.postgresql"
    yield {alias: {"ENGINE": engine, "NAME": name, **address} for alias, name in names.items()}
    with server.connect() as connection:
        for name in names.values():
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
