"""The two databases of a test as they were prepared, put back as often as a test wants to begin anew."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
from django.db import connections
from psycopg.sql import SQL, Identifier, Literal

from tests.databases import ALIASES
from tests.postgres_server import PostgresServer


class Prepared(Protocol):
    """A database as it was prepared."""

    def put_back(self) -> None:
        """Let it be so again, whatever a process has left there that was killed."""


@contextmanager
def set_stage(server: PostgresServer | None) -> Iterator[tuple[Prepared, ...]]:
    """Yield both databases as they are now, to be put back: at the same place, so that nobody takes them for copies.

    Args:
        server: where those are that are on PostgreSQL.
    """
    connections.close_all()
    with ExitStack() as stack:
        prepared: list[Prepared] = []
        for alias in ALIASES:
            name = str(connections.settings[alias]["NAME"])
            if connections[alias].vendor == "sqlite":
                prepared.append(PreparedFile(name))
                continue
            assert server is not None
            prepared.append(PreparedTables(stack.enter_context(server.connect(name))))
        yield tuple(prepared)


class PreparedFile:
    """An SQLite database."""

    def __init__(self, name: str) -> None:
        self._name, self._kept = name, f"{name}-prepared"
        shutil.copyfile(self._name, self._kept)

    def put_back(self) -> None:
        """See ``Prepared``."""
        # What a killed process has left beside the file belongs to what the file was.
        Path(f"{self._name}-journal").unlink(missing_ok=True)
        shutil.copyfile(self._kept, self._name)  # in place: the file's number stays


class PreparedTables:
    """A PostgreSQL database: a new one from a template takes many times longer than the few rows that a test writes.

    Args:
        connection: to it.
    """

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        tables = [
            Identifier(name)
            for (name,) in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename ~ '^(testapp|synchro)_'"
            )
        ]
        connection.execute("CREATE SCHEMA prepared")
        for table in tables:
            connection.execute(SQL("CREATE TABLE prepared.{0} AS SELECT * FROM {0}").format(table))
        sequences = connection.execute(
            "SELECT schemaname || '.' || sequencename, last_value FROM pg_sequences"
            " WHERE schemaname = 'public' AND sequencename ~ '^(testapp|synchro)_'"
        )
        self._statements = SQL("; ").join(
            [
                SQL("SET session_replication_role = replica"),
                *(SQL("DELETE FROM {0}; INSERT INTO {0} SELECT * FROM prepared.{0}").format(each) for each in tables),
                *(
                    SQL("SELECT setval({}, {}, {})").format(
                        Literal(name), Literal(last or 1), Literal(last is not None)
                    )
                    for name, last in sequences
                ),
            ]
        )

    def put_back(self) -> None:
        """See ``Prepared``."""
        while self._others():  # the server has not seen yet that the process is gone
            time.sleep(0.002)
        with self._connection.transaction():
            self._connection.execute(self._statements)

    def _others(self) -> int:
        rows = self._connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return len(rows.fetchall())
