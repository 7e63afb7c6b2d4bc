"""What most databases have in common; and those of which nothing more is known than that Django can write there."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model


def quoting(connection: BaseDatabaseWrapper) -> Callable[[str], str]:
    """Return what quotes a name for a statement with parameters, where a percent sign stands for itself twice."""
    return lambda name: connection.ops.quote_name(name).replace("%", "%%")


class Statements:
    """The statements of one vendor: those that most have in common, as far as they are not overridden.

    Attributes:
        INSERTS_MANY, INSERTS_TEXTS, UPDATES_MANY: there is ``insert_many``, ``insert_texts``, ``update_many``; else
            Django's bulk methods do it.
        FORESEES_KEYS: nobody else can take the keys that come next.
        SPELT_BY_DJANGO: SQL that is true of what Django writes, and of nothing else that it reads, by kind of field.
        TIME_AS_TEXT: a template of SQL for a text of a time, the same for the same instant; empty: there is none.
        TIME_AS_STORED_TEXT: the same, as Django writes the time where times are texts.
        FOUND_AGAIN: SQL that is true of keys that are found by what they are read as, by kind of field.
        CARRIED: of values that another database of the vendor stores as they are stored here, by kind of field, SQL
            that is true of those which Python can read as well; empty: it reads them all.
    """

    INSERTS_MANY = False
    INSERTS_TEXTS = False
    UPDATES_MANY = False
    FORESEES_KEYS = False
    SPELT_BY_DJANGO: Mapping[str, str] = {}
    TIME_AS_TEXT = ""
    TIME_AS_STORED_TEXT = ""
    FOUND_AGAIN: Mapping[str, str] = {}
    CARRIED: Mapping[str, str] = {}

    def insert_many(
        self,
        connection: BaseDatabaseWrapper,
        model: type[Model],
        fields: Sequence[Any],
        columns: list[list[Any]],
        given: bool,
    ) -> tuple[list[Any], int]:
        """Insert columns of values for fields, with their keys (``given``) or without.

        Returns:
            The keys that were given out, and how many rows there were.
        """
        raise NotImplementedError

    def insert_texts(
        self,
        connection: BaseDatabaseWrapper,
        model: type[Model],
        same: Mapping[str, str | int],
        names: Sequence[str],
        columns: list[list[Any]],
    ) -> None:
        """Insert texts and whole numbers past the fields' own preparation.

        Args:
            same: what all rows share.
            names: of what differs.
            columns: of that.
        """
        raise NotImplementedError

    def update_many(
        self,
        connection: BaseDatabaseWrapper,
        model: type[Model],
        key: Sequence[Any],
        fields: Sequence[Any],
        columns: list[list[Any]],
    ) -> int:
        """Update rows by the fields of their key: columns of values for these and for others; return how many."""
        raise NotImplementedError

    def read_as_stored(
        self,
        connection: BaseDatabaseWrapper,
        model: type[Model],
        fields: Sequence[Any],
        guards: Sequence[str],
        keys: list[str],
    ) -> tuple[list[str], Any]:
        """Read columns of ``CARRIED`` fields of rows with automatic keys.

        Args:
            guards: SQL that the rows must satisfy; the table is called ``held``.
            keys: whole numbers, as texts.

        Returns:
            The keys of the rows that were read, and what ``insert_as_stored`` of the same vendor takes.
        """
        return [], None

    def stored_column(self, rows: Any, number: int) -> list[int | None]:
        """Return a column of whole numbers of what ``read_as_stored`` has read."""
        raise NotImplementedError

    def with_stored_column(self, rows: Any, number: int, values: Sequence[int | None]) -> Any:
        """Return what was read with other whole numbers in one of its columns."""
        raise NotImplementedError

    def insert_as_stored(
        self, connection: BaseDatabaseWrapper, model: type[Model], fields: Sequence[Any], rows: Any
    ) -> list[str]:
        """Insert what was read so; return the keys that the database has given to the rows, as texts, in their order.

        Fewer of them: a row was put elsewhere, or nowhere.
        """
        return []

    def among(self, connection: BaseDatabaseWrapper, field: Any, values: list[Any]) -> tuple[str, Any] | None:
        """Return SQL that is true of one of the values, and its one parameter; ``None``: Django's ``__in`` does it."""
        return None

    def in_byte_order(self, text: str) -> str:
        """Return SQL of a text that is compared byte by byte."""
        return text

    def logged_text(self, text: str) -> tuple[str, Any]:
        """Return what stands in a statement for a text that a trigger has written, and its parameter."""
        return "%s::text", text

    def fetch_texts(self, connection: BaseDatabaseWrapper, sql: str, params: Any) -> list[Any]:
        """Return the rows of a query; bytes in texts that are no UTF-8 become surrogates, and blobs become texts."""
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())

    def read_logged(self, connection: BaseDatabaseWrapper, fields: Collection[Any], logged: str) -> Sequence[Any]:
        """Return the values of columns that a trigger has logged as a JSON object."""
        by_column: dict[str, Any] = json.loads(logged)
        return [by_column[field.column] for field in fields]

    def parameter(self, connection: BaseDatabaseWrapper, field: Any) -> str:
        """Return what stands for a field's value in a statement with single values."""
        return "%s"

    def existing_links_stay(self, connection: BaseDatabaseWrapper, through: Any, source: str) -> dict[str, Any]:
        """Return how ``bulk_create()`` leaves links alone that are there; ``source`` names one of their ends."""
        return {"ignore_conflicts": connection.features.supports_ignore_conflicts}

    def cascading(self, connection: BaseDatabaseWrapper, fields: Sequence[Any]) -> list[int]:
        """Return the numbers of those of the foreign keys that the database itself follows (``ON DELETE CASCADE``)."""
        return []

    def redirecting(self, connection: BaseDatabaseWrapper) -> frozenset[Any]:
        """Return the tables whose inserts may be cancelled or redirected, as ``identity_of`` names them."""
        return frozenset()

    def identity_of(self, connection: BaseDatabaseWrapper, table: str) -> Any:
        """Return by what ``redirecting`` knows a table."""
        return table

    def reserve_keys(self, connection: BaseDatabaseWrapper, model: type[Model], number: int) -> list[int]:
        """Take automatic keys for rows that are going to be inserted, as the database would give them out.

        Args:
            connection: a transaction must be open there, which has written already.
            model: the model that has the key.
            number: how many.

        Returns:
            The keys; none where the database has no sequence for them.
        """
        return []

    def yet_to_give(self, connection: BaseDatabaseWrapper, model: type[Model], keys: Collection[int]) -> set[int]:
        """Return those automatic keys that the database may give out yet.

        Args:
            connection: a transaction must be open there, which has written already.
            model: the model that has the key.
            keys: higher than that of any row.
        """
        return set(keys)

    def move_sequences_on(
        self, connection: BaseDatabaseWrapper, written: Mapping[type[Model], Collection[int]]
    ) -> None:
        """Let next inserts find a free key after automatic keys of these models were written by value."""
        # An insert by value moves the next key on by itself, and never back.
