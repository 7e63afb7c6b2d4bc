"""The databases a test runs on: which vendor pairs there are, and how Django is pointed at one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import setup_databases, teardown_databases

from tests.postgres_server import PostgresServer

Vendor = Literal["sqlite", "postgres"]

ALIASES = ("default", "remote")

both = pytest.mark.django_db(databases=ALIASES)
"""Mark of a test that uses both databases and is rolled back at its end: ``pytestmark = both``."""

both_committed = pytest.mark.django_db(databases=ALIASES, transaction=True)
"""The same for a test that commits, as threads and processes of its own need; both are flushed at its end."""


@dataclass(frozen=True)
class Pair:
    """The vendors of the two databases of a test.

    Attributes:
        name: the pair as ``--pairs`` and test ids spell it.
        local: vendor of ``default``, the database that is captured.
        remote: vendor of ``remote``, the database that is synchronised to.
    """

    name: str
    local: Vendor
    remote: Vendor

    def __str__(self) -> str:
        return self.name

    @property
    def needs_postgres(self) -> bool:
        return "postgres" in (self.local, self.remote)


PAIRS = {
    pair.name: pair
    for pair in (
        Pair("sqlite", "sqlite", "sqlite"),
        Pair("postgres", "postgres", "postgres"),
        Pair("sqlite-to-postgres", "sqlite", "postgres"),
        Pair("postgres-to-sqlite", "postgres", "sqlite"),
    )
}
DEFAULT_PAIRS = ("sqlite", "postgres")


def known_pairs(names: Iterable[str]) -> list[str]:
    """Return ``names`` without duplicates, in the order of ``PAIRS``.

    Raises:
        ValueError: a name is no pair.
    """
    wanted = set(names)
    if unknown := sorted(wanted - PAIRS.keys()):
        raise ValueError(f"no such vendor pair: {', '.join(unknown)} (there are {', '.join(PAIRS)})")
    return [name for name in PAIRS if name in wanted]


def pairs_of_test(only: Collection[str], *, all_pairs: bool) -> list[str]:
    """Return the pairs a test runs on.

    Args:
        only: arguments of the test's ``vendor`` mark, empty without one.
        all_pairs: whether the test carries the ``all_pairs`` mark. ``only`` is narrower and wins.

    Raises:
        ValueError: ``only`` holds a name that is no pair.
    """
    return known_pairs(only or (PAIRS if all_pairs else DEFAULT_PAIRS))


def create_databases(pair: Pair, folder: Path, server: PostgresServer | None) -> list[Any]:
    """Point both aliases at new, migrated test databases of the pair's vendors.

    Args:
        pair: the vendors.
        folder: where SQLite files are made.
        server: where PostgreSQL databases are made; may be None when the pair needs none.

    Returns:
        What ``destroy_databases`` wants.
    """
    _point_aliases_at(
        {
            "default": _alias_settings("default", pair.local, folder, server),
            "remote": _alias_settings("remote", pair.remote, folder, server),
        }
    )
    return setup_databases(verbosity=0, interactive=False, aliases=dict.fromkeys(ALIASES), serialized_aliases=())


def destroy_databases(created: list[Any]) -> None:
    """Remove the databases that ``create_databases`` made."""
    for alias in ALIASES:
        _end_other_sessions(connections[alias])
    teardown_databases(created, verbosity=0)
    _forget_connections()


def install_triggers() -> None:
    """Install capture on both databases, as they are when a test starts.

    A test that changes triggers or the schema for good calls this at its end.
    """
    call_command("synchro_install_triggers", "--database", "default", "--database", "remote", verbosity=0)


def _alias_settings(alias: str, vendor: Vendor, folder: Path, server: PostgresServer | None) -> dict[str, Any]:
    if vendor == "sqlite":
        file = str(folder / f"{alias}.sqlite3")
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": file,
            # Nothing here has to survive a power failure; killed processes lose nothing by it.
            "OPTIONS": {"timeout": 20, "init_command": "PRAGMA synchronous = OFF"},
            # Without a name the test database would be in memory, where other processes cannot see it.
            "TEST": {"NAME": file},
        }

    assert server is not None, "a pair with PostgreSQL needs a server"
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": server.database,
        "USER": server.user,
        "PASSWORD": server.password,
        "HOST": server.host,
        "PORT": server.port,
        "TEST": {"NAME": f"test_synchro_{alias}"},
    }


def _point_aliases_at(databases: dict[str, dict[str, Any]]) -> None:
    _forget_connections()
    # In place: settings.DATABASES is the same dict and has to say the same.
    connections.settings.clear()
    connections.settings.update(connections.configure_settings(databases))


def _forget_connections() -> None:
    """Drop this thread's connection objects: each keeps the engine and the settings it was made with."""
    for connection in connections.all(initialized_only=True):
        connection.close()
        del connections[connection.alias]


def _end_other_sessions(connection: BaseDatabaseWrapper) -> None:
    """End what a test's threads, processes or pools left open: PostgreSQL drops no database in use."""
    if connection.vendor != "postgresql":
        return

    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT pg_terminate_backend(pid)
              FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
        """)
