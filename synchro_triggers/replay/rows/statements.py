"""Statements that write many rows of one table at once: arrays on PostgreSQL, one prepared statement on SQLite.

MySQL and MariaDB get many updates in one message. Elsewhere, and for fields that need SQL of their own around their
values, Django's bulk methods do it. The arrays are what Django's ``bulk_create`` uses on PostgreSQL since 5.2; here
updates use them too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField, Field, Model
from django.db.models.fields import AutoFieldMixin

from ..schema.shape import Shape, shape_of
from ..schema.stored_types import has_placeholder, need_no_preparation
from .json_text import is_copied_as_text, text_of
from .redirects import NothingInserted
from .selecting import rows_of
from .values import create_instances
from .vendor import statements_of

Rows = Sequence[Sequence[Any]]


class RowsVanished(Exception):
    """An update found fewer rows than it was told of: somebody has deleted some meanwhile."""


def insert_texts(
    alias: str, model: type[Model], same: Mapping[str, str | int], names: Sequence[str], rows: Rows
) -> None:
    """Insert rows of texts and whole numbers, past the fields' own preparation.

    Args:
        same: attribute names to the value that all rows share.
        names: the attribute names that differ from row to row; others take the database's defaults.
        rows: their values.
    """
    connection = connections[alias]
    statements = statements_of(connection)
    if statements.INSERTS_TEXTS:
        columns = [list(column) for column in zip(*rows, strict=True)]
        statements.insert_texts(connection, model, same, names, columns)
        return
    fields = {field.attname: field for field in model._meta.concrete_fields}
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
    statements = statements_of(connection)
    if not statements.INSERTS_MANY or _need_django(fields):
        instances = [_instance(model, fields, row) for row in rows]
        create_instances(instances, shape_of(model), alias)
        return [] if given else [instance.pk for instance in instances]
    keys, inserted = statements.insert_many(connection, model, fields, _prepared(connection, fields, rows), given)
    if (inserted != len(rows) or None in keys) and not unsure:
        raise NothingInserted(model._meta.label, alias)
    return keys


def update_rows(
    alias: str, model: type[Model], key: Sequence[Field[Any, Any]], fields: Sequence[Field[Any, Any]], rows: Rows
) -> None:
    """Update rows by primary key.

    Args:
        model: the model, without parents.
        key: the fields of the primary key.
        fields: the fields to set.
        rows: the values of ``key`` and of ``fields``, a sequence a row.

    Raises:
        RowsVanished: not all of them are there; some may have been updated.
    """
    connection = connections[alias]
    everything = (*key, *fields)
    statements = statements_of(connection)
    if not statements.UPDATES_MANY or _need_django(everything):
        found = _update_by_django(alias, model, everything, len(key), rows)
    else:
        columns = _prepared(connection, everything, rows)
        found = statements.update_many(connection, model, key, fields, columns)
    if found != len(rows):
        raise RowsVanished(f"{model._meta.label}: {len(rows) - found} of {len(rows)} rows are gone")


def can_write_many(alias: str, shape: Shape) -> bool:
    """Tell whether many objects can be written at once: each has one key, and those of new rows can be learnt."""
    connection = connections[alias]
    if shape.other_parents:
        return False
    told = statements_of(connection).FORESEES_KEYS or connection.features.can_return_rows_from_bulk_insert
    return told or not shape.automatic_key


def _need_django(fields: Iterable[Any]) -> bool:
    """Tell whether values need SQL of their own around them."""
    return any(has_placeholder(field) and not type(field).__module__.startswith(_CASTS) for field in fields)


#: The placeholders of these fields are a cast to the column's type, which ours have too.
_CASTS = "django.contrib.postgres."


def _prepared(connection: BaseDatabaseWrapper, fields: Sequence[Any], rows: Rows) -> list[list[Any]]:
    """Return the values as the driver takes them, column by column."""
    columns: list[list[Any]] = []
    for number, field in enumerate(fields):
        column = [row[number] for row in rows]
        if is_copied_as_text(field):
            column = [text_of(field, value) for value in column]
        elif not need_no_preparation(field, column, connection):
            prepare = field.get_db_prep_save
            column = [prepare(value, connection) for value in column]
        columns.append(column)
    return columns


def _instance(model: type[Model], fields: Sequence[Any], row: Sequence[Any]) -> Any:
    instance = model()
    for field, value in zip(fields, row, strict=True):
        vars(instance)[field.attname] = value
    return instance


def _update_by_django(alias: str, model: type[Model], fields: Sequence[Any], key_parts: int, rows: Rows) -> int:
    if key_parts == 1:
        instances = [_instance(model, fields, row) for row in rows]
        return int(rows_of(model, alias).bulk_update(instances, [field.name for field in fields[1:]]))
    found = 0
    for row in rows:
        values = [(field.attname, value) for field, value in zip(fields, row, strict=True)]
        found += rows_of(model, alias).filter(**dict(values[:key_parts])).update(**dict(values[key_parts:]))
    return found
