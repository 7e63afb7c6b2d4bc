"""Keys as triggers write them, read from the tables themselves: for rows that Python cannot read, or not look up."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError, connections
from django.db.models import AutoField, Model
from django.db.models.fields import AutoFieldMixin

from ...capture.logged_keys import key_and_table, times_as_logged
from ...capture.tables import captured_table, key_fields_of
from ...key_texts import is_encodable
from ...vendors.vendor import database_of
from .selecting import rows_with
from .vendor import fetch_texts, is_undecodable, quoting, statements_of


def is_of_one_object(error: Exception) -> bool:
    """Tell whether a row could not be read, or looked up, because of a value in it.

    So ``infinity``, a garbled number, no Unicode, and ``NaN``, which is read as a decimal that Django looks up none by.
    """
    of_values = (ValueError, TypeError, ArithmeticError, DataError, ValidationError)
    return isinstance(error, of_values) or is_undecodable(error)


def may_hide(alias: str, model: type[Model]) -> bool:
    """Tell whether a row may have a key that Python reads, and by which it is not found.

    SQLite stores what it is given: a UUID in capitals, a date without zeros, a blob. Not in the keys it gives out.
    """
    given_out = all(isinstance(field, (AutoField, AutoFieldMixin)) for field in key_fields_of(model))
    return database_of(connections[alias]).HOLDS_ANYTHING and not given_out


def are_found(alias: str, model: type[Model], keys: Collection[Any]) -> bool:
    """Tell whether each of the keys that were read of a table's rows finds one row: not a blob, nor two spellings."""
    return not keys or not may_hide(alias, model) or rows_with(model, alias, pk=keys).count() == len(keys)


def there_as_text(alias: str, model: type[Model], texts: Collection[str]) -> set[str]:
    """Return those of the logged keys whose rows are there. It reads the whole table: for few keys, and rarely.

    Args:
        model: the model; its own table is looked at.
        texts: keys as triggers write them.
    """
    connection = connections[alias]
    statements = statements_of(connection)
    key, table = key_and_table(connection, model)
    found: set[str] = set()
    wanted = list(dict.fromkeys(texts))
    if not database_of(connection).HOLDS_ANYTHING:
        wanted = [text for text in wanted if "\0" not in text and is_encodable(text)]
    with times_as_logged(connection):
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            marks, params = zip(*map(statements.logged_text, some), strict=True)
            sql = f"SELECT {key} FROM {table} AS t WHERE {key} IN ({', '.join(marks)})"
            found.update(text for (text,) in fetch_texts(connection, sql, params))
    return found


def texts_that_hide(alias: str, model: type[Model]) -> Iterator[str]:
    """Yield keys of a table as triggers write them, those among them that are stored in an unusual form.

    It reads the whole table: for what ``may_hide``, and rarely.
    """
    connection = connections[alias]
    key, table = key_and_table(connection, model)
    [part, *others] = captured_table(model).key
    usual = statements_of(connection).FOUND_AGAIN.get(part.kind, "") if not others else ""
    column = f"t.{quoting(connection)(part.column)}"
    where = f" WHERE NOT ({usual.format(column)})" if usual else ""
    for (text,) in fetch_texts(connection, f"SELECT {key} FROM {table} AS t{where}", []):
        yield text


def texts_after(alias: str, model: type[Model], last: str | None, size: int) -> list[str]:
    """Return the next keys of a table as triggers write them, in the order of their bytes."""
    connection = connections[alias]
    key, table = key_and_table(connection, model)
    statements = statements_of(connection)
    ordered, where, params = statements.in_byte_order(key), "", list[Any]()
    if last is not None:
        mark, text = statements.logged_text(last)
        where, params = f" WHERE {ordered} > {mark}", [text]
    with times_as_logged(connection):
        sql = f"SELECT {key} FROM {table} AS t{where} ORDER BY {ordered} LIMIT %s"
        return [text for (text,) in fetch_texts(connection, sql, [*params, size])]
