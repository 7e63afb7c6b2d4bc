"""Which vendors capture changes, and what is asked of them: functions that ``postgres`` and ``sqlite`` both have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import SynchroConfigurationError
from . import mysql, other
from .sight import Listener, Look, Sight
from .tables import CapturedColumn, CapturedTable
from .trigger import InstalledTrigger, Trigger


class Vendor(Protocol):
    """A module with a vendor's trigger SQL."""

    def before_ddl(self, connection: BaseDatabaseWrapper, sql: str, installed: list[InstalledTrigger]) -> list[str]:
        """Return statements that must be executed before a statement that alters tables."""
        ...

    def columns_of(self, connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, set[str]]:
        """Return the columns of those of the tables that there are."""
        ...

    def drop_leftovers(self, connection: BaseDatabaseWrapper) -> list[str]:
        """Return statements that drop what triggers that are gone have left behind."""
        ...

    def drop_notice_statements(self, connection: BaseDatabaseWrapper) -> list[str]:
        """Return statements that end notices of what is logged."""
        ...

    def drop_sql(self, connection: BaseDatabaseWrapper, trigger: InstalledTrigger) -> list[str]:
        """Return statements that drop a trigger."""
        ...

    def existing_tables(self, connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[CapturedTable]:
        """Return those of the tables that there are."""
        ...

    def full_triggers(
        self, connection: BaseDatabaseWrapper, tables: list[CapturedTable], replicated: bool = False
    ) -> list[Trigger]:
        """Return the triggers that tables should have."""
        ...

    def has_triggers(self, connection: BaseDatabaseWrapper) -> bool:
        """Tell whether any trigger of this package is there."""
        ...

    def installed_triggers(self, connection: BaseDatabaseWrapper) -> list[InstalledTrigger]:
        """Return this package's triggers there."""
        ...

    def key_text(self, key: tuple[CapturedColumn, ...], row: str) -> str:
        """Return the expression for the text of a row's key, as it is logged."""
        ...

    def lacking_columns(
        self, connection: BaseDatabaseWrapper, tables: list[CapturedTable]
    ) -> list[tuple[CapturedTable, str]]:
        """Return columns of models that their tables do not have."""
        ...

    def look(self, connection: BaseDatabaseWrapper, tables: Collection[str]) -> Look:
        """Return what is another one where the tables, or their triggers, are not what they were."""
        ...

    def listen(self, connection: BaseDatabaseWrapper, stopped: Callable[[], bool] = lambda: False) -> Listener:
        """Return what waits for notices of what is logged."""
        ...

    def not_surely_empty(self, connection: BaseDatabaseWrapper, tables: Sequence[str]) -> list[str]:
        """Return those of the tables that may have rows."""
        ...

    def notice_statements(self, connection: BaseDatabaseWrapper) -> list[str]:
        """Return statements after which listeners hear of what is logged."""
        ...

    def obliging_columns(self, connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, set[str]]:
        """Return those columns of the tables that every insert has to name: no NULL, no default."""
        ...

    def partitions(
        self, connection: BaseDatabaseWrapper, tables: list[CapturedTable]
    ) -> list[tuple[str, str, tuple[str, ...]]]:
        """Return partitions that have no triggers yet: table, partition, and statements."""
        ...

    def sight_of(self, connection: BaseDatabaseWrapper, tables: list[str]) -> Sight:
        """Tell whether all rows of tables are seen."""
        ...

    def tables_there(self, connection: BaseDatabaseWrapper, tables: Collection[str]) -> set[str]:
        """Return those of the tables that there are."""
        ...

    def times_as_logged(self, connection: BaseDatabaseWrapper) -> AbstractContextManager[None]:
        """Let keys be written in the block as triggers write them."""
        ...

    def transitional_setup(self, connection: BaseDatabaseWrapper) -> list[str]:
        """Return statements that transitional triggers need."""
        ...

    def transitional_triggers(
        self, connection: BaseDatabaseWrapper, label: str, qualified_table: str, key: tuple[CapturedColumn, ...] = ()
    ) -> list[Trigger]:
        """Return triggers that log while a table is being altered."""
        ...

    def unseen(self, connection: BaseDatabaseWrapper, tables: list[CapturedTable], replicated: bool) -> list[str]:
        """Return what no trigger can see, a line each."""
        ...

    def views(self, connection: BaseDatabaseWrapper, tables: list[CapturedTable]) -> list[CapturedTable]:
        """Return those of the tables that are views."""
        ...


def vendor_of(connection: BaseDatabaseWrapper) -> Vendor:
    """Return the module with this vendor's trigger SQL.

    Raises:
        SynchroConfigurationError: changes cannot be captured there, or PostgreSQL support is not installed.
    """
    if connection.vendor == "sqlite":
        from . import sqlite

        return sqlite
    if connection.vendor == "postgresql":
        try:
            from . import postgres
        except ImportError as error:
            raise SynchroConfigurationError(
                "Capturing changes on PostgreSQL needs django-pgtrigger and psycopg: "
                f"pip install 'django-synchro-triggers[postgres]' ({error})."
            ) from error
        return postgres
    raise no_capture(connection)


def no_capture(connection: BaseDatabaseWrapper) -> SynchroConfigurationError:
    """Return what is wrong where nothing can be logged."""
    return SynchroConfigurationError(
        f"Changes cannot be captured on {connection.alias!r} ({connection.display_name}): only PostgreSQL and "
        "SQLite have capture. As a remote to synchronise to, the database is fine."
    )


def has_capture(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether changes can be captured on this vendor at all."""
    return connection.vendor in {"sqlite", "postgresql"}


def columns_of(connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, set[str]]:
    """Return the columns of those of the tables that there are, on any vendor."""
    if has_capture(connection):
        return vendor_of(connection).columns_of(connection, tables)
    ask = mysql.columns_of if connection.vendor == "mysql" else other.columns_of
    return ask(connection, tables)


def obliging_columns(connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, set[str]]:
    """Return those columns of the tables that every insert has to name (no NULL, no default), on any vendor."""
    if has_capture(connection):
        return vendor_of(connection).obliging_columns(connection, tables)
    ask = mysql.obliging_columns if connection.vendor == "mysql" else other.obliging_columns
    return ask(connection, tables)
