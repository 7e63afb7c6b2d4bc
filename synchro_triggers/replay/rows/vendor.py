"""Which statements for many rows there are, and what differs in them: names that the modules of all vendors have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from . import mysql, other, postgres, sqlite
from .sqlite import is_undecodable as is_undecodable

#: Inserts columns of values for fields; keys are given, or given out. Returns the latter, and how many rows there were.
Insert = Callable[[Any, type[Model], Sequence[Any], list[list[Any]], bool], tuple[list[Any], int]]

#: Updates rows by the fields of their key: columns of values for these and for others. Returns how many there were.
Update = Callable[[Any, type[Model], Sequence[Any], Sequence[Any], list[list[Any]]], int]

#: Inserts texts and whole numbers: what all rows share, the names of what differs, and columns of that.
InsertTexts = Callable[[Any, type[Model], Mapping[str, str | int], Sequence[str], list[list[Any]]], None]


class Statements(Protocol):
    """A module with the statements of one vendor.

    Attributes:
        FORESEES_KEYS: nobody else can take the keys that come next.
        SPELT_BY_DJANGO: SQL that is true of what Django writes, and of nothing else that it reads, by kind of field.
        TIME_AS_TEXT: a template of SQL for a text of a time, the same for the same instant; empty: there is none.
        TIME_AS_STORED_TEXT: the same, as Django writes the time where times are texts.
        FOUND_AGAIN: SQL that is true of keys that are found by what they are read as, by kind of field.
    """

    FORESEES_KEYS: bool
    SPELT_BY_DJANGO: dict[str, str]
    TIME_AS_TEXT: str
    TIME_AS_STORED_TEXT: str
    FOUND_AGAIN: dict[str, str]

    @property
    def insert_many(self) -> Insert | None:
        """What inserts many rows; ``None``: Django's bulk methods do it."""

    @property
    def insert_texts(self) -> InsertTexts | None:
        """What inserts many texts past the fields' own preparation; ``None``: they are rows like others."""

    @property
    def update_many(self) -> Update | None:
        """What updates many rows; ``None``: Django's bulk methods do it."""

    def among(self, connection: BaseDatabaseWrapper, field: Any, values: list[Any]) -> tuple[str, Any] | None:
        """Return SQL that is true of one of the values, and its one parameter; ``None``: Django's ``__in`` does it."""

    def in_byte_order(self, text: str) -> str:
        """Return SQL of a text that is compared byte by byte."""

    def logged_text(self, text: str) -> tuple[str, Any]:
        """Return what stands in a statement for a text that a trigger has written, and its parameter."""

    def fetch_texts(self, connection: BaseDatabaseWrapper, sql: str, params: Any) -> list[Any]:
        """Return the rows of a query; bytes in texts that are no UTF-8 become surrogates, and blobs become texts."""

    def read_logged(self, connection: BaseDatabaseWrapper, fields: Collection[Any], logged: str) -> Sequence[Any]:
        """Return the values of columns that a trigger has logged as a JSON object."""

    def parameter(self, connection: BaseDatabaseWrapper, field: Any) -> str:
        """Return what stands for a field's value in a statement with single values."""

    def existing_links_stay(self, connection: BaseDatabaseWrapper, through: Any, source: str) -> dict[str, Any]:
        """Return how ``bulk_create()`` leaves links alone that are there; ``source`` names one of their ends."""

    def cascading(self, connection: BaseDatabaseWrapper, fields: Sequence[Any]) -> list[int]:
        """Return the numbers of those of the foreign keys that the database itself follows (``ON DELETE CASCADE``)."""

    def redirecting(self, connection: BaseDatabaseWrapper) -> frozenset[Any]:
        """Return the tables whose inserts may be cancelled or redirected, as ``identity_of`` names them."""

    def identity_of(self, connection: BaseDatabaseWrapper, table: str) -> Any:
        """Return by what ``redirecting`` knows a table."""

    def reserve_keys(self, connection: BaseDatabaseWrapper, model: type[Model], number: int) -> list[int]:
        """Take automatic keys for rows that are going to be inserted, as the database would give them out.

        Args:
            connection: a transaction must be open there, which has written already.
            model: the model that has the key.
            number: how many.

        Returns:
            The keys; none where the database has no sequence for them.
        """

    def move_sequences_on(
        self, connection: BaseDatabaseWrapper, written: Mapping[type[Model], Collection[int]]
    ) -> None:
        """Let next inserts find a free key after automatic keys of these models were written by value."""


_STATEMENTS: dict[str, Statements] = {"postgresql": postgres, "sqlite": sqlite, "mysql": mysql}


def statements_of(connection: BaseDatabaseWrapper) -> Statements:
    """Return the statements of a connection's vendor."""
    return _STATEMENTS.get(connection.vendor, other)


def fetch_texts(connection: BaseDatabaseWrapper, sql: str, params: Any) -> list[Any]:
    """Return the rows of a query as ``Statements.fetch_texts`` does."""
    return statements_of(connection).fetch_texts(connection, sql, params)
