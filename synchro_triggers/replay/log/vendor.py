"""Which vendors have a log, and what differs in it: names that ``postgres`` and ``sqlite`` both have."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any, Protocol

from django.db.backends.base.base import BaseDatabaseWrapper

from ...capture.vendor import no_capture
from . import postgres, sqlite

#: SQL of a condition, and its parameters.
Condition = tuple[str, list[Any]]


class Log(Protocol):
    """A module with what differs in the logs of one vendor.

    Attributes:
        NAMES_TRANSACTIONS: rows carry the number of their transaction, for their ids are not in the order of commits.
        REPLACES_ARE_INSERTS: a row that is replaced under its own key is logged as update, and insert.
        MARK: SQL of the mark of a row.
        NO_LATER: SQL that is true of rows no younger than the time in a mark, its parameter.
        OLD_VALUES: SQL of the old values of several rows as JSON, in the order of their ids.
        RUNNING: SQL of what ``running`` takes.
        SUMS: SQL that counts rows, and tells them apart in a way that does not hang on their order.
        STANDBY: SQL that is true where another server's log is replayed.
    """

    NAMES_TRANSACTIONS: bool
    REPLACES_ARE_INSERTS: bool
    MARK: str
    NO_LATER: str
    OLD_VALUES: str
    RUNNING: str
    SUMS: str
    STANDBY: str

    # Positions ------------------------------------------------------------------------------------

    def current_position(self, connection: BaseDatabaseWrapper) -> str:
        """Return the position that counts everything logged and committed up to now as received."""
        ...

    def commit_mark(self, connection: BaseDatabaseWrapper) -> str:
        """Return a text that is another one whenever something may have been committed since it was read; cheap.

        Another process must have committed it: what this one commits on SQLite may not show.
        """
        ...

    def position_since(self, connection: BaseDatabaseWrapper, mark: str) -> str:
        """Return a position that is not before ``mark``, which was read just now; the mark itself where it is one."""
        ...

    def highest_id(self, connection: BaseDatabaseWrapper) -> int:
        """Return the highest changelog id that was ever given out."""
        ...

    def size(self, connection: BaseDatabaseWrapper) -> int | None:
        """Return how many bytes the log takes, with its indexes; ``None``: nobody there can tell."""
        ...

    def is_ahead(self, connection: BaseDatabaseWrapper, position: str) -> bool:
        """Tell whether a position lies in the future of this database: it was taken from another history."""
        ...

    def has_gone_on(self, connection: BaseDatabaseWrapper, position: str) -> bool:
        """Tell whether a database has gone on from a position without a recovery, as far as that can be known."""
        ...

    def between(self, start: str, end: str) -> Condition:
        """Return what is true of the rows between two positions; ``''``: the beginning."""
        ...

    def received(self, position: str) -> Condition:
        """Return what is true of the rows that a position counts as received."""
        ...

    def received_to(self, position: str) -> int:
        """Return the highest id that a position counts as received."""
        ...

    def not_received(self, position: str) -> Sequence[tuple[int, int]]:
        """Return the ids below that one that a moved position does not: the first and the last of each row of them."""
        ...

    def sees(self, position: str, row: tuple[int, int]) -> bool:
        """Tell whether a position counts a row as received, which has an id and a transaction."""
        ...

    def moved_position(self, connection: BaseDatabaseWrapper, received: Condition, highest: int) -> str:
        """Return the position that counts rows as received with ids no higher, of which a condition is true."""
        ...

    def forget_transactions(self, connection: BaseDatabaseWrapper) -> None:
        """Let every committed row be visible to every position that is taken from now on.

        Rows from another cluster carry transaction ids that have not come yet here.
        """
        ...

    # Rows -----------------------------------------------------------------------------------------

    def logged_at(self, moment: str) -> str:
        """Return SQL of a time as ``time_or_none`` takes it, from that of the time itself."""
        ...

    def time_or_none(self, value: Any) -> datetime.datetime | None:
        """Return a time, or ``None`` for what no trigger has written: ``infinity``, a text, a year past Python's."""
        ...

    def moment_text(self, time: datetime.datetime) -> str:
        """Return a time (in UTC) as a mark has it."""
        ...

    def logged_since(self, since: datetime.datetime) -> Condition:
        """Return what is true of the rows of that time (in UTC) and later."""
        ...

    def newest_since(self, since: datetime.datetime) -> Condition:
        """Return the same where most rows are older."""
        ...

    def one_of(self, values: list[Any], type_: str) -> tuple[str, Any]:
        """Return SQL that is true of one of many texts or ids, which have that type, and its one parameter."""
        ...

    def running(self, text: str) -> frozenset[int]:
        """Return the transactions that may still commit rows with lower ids."""
        ...

    def refuse_standby(self, alias: str, is_standby: bool) -> None:
        """Raise ``Refused`` where a server has answered that replays another one's log."""
        ...


_LOGS: dict[str, Log] = {"postgresql": postgres, "sqlite": sqlite}


def log_of(connection: BaseDatabaseWrapper) -> Log:
    """Return what differs in the log of a connection's vendor.

    Raises:
        SynchroConfigurationError: nothing is logged there.
    """
    if connection.vendor not in _LOGS:
        raise no_capture(connection)
    return _LOGS[connection.vendor]
