"""Which vendors there are, and what differs between them: names that the modules of all of them have.

What differs in a log is in ``replay.log``, in statements for many rows in ``replay.rows``, in triggers in ``capture``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from django.db.backends.base.base import BaseDatabaseWrapper

from . import mysql, other, postgres, sqlite
from .addresses import address


class Database(Protocol):
    """A module with what differs in databases of one vendor.

    Attributes:
        IS_KNOWN: statements of our own do there what Django's would, and texts are compared in a way that is known.
        HOLDS_ANYTHING: a column holds what it is given, whatever its type: texts, blobs, other spellings of a value.
        IS_FILE: a database is a file, and who writes locks it as a whole.
        CONFUSES_TEXTS: texts that differ may be equal.
        FAILS_UNTIL_ROLLED_BACK: after an error all that is asked in the same transaction is one.
        TRANSACTION: SQL of the number of the transaction that writes; 0 where writers wait for each other.
        FINGERPRINT: SQL that tells a database from a copy of it; empty where SQL does not tell that.
        TEXT: the type that makes a text of something.
        JSON_TEXT: what stands in a statement for JSON that is given as a text.
        AS_THEY_ARE: fields to the type of Python's for which the database has one too; elsewhere they become texts.
    """

    IS_KNOWN: bool
    HOLDS_ANYTHING: bool
    IS_FILE: bool
    CONFUSES_TEXTS: bool
    FAILS_UNTIL_ROLLED_BACK: bool
    TRANSACTION: str
    FINGERPRINT: str
    TEXT: str
    JSON_TEXT: str
    AS_THEY_ARE: dict[type[Any], type[Any]]

    # From the settings ----------------------------------------------------------------------------

    def lacks_packages(self) -> bool:
        """Tell whether a package is not installed that this one needs there."""

    def file_address(self, name: str) -> str | None:
        """Return which database a file or URI of that name leads to; ``None``: the name does not tell."""

    def usual_port(self, vendor: str) -> str:
        """Return where servers of a vendor listen if nothing else is said; empty where there is none."""

    # Values ---------------------------------------------------------------------------------------

    def exact_collation(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return the collation that tells every text from every other; ``None``: any does."""

    def is_exactly(self, wanted: Any, found: Any) -> bool:
        """Tell whether what a look-up has found is what it was asked for."""

    def exact_keys(self, wanted: Iterable[Any], found: set[Any]) -> set[Any]:
        """Return those of the keys that a look-up has found that it was asked for."""

    def keeps_json_text(self, connection: BaseDatabaseWrapper) -> bool:
        """Tell whether JSON is stored as it was written, with its blanks and the order of its keys."""

    # Which database it is -------------------------------------------------------------------------

    def fingerprint(self, connection: BaseDatabaseWrapper) -> str:
        """Return what tells a database from a copy of it; empty where there is nothing to tell by."""

    def place(self, connection: BaseDatabaseWrapper) -> object:
        """Return what is the same for two connections if and only if they lead to one database, this moment."""

    def require_safe(self, connection: BaseDatabaseWrapper, tables: Collection[str]) -> None:
        """Raise ``Refused`` where the database would cut values of these tables short, or cannot roll them back."""

    # Drivers, transactions, locks -----------------------------------------------------------------

    def is_closed(self, driver: Any) -> bool:
        """Tell whether a driver's connection knows that it is gone."""

    def is_in_transaction(self, driver: Any) -> bool:
        """Tell whether a transaction is open; not where the driver cannot be asked."""

    def is_broken(self, driver: Any) -> bool:
        """Tell whether a transaction has ended, or waits for its end, since a statement failed."""

    def sends_with_next(self, connection: BaseDatabaseWrapper) -> bool:
        """Tell whether statements may wait for the next one, and be sent with it, whatever parameters it has."""

    def execute_all(self, driver: Any, statements: Collection[str]) -> None:
        """Execute statements past Django's cursors, with one message where that is possible."""

    def swap_session_value(self, connection: BaseDatabaseWrapper, key: str, value: str | None) -> str | None:
        """Set a variable of capture's for this transaction, and return what it was; ``None`` is: not set."""

    def in_utc(self, connection: BaseDatabaseWrapper) -> AbstractContextManager[None]:
        """Let the connection give times in UTC in the block."""

    def guarded(self, connection: BaseDatabaseWrapper) -> AbstractContextManager[None]:
        """Refuse, in the block, what would end the transaction, or the connection; notice where it has ended."""

    def may_lock(self, connection: BaseDatabaseWrapper, table: str) -> bool:
        """Tell whether rows of a table may be locked, as far as databases of this vendor know rules for that."""

    def short_waits(self, connection: BaseDatabaseWrapper, seconds: float) -> AbstractContextManager[None]:
        """Let what is done in the block, around a transaction, wait for locks no longer than that."""

    def wait_shortly(self, connection: BaseDatabaseWrapper, seconds: float) -> None:
        """Let the transaction that is open wait for locks no longer than that."""

    def statements_wait_shortly(self, connection: BaseDatabaseWrapper, seconds: float) -> AbstractContextManager[None]:
        """Let each statement in the block wait for locks no longer than that, whoever executes it."""


_DATABASES: dict[str, Database] = {"postgresql": postgres, "sqlite": sqlite, "mysql": mysql}


def database_of(connection: BaseDatabaseWrapper) -> Database:
    """Return what differs in databases of a connection's vendor."""
    return database_named(connection.vendor)


def database_named(vendor: str) -> Database:
    """Return what differs in databases of a vendor, as Django names it."""
    return _DATABASES.get(vendor, other)


def address_of(connection: BaseDatabaseWrapper) -> tuple[str, ...] | None:
    """Return what is the same for two aliases if they lead to one database, as far as their settings tell."""
    return address(connection.vendor, database_of(connection), connection.settings_dict)
