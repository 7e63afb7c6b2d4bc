"""Single rows of this package's own tables, read and written without a queryset.

A run reads its checkpoint and renews its lease half a dozen times. To build a queryset and compile it takes longer
than all else about such a statement.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model
from django.db.models.sql import Query

from ...models import Checkpoint, MetNode
from ...moment import UtcNow
from ...vendors.vendor import database_of

M = TypeVar("M", bound=Model)


def read_rows(model: type[M], alias: str, *, defer: tuple[str, ...] = (), **values: object) -> list[M]:
    """Return the rows whose fields have these values, in no order.

    Args:
        model: a model of this package.
        alias: the database.
        defer: names of fields that are not read, as of ``QuerySet.defer()``.
        **values: at least one field, and its value; ``None`` is NULL.

    Example:
        ``read_rows(Checkpoint, "remote", source=node_id("default"))``
    """
    return [row for row, _ in read_rows_and(model, alias, "NULL", defer=defer, **values)]


def read_rows_and(
    model: type[M], alias: str, also: str, *, defer: tuple[str, ...] = (), **values: object
) -> list[tuple[M, Any]]:
    """Return the same, each row with what else was asked in the same statement.

    Args:
        also: SQL of one value.
        model, alias, defer, **values: as for ``read_rows()``.
    """
    connection = connections[alias]
    names, columns, converters = _reading(model, _kind_of(connection), defer)
    condition, params = _condition(model, connection, values)
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns}, {also} FROM {table} WHERE {condition}", params)
        found = [list(row) for row in cursor.fetchall()]
    _convert(found, converters, connection)
    return [(model.from_db(alias, names, row[:-1]), row[-1]) for row in found]


def _convert(rows: list[list[Any]], converters: list[tuple[int, Any, Any]], connection: BaseDatabaseWrapper) -> None:
    for place, expression, converter in converters:
        for row in rows:
            row[place] = converter(row[place], expression, connection)


def has_rows(model: type[Model], alias: str, **values: object) -> bool:
    """Tell whether there is a row, or one whose fields have these values; arguments as for ``read_rows()``."""
    connection = connections[alias]
    condition, params = _condition(model, connection, values)
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {table} WHERE {condition} LIMIT 1", params)
        return cursor.fetchone() is not None


def have_rows(alias: str, *models: type[Model]) -> bool:
    """Tell whether one of the models has a row; one statement for all of them."""
    quote = connections[alias].ops.quote_name
    asked = " OR ".join(f"EXISTS (SELECT 1 FROM {quote(model._meta.db_table)})" for model in models)
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT {asked}")
        return bool(cursor.fetchone()[0])


def is_asked_for_versions(alias: str, source: str) -> bool:
    """Tell whether somebody will ask a database which versions of objects it has received from ``source``.

    Those to whom it sends do, and those who send to it, too. Where changes go one way between two databases, nobody
    does, and both are spared writing it down.
    """
    names = [connections[alias].ops.quote_name(model._meta.db_table) for model in (MetNode, Checkpoint)]
    with connections[alias].cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT 1 FROM {names[0]}) OR EXISTS (SELECT 1 FROM {names[1]} WHERE source <> %s)",
            [source],
        )
        return bool(cursor.fetchone()[0])


def update_rows(model: type[Model], alias: str, values: dict[str, object], **where: object) -> int:
    """Write values into the rows whose fields have others.

    Args:
        model: a model of this package.
        alias: the database.
        values: fields and their new values; ``UtcNow()`` is the database's clock.
        **where: at least one field, and what it must be; ``None`` is NULL.

    Returns:
        How many rows there were.

    Example:
        ``update_rows(Checkpoint, "remote", {"run_seen": UtcNow()}, source=source, run_id=run_id)``
    """
    connection = connections[alias]
    assignments, new = _terms(model, connection, values)
    condition, known = _condition(model, connection, where)
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {', '.join(assignments)} WHERE {condition}", [*new, *known])
        return int(cursor.rowcount)


def insert_row(row: Model, alias: str) -> None:
    """Insert a row whose key the database gives out, in one statement, which is a transaction where none is open.

    Args:
        row: of a model of this package; gets its key.
        alias: a database that returns the keys of what is inserted.
    """
    connection, model = connections[alias], type(row)
    quote = connection.ops.quote_name
    fields: list[Any] = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(quote(field.column) for field in fields)
    values = [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({', '.join(['%s'] * len(fields))})"
            f" RETURNING {quote(str(model._meta.pk.column))}",
            values,
        )
        row.pk = cursor.fetchone()[0]


def take_row(model: type[M], alias: str, values: dict[str, object], **where: object) -> M | None:
    """Write values into the one row whose fields have others, unless somebody else is about to; wait for nobody.

    Args:
        model, alias, values, **where: as for ``update_rows()``.

    Returns:
        The row as it is now. ``None``: there is none, somebody has locked it, or the database does not return rows
        that it updates: nothing was written.
    """
    connection = connections[alias]
    differs = database_of(connection)
    if not differs.RETURNS_UPDATED or not (differs.PAST_LOCKED or has_rows(model, alias, **where)):
        return None
    names, columns, converters = _reading(model, _kind_of(connection), ())
    assignments, new = _terms(model, connection, values)
    condition, known = _condition(model, connection, where)
    quote = connection.ops.quote_name
    table, key = quote(model._meta.db_table), quote(str(model._meta.pk.column))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {', '.join(assignments)} WHERE {key} ="
            f" (SELECT {key} FROM {table} WHERE {condition}{differs.PAST_LOCKED}) RETURNING {columns}",
            [*new, *known],
        )
        found = [list(row) for row in cursor.fetchall()]
    _convert(found, converters, connection)
    return next((model.from_db(alias, names, row) for row in found), None)


def _condition(model: type[Model], connection: BaseDatabaseWrapper, values: dict[str, object]) -> tuple[str, list[Any]]:
    """Return the SQL of a condition that holds where all of the fields have these values, and its parameters."""
    terms, params = _terms(model, connection, {name: value for name, value in values.items() if value is not None})
    nulls: list[Any] = [model._meta.get_field(name) for name, value in values.items() if value is None]
    terms += [f"{connection.ops.quote_name(field.column)} IS NULL" for field in nulls]
    return " AND ".join(terms) or "1 = 1", params


def _terms(
    model: type[Model], connection: BaseDatabaseWrapper, values: dict[str, object]
) -> tuple[list[str], list[Any]]:
    """Return ``column = value`` as SQL for each of the fields, and the parameters."""
    clock = _clock(model, _kind_of(connection))
    terms: list[str] = []
    params: list[Any] = []
    for name, value in values.items():
        field: Any = model._meta.get_field(name)
        is_clock = isinstance(value, UtcNow)
        terms.append(f"{connection.ops.quote_name(field.column)} = {clock if is_clock else '%s'}")
        if not is_clock:
            params.append(field.get_db_prep_save(value, connection))
    return terms, params


@cache
def _clock(model: type[Model], kind: Any) -> str:
    sql, _ = Query(model).get_compiler(connection=_of_kind(kind)).compile(UtcNow())
    return str(sql)


@cache
def _reading(
    model: type[Model], kind: Any, defer: tuple[str, ...]
) -> tuple[list[str], str, list[tuple[int, Any, Any]]]:
    """Return the names of the fields that are read, their columns as SQL, and what converts the n-th of them."""
    connection = _of_kind(kind)
    fields = [field for field in model._meta.concrete_fields if field.name not in defer]
    converters = []
    for place, field in enumerate(fields):
        column = field.get_col(model._meta.db_table)
        convert = [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]
        converters += [(place, column, converter) for converter in convert]
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    return [field.attname for field in fields], columns, converters


def _kind_of(connection: BaseDatabaseWrapper) -> Any:
    return type(connection)  # what is compiled hangs on no more, and a connection comes and goes with its thread


def _of_kind(kind: Any) -> BaseDatabaseWrapper:
    return next(each for each in connections.all(initialized_only=True) if type(each) is kind)
