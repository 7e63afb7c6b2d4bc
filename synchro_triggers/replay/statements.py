"""Statements that write many rows of one table at once: arrays on PostgreSQL, one prepared statement on SQLite.

MySQL and MariaDB get many updates in one message. Elsewhere, and for fields that need SQL of their own around their
values, Django's bulk methods do it. The arrays are what Django's ``bulk_create`` uses on PostgreSQL since 5.2; here
updates use them too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField, BigIntegerField, BinaryField, Field, Model
from django.db.models.fields import AutoFieldMixin

from .json_text import is_copied_as_text, text_of
from .mysql import update_many
from .params import array_parameter, need_no_preparation
from .redirects import NothingInserted
from .rows import base_type, rows_of
from .sequences import next_key
from .shape import Shape, shape_of
from .writing import create_instances

Rows = Sequence[Sequence[Any]]


class RowsVanished(Exception):
    """An update found fewer rows than it was told of: somebody has deleted some meanwhile."""


def insert_texts(alias: str, model: type[Model], same: dict[str, str], names: Sequence[str], rows: Rows) -> None:
    """Insert rows of texts and whole numbers, past the fields' own preparation.

    Args:
        alias: the database.
        model: the model.
        same: attribute names to the value that all rows share.
        names: the attribute names that differ from row to row; others take the database's defaults.
        rows: their values.
    """
    connection = connections[alias]
    columns = [list(column) for column in zip(*rows, strict=True)]
    fields = {field.attname: field for field in model._meta.concrete_fields}
    if connection.vendor == "postgresql":
        quote = quoting(connection)
        marks = ", ".join(["%s::text"] * len(same))
        kinds = ["bigint" if isinstance(fields[name], BigIntegerField) else "text" for name in names]
        arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(map(quote, (*same, *names)))})"
                f" SELECT {marks}, new.* FROM unnest({arrays}) AS new",
                [*same.values(), *map(array_parameter, columns, kinds)],
            )
        return
    given = [fields[name] for name in (*same, *names)]
    insert_rows(alias, model, given, [(*same.values(), *row) for row in rows])


def insert_rows(
    alias: str, model: type[Model], fields: Sequence[Field[Any, Any]], rows: Rows, *, unsure: bool = False
) -> list[Any]:
    """Insert rows.

    Args:
        alias: the database; a transaction must be open there, which has written already.
        model: the model, without parents.
        fields: the fields that have values; without the automatic primary key, the database gives it out.
        rows: a sequence of values a row, in the order of ``fields``.
        unsure: an insert may return nothing although the row is there: whoever calls looks for it.

    Returns:
        The primary keys that the database gave out, in the order of the rows; nothing if they were given.

    Raises:
        NothingInserted: the database has counted or returned fewer rows; some may have been inserted.
    """
    connection = connections[alias]
    key: Any = model._meta.pk
    given = any(field.primary_key for field in fields) or not isinstance(key, (AutoField, AutoFieldMixin))
    if connection.vendor == "mysql" or _needs_django(connection, fields):
        instances = [_instance(model, fields, row) for row in rows]
        create_instances(instances, shape_of(model), alias)
        return [] if given else [instance.pk for instance in instances]
    prepared = _prepared(connection, fields, rows)
    insert = _insert_postgres if connection.vendor == "postgresql" else _insert_prepared
    keys, inserted = insert(connection, model, fields, prepared, given)
    if (inserted != len(rows) or None in keys) and not unsure:
        raise NothingInserted(model._meta.label, alias)
    return keys


def update_rows(
    alias: str, model: type[Model], key: Sequence[Field[Any, Any]], fields: Sequence[Field[Any, Any]], rows: Rows
) -> None:
    """Update rows by primary key.

    Args:
        alias: the database.
        model: the model, without parents.
        key: the fields of the primary key.
        fields: the fields to set.
        rows: the values of ``key`` and of ``fields``, a sequence a row.

    Raises:
        RowsVanished: not all of them are there; some may have been updated.
    """
    connection = connections[alias]
    everything = (*key, *fields)
    if _needs_django(connection, everything):
        found = _update_by_django(alias, model, everything, len(key), rows)
    elif connection.vendor == "postgresql":
        found = _update_postgres(connection, model, key, fields, _prepared(connection, everything, rows))
    else:
        update = _update_prepared if connection.vendor == "sqlite" else update_many
        found = update(connection, model, key, fields, _prepared(connection, everything, rows))
    if found != len(rows):
        raise RowsVanished(f"{model._meta.label}: {len(rows) - found} of {len(rows)} rows are gone")


def can_write_many(alias: str, shape: Shape) -> bool:
    """Tell whether many objects can be written at once: each has one key, and those of new rows can be learnt."""
    connection = connections[alias]
    if shape.other_parents:
        return False
    return (
        not shape.automatic_key or connection.vendor == "sqlite" or connection.features.can_return_rows_from_bulk_insert
    )


def quoting(connection: BaseDatabaseWrapper) -> Callable[[str], str]:
    """Return what quotes a name for a statement with parameters, where a percent sign stands for itself twice."""
    return lambda name: connection.ops.quote_name(name).replace("%", "%%")


def _needs_django(connection: BaseDatabaseWrapper, fields: Iterable[Any]) -> bool:
    """Tell whether values need SQL of their own around them, or the vendor is one that we know too little of."""
    if connection.vendor not in {"postgresql", "sqlite", "mysql"}:
        return True
    return any(has_placeholder(field) and not type(field).__module__.startswith(_CASTS) for field in fields)


#: The placeholders of these fields are a cast to the column's type, which ours have too.
_CASTS = "django.contrib.postgres."


def has_placeholder(field: Any) -> bool:
    """Tell whether a field's values need SQL of their own around them."""
    if type(field) is BinaryField:  # whose is the usual one, on the vendors that we write statements for
        return False
    return hasattr(field, "get_placeholder") or hasattr(field, "get_placeholder_sql")


