"""What a database's catalog has told, remembered for as long as the catalog is what it was.

Every run asks the same of it, of each captured table: are its triggers there, which columns has it? Hardly ever has
anything changed since the last time. One question tells whether it has, whatever the number of tables:
``Vendor.catalog_mark``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from typing import Any, TypeVar

from django.db import connections

from ..conf import get_settings
from .own_tables import needed_columns
from .tables import captured_tables
from .vendor import has_capture, vendor_of

T = TypeVar("T")


class _Nothing:
    """Stands for what was not told yet: an answer may be ``None``."""


_NOTHING = _Nothing()

#: What was told, by the question, the tables that the mark is about, and the mark.
_told: dict[tuple[Hashable, Hashable, Hashable], Any] = {}
_TOLD_AT_MOST = 64


class Catalogs:
    """The catalogs of the databases of a run, each as it was when it was looked at first.

    A run asks several things of a catalog within a few milliseconds, and one look is enough for all of them. Whoever
    lets time pass in between calls ``forget()``.
    """

    def __init__(self) -> None:
        self._marks: dict[str, Hashable] = {}

    def forget(self) -> None:
        """Look again: anybody may have changed something meanwhile."""
        self._marks.clear()

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
        at = (question, get_settings().captured, self._mark(alias))
        found: T | _Nothing = _told.get(at, _NOTHING)  # another thread may clear it at any moment
        if isinstance(found, _Nothing):
            found = answer()
            if len(_told) >= _TOLD_AT_MOST:
                _told.clear()
            _told[at] = found
        return found

    def _mark(self, alias: str) -> Hashable:
        if alias not in self._marks:
            connection = connections[alias]
            self._marks[alias] = vendor_of(connection).catalog_mark(connection, _tables())
        return self._marks[alias]


def _tables() -> Collection[str]:
    return [*(table.table for table in captured_tables(get_settings().models)), *needed_columns()]
