"""What a database's catalog has told, remembered for as long as the catalog is what it was.

Every run asks the same of it, of each captured table: are its triggers there, which columns has it? Hardly ever has
anything changed since the last time. One question tells whether it has, whatever the number of tables:
``Vendor.look``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from threading import Lock
from typing import Any, TypeVar

from django.db import connections

from ..conf import get_settings
from ..vendors.vendor import database_of
from .own_tables import needed_columns
from .sight import Look, Sight
from .tables import captured_tables
from .vendor import has_capture, vendor_of

T = TypeVar("T")

#: What was told, by the alias, which answers may name, the question, the tables that the mark is about, and the mark.
_told: dict[tuple[str, Hashable, Hashable, Hashable], Any] = {}
_TOLD_AT_MOST = 128
_telling = Lock()


class Catalogs:
    """The catalogs of the databases of a run, each as it was when it was looked at first.

    A run asks several things of a catalog within a few milliseconds, and one look is enough for all of them. Whoever
    lets time pass in between calls ``forget()``.
    """

    def __init__(self) -> None:
        self._looks: dict[str, Look] = {}
        self._answers: dict[tuple[str, Hashable], Any] = {}

    def forget(self) -> None:
        """Look again: anybody may have changed something meanwhile."""
        self._looks.clear()
        self._answers.clear()

    def place(self, alias: str) -> object:
        """Return where a database is: ``Database.place()``."""
        connection = connections[alias]
        known = self._look(alias).place if has_capture(connection) else None
        return database_of(connection).place(connection) if known is None else known

    def sight_of(self, alias: str, tables: list[str]) -> Sight:
        """Return what this session sees of tables of a database that has capture."""
        known = self._look(alias).sight
        return vendor_of(connections[alias]).sight_of(connections[alias], tables) if known is None else known

    def once(self, alias: str, question: Hashable, answer: Callable[[], T]) -> T:
        """Return what ``answer()`` returns, or has returned since the last ``forget()``, whatever the catalog says.

        Args:
            alias, question, answer: as for ``ask()``.
        """
        at = (alias, question)
        if at not in self._answers:
            self._answers[at] = answer()
        found: T = self._answers[at]
        return found

    def ask(self, alias: str, question: Hashable, answer: Callable[[], T]) -> T:
        """Return what ``answer()`` returns, or has returned when the catalog was the same.

        Args:
            alias: the database. Of one whose vendor has no mark, everything is asked each time.
            question: tells one answer from others. It may be about captured tables and this package's own.
            answer: asks the database; an exception is not remembered. What it returns is not to be changed.
        """
        connection = connections[alias]
        if not has_capture(connection):
            return answer()
        at = (alias, question, get_settings().captured, self._look(alias).mark)
        with _telling:
            is_told, told = at in _told, _told.pop(at, None)
        found: T = told if is_told else answer()
        with _telling:
            _told[at] = found  # the last that is forgotten
            while len(_told) > _TOLD_AT_MOST:
                del _told[next(iter(_told))]
        return found

    def _look(self, alias: str) -> Look:
        if alias not in self._looks:
            connection = connections[alias]
            self._looks[alias] = vendor_of(connection).look(connection, _tables())
        return self._looks[alias]


def _tables() -> Collection[str]:
    return [*(table.table for table in captured_tables(get_settings().models)), *needed_columns()]
