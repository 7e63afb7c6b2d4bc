"""Which vendors there are; what differs between them, and what each name means, is said in ``other``.

What differs in a log is in ``replay.log``, in statements for many rows in ``replay.rows``, in triggers in ``capture``.
"""

from __future__ import annotations

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