def _prepared(connection: BaseDatabaseWrapper, fields: Sequence[Any], rows: Rows) -> list[list[Any]]:
    """Return the values as the driver takes them, column by column."""
    columns: list[list[Any]] = []
    for number, field in enumerate(fields):
        column = [row[number] for row in rows]
        if is_copied_as_text(field):
            column = [text_of(field, value) for value in column]
        elif not need_no_preparation(field, column, connection.vendor):
            prepare = field.get_db_prep_save
            column = [prepare(value, connection) for value in column]
        columns.append(column)
    return columns


def _instance(model: type[Model], fields: Sequence[Any], row: Sequence[Any]) -> Any:
    instance = model()
    for field, value in zip(fields, row, strict=True):
        instance.__dict__[field.attname] = value
    return instance


def _update_by_django(alias: str, model: type[Model], fields: Sequence[Any], key_parts: int, rows: Rows) -> int:
    if key_parts == 1:
        instances = [_instance(model, fields, row) for row in rows]
        return int(rows_of(model, alias).bulk_update(instances, [field.name for field in fields[1:]]))
    found = 0
    for row in rows:
        values = {field.attname: value for field, value in zip(fields, row, strict=True)}
        names = list(values)
        at = {name: values[name] for name in names[:key_parts]}
        found += rows_of(model, alias).filter(**at).update(**{name: values[name] for name in names[key_parts:]})
    return found


# PostgreSQL ---------------------------------------------------------------------------------------


def _insert_postgres(
    connection: BaseDatabaseWrapper,
    model: type[Model],
    fields: Sequence[Any],
    columns: list[list[Any]],
    given: bool,
) -> tuple[list[Any], int]:
    quote = quoting(connection)
    names = ", ".join(quote(field.column) for field in fields)
    source, params = _source(connection, fields, columns)
    sql = f"INSERT INTO {quote(model._meta.db_table)} ({names}) SELECT * FROM {source} AS new"
    key: Any = model._meta.pk
    with connection.cursor() as cursor:
        cursor.execute(sql if given else f"{sql} RETURNING {quote(key.column)}", params)
        keys = [] if given else [row[0] for row in cursor.fetchall()]
        return keys, cursor.rowcount if given else len(keys)


def _update_postgres(
    connection: BaseDatabaseWrapper,
    model: type[Model],
    key: Sequence[Any],
    fields: Sequence[Any],
    columns: list[list[Any]],
) -> int:
    quote = quoting(connection)
    table = quote(model._meta.db_table)
    names = [f"v{number}" for number in range(len(columns))]
    values = ", ".join(
        f"{quote(field.column)} = new.{name}" for field, name in zip(fields, names[len(key) :], strict=True)
    )
    same = " AND ".join(f"{table}.{quote(part.column)} = new.{name}" for part, name in zip(key, names, strict=False))
    source, params = _source(connection, (*key, *fields), columns)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {values} FROM {source} AS new ({', '.join(names)}) WHERE {same}", params)
        return int(cursor.rowcount)


def _source(connection: BaseDatabaseWrapper, fields: Sequence[Any], columns: list[list[Any]]) -> tuple[str, list[Any]]:
    """Return the rows as something to select from: an array a column, or, where an array cannot hold them, values."""
    types = [base_type(field, connection) for field in fields]
    if all(_fits_array(connection, field) for field in fields):
        arrays = [array_parameter(column, name) for column, name in zip(columns, types, strict=True)]
        return f"unnest({', '.join(f'%s::{name}[]' for name in types)})", arrays
    row = f"({', '.join(f'%s::{name}' for name in types)})"
    rows = list(zip(*columns, strict=True))
    return f"(VALUES {', '.join([row] * len(rows))})", [value for values in rows for value in values]


def _fits_array(connection: BaseDatabaseWrapper, field: Any) -> bool:
    stored = field.target_field if field.is_relation else field
    return not has_placeholder(field) and stored.get_internal_type() in connection.data_types


# SQLite -------------------------------------------------------------------------------------------


def _insert_prepared(
    connection: BaseDatabaseWrapper,
    model: type[Model],
    fields: Sequence[Any],
    columns: list[list[Any]],
    given: bool,
) -> tuple[list[Any], int]:
    quote = quoting(connection)
    key: Any = model._meta.pk
    keys: list[int] = []
    named = [field.column for field in fields]
    if not given:
        first = next_key(connection, model)
        keys = list(range(first, first + len(columns[0])))
        named, columns = [key.column, *named], [list(keys), *columns]
    names, marks = ", ".join(map(quote, named)), ", ".join(["%s"] * len(named))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({marks})", list(zip(*columns, strict=True))
        )
        return keys, cursor.rowcount


def _update_prepared(
    connection: BaseDatabaseWrapper,
    model: type[Model],
    key: Sequence[Any],
    fields: Sequence[Any],
    columns: list[list[Any]],
) -> int:
    quote = quoting(connection)
    values = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    same = " AND ".join(f"{quote(part.column)} = %s" for part in key)
    turned = [*columns[len(key) :], *columns[: len(key)]]
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {quote(model._meta.db_table)} SET {values} WHERE {same}", list(zip(*turned, strict=True))
        )
        return int(cursor.rowcount)
