"""What both vendors' trigger files speak of: a trigger as it should be, and one as it is installed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

#: Every trigger and function of this package starts with this.
PREFIX = "synchro_"

#: Pattern of what may stand before the first word of an SQL statement.
LEADING_COMMENTS = r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*"


@dataclass(frozen=True)
class Trigger:
    """A trigger as it should be.

    Attributes:
        name: unique in the database, but for partitions; at most 63 characters, lower case.
        table: the table it belongs to, as the model has it.
        label: the model label that it writes into the changelog.
        signature: equal for equal triggers; kept in the database to tell an outdated one.
        statements: make it (and replace it, where it is there already).
        place: where triggers of several tables may have the same name, the quoted name of the table.
        of_partition: it calls the function of the trigger of its partitioned table, which comes first.
        catch_up: run when it is missing, although its table is captured: what was written so far is logged.
    """

    name: str
    table: str
    label: str
    signature: str
    statements: tuple[str, ...]
    place: str = ""
    of_partition: bool = False
    catch_up: tuple[str, ...] = ()


@dataclass(frozen=True)
class InstalledTrigger:
    """A trigger as it is in the database.

    Attributes:
        table: the bare name of the table (PostgreSQL: without the schema).
        qualified_table: the quoted name that SQL can use.
        signature: what ``Trigger.signature`` was, or ``''`` when the trigger is disabled.
        transitional: made for the time of a migration; names no column but the key.
        place: as of ``Trigger``.
        replicated: it logs what logical replication applies.
    """

    name: str
    table: str
    qualified_table: str
    label: str
    signature: str
    transitional: bool
    place: str = ""
    replicated: bool = False


def trigger_name(label: str, event: str) -> str:
    """Name a trigger by the hash of its label: labels may be long, and alike at the beginning."""
    return f"{PREFIX}{event}_{hashlib.sha1(label.encode()).hexdigest()[:20]}"


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Return the columns of each table, from pairs of a table's and a column's name."""
    columns: dict[str, set[str]] = {}
    for table, column in pairs:
        columns.setdefault(table, set()).add(column)
    return columns


def quote_literal(text: str) -> str:
    """Quote a text constant for SQL (standard strings: only the quote is special)."""
    return "'" + text.replace("'", "''") + "'"
