"""Keys as triggers write them, read from the tables themselves: for rows that Python cannot read, or not look up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DataError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField, Model
from django.db.models.fields import AutoFieldMixin

from ...capture.logged_keys import key_and_table, times_as_logged
from ...capture.tables import captured_table, key_fields_of
from ...key_texts import is_encodable


def is_of_one_object(error: Exception) -> bool:
    """Tell whether a row could not be read because of a value in it: ``infinity``, a garbled number, no Unicode."""
    return isinstance(error, (ValueError, TypeError, ArithmeticError, DataError)) or is_undecodable(error)


def is_undecodable(error: Exception) -> bool:
    """Tell SQLite's error about a text that is no UTF-8."""
    return isinstance(error, OperationalError) and "Could not decode to UTF-8" in str(error)


def fetch_texts(connection: BaseDatabaseWrapper, sql: str, params: Any) -> list[Any]:
    """Return the rows of a query; bytes in texts that are no UTF-8 become surrogates, and blobs become texts."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            rows = cursor.fetchall()
            return _without_blobs(rows) if connection.vendor == "sqlite" else list(rows)
    except OperationalError as error:
        if not is_undecodable(error):
            raise
    with _any_text(connection), connection.cursor() as cursor:
        cursor.execute(sql, params)
        return _without_blobs(cursor.fetchall())


def _without_blobs(rows: Iterable[Any]) -> list[Any]:
    """Return rows with texts in place of blobs: SQLite lets anybody write one into a column of texts."""
    return [
        tuple(_as_text(value) for value in row) if any(type(value) is bytes for value in row) else row for row in rows
    ]


def _as_text(value: Any) -> Any:
    return value.decode(errors="surrogateescape") if type(value) is bytes else value


@contextmanager
def _any_text(connection: Any) -> Iterator[None]:
    driver = connection.connection
    before, driver.text_factory = driver.text_factory, lambda text: text.decode(errors="surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before


def may_hide(alias: str, model: type[Model]) -> bool:
    """Tell whether a row may have a key that Python reads, and by which it is not found.

    SQLite stores what it is given: a UUID in capitals, a date without zeros, a blob. Not in the keys it gives out.
    """
    given_out = all(isinstance(field, (AutoField, AutoFieldMixin)) for field in key_fields_of(model))
    return connections[alias].vendor == "sqlite" and not given_out


def there_as_text(alias: str, model: type[Model], texts: Collection[str]) -> set[str]:
    """Return those of the logged keys whose rows are there. It reads the whole table: for few keys, and rarely.

    Args:
        alias: the database.
        model: the model; its own table is looked at.
        texts: keys as triggers write them.
    """
    connection = connections[alias]
    key, table = key_and_table(connection, model)
    found: set[str] = set()
    wanted = list(dict.fromkeys(texts))
    if connection.vendor != "sqlite":  # which alone has texts that are none
        wanted = [text for text in wanted if "\0" not in text and is_encodable(text)]
    with times_as_logged(connection):
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            if connection.vendor == "sqlite":
                marks = ", ".join(["CAST(%s AS TEXT)"] * len(some))
                params: list[Any] = [text.encode(errors="surrogateescape") for text in some]
            else:
                marks, params = ", ".join(["%s::text"] * len(some)), some
            rows = fetch_texts(connection, f"SELECT {key} FROM {table} AS t WHERE {key} IN ({marks})", params)
            found.update(text for (text,) in rows)
    return found


#: How Django writes keys into SQLite, by which they are found: a cheap way to leave them out, where there is one.
_FOUND_AGAIN = {
    "UUIDField": "typeof({0}) = 'text' AND length({0}) = 32 AND {0} NOT GLOB '*[^0-9a-f]*'",
    "DateField": "typeof({0}) = 'text' AND {0} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'",
}


def texts_that_hide(alias: str, model: type[Model]) -> Iterator[str]:
    """Yield keys of a table as triggers write them, those among them that are stored in an unusual form.

    It reads the whole table: for what ``may_hide``, and rarely.
    """
    connection = connections[alias]
    key, table = key_and_table(connection, model)
    [part, *others] = captured_table(model).key
    usual = _FOUND_AGAIN.get(part.kind, "") if not others else ""
    column = f"t.{connection.ops.quote_name(part.column)}".replace("%", "%%")
    where = f" WHERE NOT ({usual.format(column)})" if usual else ""
    for (text,) in fetch_texts(connection, f"SELECT {key} FROM {table} AS t{where}", []):
        yield text


def texts_after(alias: str, model: type[Model], last: str | None, size: int) -> list[str]:
    """Return the next keys of a table as triggers write them, in the order of their bytes."""
    connection = connections[alias]
    key, table = key_and_table(connection, model)
    ordered = f'({key}) COLLATE "C"' if connection.vendor == "postgresql" else key
    where, params = "", []
    if last is not None:
        sqlite = connection.vendor == "sqlite"
        where = f" WHERE {ordered} > {'CAST(%s AS TEXT)' if sqlite else '%s::text'}"
        params = [last.encode(errors="surrogateescape") if sqlite else last]
    with times_as_logged(connection):
        sql = f"SELECT {key} FROM {table} AS t{where} ORDER BY {ordered} LIMIT %s"
        return [text for (text,) in fetch_texts(connection, sql, [*params, size])]
