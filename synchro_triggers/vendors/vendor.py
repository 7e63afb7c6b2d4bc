"""Which vendors there are; what differs between them, and what each name means, is said in ``other``.

What differs in a log is in ``replay.log``, in statements for many rows in ``replay.rows``, in triggers in ``capture``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .addresses import address
from .mysql import MySQL
from .other import Database
from .postgres import Postgres
from .sqlite import SQLite

_DATABASES: dict[str, Database] = {"postgresql": Postgres(), "sqlite": SQLite(), "mysql": MySQL()}
_OTHER = Database()


def database_of(connection: BaseDatabaseWrapper) -> Database:
    """Return what differs in databases of a connection's vendor."""
    return database_named(connection.vendor)


def database_named(vendor: str) -> Database:
    """Return what differs in databases of a vendor, as Django names it."""
    return _DATABASES.get(vendor, _OTHER)


def address_of(connection: BaseDatabaseWrapper) -> tuple[str, ...] | None:
    """Return what is the same for two aliases if they lead to one database, as far as their settings tell."""
    return address(connection.vendor, database_of(connection), connection.settings_dict)


def server_of(connection: BaseDatabaseWrapper) -> tuple[str, int] | None:
    """Return host and port of the one server that an alias leads to, as far as its settings tell."""
    return database_of(connection).server(connection.vendor, connection.settings_dict)


@contextmanager
def writing_on(alias: str, *, dry_run: bool = False) -> Iterator[None]:
    """Open a transaction that may read before it writes, and waits for other writers as it begins.

    Args:
        alias: a database that has this package's tables.
        dry_run: nothing is written in it, and nobody is waited for.
    """
    with transaction.atomic(using=alias):
        if not dry_run:
            connection = connections[alias]
            database_of(connection).begin_to_write(connection)
        yield
