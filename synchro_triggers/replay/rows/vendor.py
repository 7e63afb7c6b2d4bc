"""Which statements for many rows there are; what each name means is said in ``other``."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from .mysql import MySQLStatements
from .other import Statements
from .other import quoting as quoting
from .postgres import PostgresStatements
from .sqlite import SQLiteStatements
from .sqlite import is_undecodable as is_undecodable

_STATEMENTS: dict[str, Statements] = {
    "postgresql": PostgresStatements(),
    "sqlite": SQLiteStatements(),
    "mysql": MySQLStatements(),
}
_OTHER = Statements()


def statements_of(connection: BaseDatabaseWrapper) -> Statements:
    """Return the statements of a connection's vendor."""
    return _STATEMENTS.get(connection.vendor, _OTHER)


def fetch_texts(connection: BaseDatabaseWrapper, sql: str, params: Any) -> list[Any]:
    """Return the rows of a query as ``Statements.fetch_texts`` does."""
    return statements_of(connection).fetch_texts(connection, sql, params)
