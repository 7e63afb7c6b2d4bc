"""A connection whose database does not have some tables of the models: Django finds no rows in them there.

So it is in every statement that Django makes for this connection: a delete, which looks in all tables that may point to
its row, finds none there. What writes such a row fails, as ever: it would be lost.

Relies on: each statement is compiled by a class that ``connection.ops.compiler()`` returns; the tables that it reads
are in ``query.alias_map``, and ``EmptyResultSet`` means that there is nothing to ask for (part ``compilers`` of
``expected``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from functools import cache
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models.sql.constants import LOUTER


@contextmanager
def tables_missing(alias: str, tables: Iterable[str]) -> Iterator[None]:
    """Let this thread's connection find no rows in some tables in the block.

    Args:
        alias: the database.
        tables: their names, as models have them; none: everything is as ever.
    """
    connection, missing = connections[alias], frozenset(tables)
    if not missing:
        yield
        return
    before, compiler_of = connection.ops, connection.ops.compiler
    ops: Any = copy(before)
    ops.compiler = lambda name: _without(compiler_of(name), name, missing)  # type: ignore[arg-type]
    connection.ops = ops
    try:
        yield
    finally:
        connection.ops = before


@cache
def _without(compiler: type[Any], name: str, missing: frozenset[str]) -> type[Any]:
    own = {"SQLDeleteCompiler": _Changing, "SQLUpdateCompiler": _Changing, "SQLInsertCompiler": object}
    kind = own.get(name, _Reading)
    if kind is object:
        return compiler
    return type(f"{compiler.__name__}WithoutTables", (kind, compiler), {"missing_tables": missing})


class _Reading:
    """A compiler that asks for nothing where a table is missing that each row would have to come from."""

    missing_tables: frozenset[str]
    query: Any

    def get_from_clause(self) -> Any:
        query = self.query
        for alias, each in tuple(query.alias_map.items()):
            is_needed = query.alias_refcount[alias] and getattr(each, "join_type", None) != LOUTER
            if is_needed and each.table_name in self.missing_tables:
                raise EmptyResultSet
        return super().get_from_clause()  # type: ignore[misc]  # it stands before a compiler


class _Changing(_Reading):
    """A compiler that changes nothing in a table that is missing."""

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        self.query.get_initial_alias()
        if self.query.alias_map[self.query.base_table].table_name in self.missing_tables:
            raise EmptyResultSet
        return super().as_sql(*args, **kwargs)  # type: ignore[misc]

    def execute_sql(self, *args: Any, **kwargs: Any) -> Any:
        """Return how many rows were changed: 0 where nothing was asked for."""
        return super().execute_sql(*args, **kwargs) or 0  # type: ignore[misc]

    def execute_returning_sql(self, returning_fields: Any) -> Any:
        """Return what the database made of it (since Django 6.0): of no row, nothing."""
        try:
            return super().execute_returning_sql(returning_fields)  # type: ignore[misc]
        except EmptyResultSet:
            return []
