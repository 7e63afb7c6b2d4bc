"""A connection whose database does not have some columns of the models: Django does without them there.

What reads such a column reads NULL, and what writes it leaves it out, in every statement that Django makes for this
connection: those of ``save()`` and of receivers, too.

Relies on: each statement is compiled by a class that ``connection.ops.compiler()`` returns, columns by its
``compile()``, an insert's from ``query.fields`` and an update's from ``query.values`` (part ``compilers`` of
``expected``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from functools import cache
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F
from django.db.models.expressions import Col

_MISSING = "_synchro_missing_columns"


def missing_on(connection: BaseDatabaseWrapper) -> frozenset[Any]:
    """Return the fields whose columns a connection does without."""
    found: frozenset[Any] = getattr(connection, _MISSING, frozenset())
    return found


@contextmanager
def columns_missing(alias: str, fields: Iterable[Any]) -> Iterator[None]:
    """Let this thread's connection do without the columns of some fields in the block.

    Args:
        alias: the database.
        fields: those of the models that have the tables; none: everything is as ever.
    """
    connection, missing = connections[alias], frozenset(fields)
    if not missing:
        yield
        return
    before, compiler_of = connection.ops, connection.ops.compiler
    known = missing_on(connection)
    ops: Any = copy(before)
    ops.compiler = lambda name: _without(compiler_of(name), name, missing)  # type: ignore[arg-type]
    connection.ops = ops
    setattr(connection, _MISSING, missing)
    try:
        yield
    finally:
        connection.ops = before
        setattr(connection, _MISSING, known)


@cache
def _without(compiler: type[Any], name: str, missing: frozenset[Any]) -> type[Any]:
    base = type(f"{compiler.__name__}WithoutColumns", (_Reading, compiler), {"missing": missing})
    own = {"SQLInsertCompiler": _Inserting, "SQLUpdateCompiler": _Updating}.get(name)
    return base if own is None else type(base.__name__, (own, base), {})


class _Reading:
    """A compiler to which columns that are missing are NULL."""

    missing: frozenset[Any]

    def compile(self, node: Any) -> Any:
        if isinstance(node, Col) and node.target in self.missing:
            return "NULL", []
        return super().compile(node)  # type: ignore[misc]  # it stands before a compiler


class _Inserting:
    """A compiler that inserts the other columns alone."""

    missing: frozenset[Any]
    query: Any

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        self.query.fields = [field for field in self.query.fields if field not in self.missing]
        return super().as_sql(*args, **kwargs)  # type: ignore[misc]

    def execute_sql(self, returning_fields: Any = None) -> Any:
        """Return what the database gave out; NULL for what is missing."""
        return _returned(super().execute_sql, returning_fields, self.missing)  # type: ignore[misc]


def _returned(execute: Callable[[Any], Any], returning_fields: Any, missing: frozenset[Any]) -> Any:
    asked = list(returning_fields or ())
    there = [field for field in asked if field not in missing]
    rows = execute(there)
    if len(there) == len(asked) or not rows:
        return rows
    return [tuple(_spread(row, asked, missing)) for row in rows]


def _spread(row: Any, asked: Iterable[Any], missing: frozenset[Any]) -> Iterator[Any]:
    values = iter(row)
    for field in asked:
        yield None if field in missing else next(values)


class _Updating:
    """A compiler that updates the other columns alone; where there is none, a row is found all the same."""

    missing: frozenset[Any]
    query: Any

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        there = [each for each in self.query.values if each[0] not in self.missing]
        if self.query.values and not there:
            key = self.query.get_meta().pk
            there = [(key, None, F(key.attname))]
        self.query.values = there
        return super().as_sql(*args, **kwargs)  # type: ignore[misc]

    def execute_returning_sql(self, returning_fields: Any) -> Any:
        """Return what the database made of it (since Django 6.0); NULL for what is missing."""
        return _returned(super().execute_returning_sql, returning_fields, self.missing)  # type: ignore[misc]
