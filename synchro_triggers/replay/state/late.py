"""How far what was left out of a model has come: noted beside what was left out, in the transaction that brings it.

A run that is cut off, or makes one part of several, goes on there. The note holds for one end of the window alone: up
to it all rows of the log were there to be read. With another end, lower rows may have come in between.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from .lists import list_in


class Reached(NamedTuple):
    """How far a model's objects have come.

    Attributes:
        end: where the window ends, as a position of the source's log.
        row: up to which of its rows they have been applied.
        key: up to which key every object was looked at, as it is logged; ``None``: that has not begun.
        as_written: keys are gone through in the order of their texts, since they cannot be read.
    """

    end: str
    row: int = 0
    key: str | None = None
    as_written: bool = False

    def as_text(self) -> str:
        """Return what is noted."""
        return json.dumps(list(self))


def read_reached(text: str | None, end: str) -> Reached:
    """Return what was noted, if it is of a window that ends here; else that nothing has come yet.

    Example:
        >>> read_reached('["7", 12, null, false]', "7").row, read_reached('["7", 12, null, false]', "9").row
        (12, 0)
    """
    match list_in(text):
        case [str(noted), int(row), None | str() as key, bool(as_written)] if noted == end:
            return Reached(end, row, key, as_written)
    return Reached(end)


class ColumnsReached(NamedTuple):
    """How far the values of a model's columns have come.

    Attributes:
        columns: the columns, and why they were left out.
        key: up to which key the objects were looked at, as it is logged; ``None``: none was.
        as_written: keys are gone through in the order of their texts, since they cannot be read.
        whole: all values have come so far; otherwise the next run begins anew once it has come to the end.
    """

    columns: Mapping[str, str]
    key: str | None = None
    as_written: bool = False
    whole: bool = True

    def as_text(self) -> str:
        """Return what is noted."""
        return json.dumps([dict(self.columns), *self[1:]])


def read_columns_reached(text: str | None, columns: Mapping[str, str]) -> ColumnsReached:
    """Return what was noted, if it is of these columns; else that no value has come yet."""
    match list_in(text):
        case [noted, None | str() as key, bool(as_written), bool(whole)] if noted == dict(columns):
            return ColumnsReached(columns, key, as_written, whole)
    return ColumnsReached(columns)


class Reaching(Protocol):
    """How far a run has come in what it goes through: see ``BatchByBatch.apply()``."""

    @property
    def reached(self) -> int:
        """The row up to which all of it is applied, or kept as a failure."""
        ...

    @reached.setter
    def reached(self, row: int) -> None: ...

    def fields(self, row: int) -> dict[str, object]:
        """Return what says in the checkpoint that it has come to a row, or further already."""
        ...


class LateProgress:
    """Notes how far the objects of one model have come.

    Args:
        reached: how far they have come before.
        fields: returns what says in the checkpoint how far they have come.
        remember: is told what was committed.
    """

    def __init__(
        self, reached: Reached, fields: Callable[[Reached], dict[str, object]], remember: Callable[[Reached], None]
    ) -> None:
        self.reached, self.fields, self._remember = reached, fields, remember

    @property
    def has_begun(self) -> bool:
        """Whether something has come before."""
        return self.reached.row > 0 or self.reached.key is not None

    def of_log(self) -> Reaching:
        """Return what notes how far the window has been applied."""
        return _OfRows(self, self.reached.row, lambda row: self.reached._replace(row=row))

    def of_objects(self, texts: Sequence[str], *, as_written: bool) -> Reaching:
        """Return what notes how far a page of keys has come, by their numbers from 1 on."""
        before = self.reached.key

        def reached(number: int) -> Reached:
            key = texts[number - 1] if number else before
            return self.reached._replace(key=key, as_written=as_written)

        return _OfRows(self, 0, reached)

    def has_come_to(self, reached: Reached) -> None:
        """Take note of what was committed."""
        self.reached = reached
        self._remember(reached)


class _OfRows:
    def __init__(self, late: LateProgress, row: int, at: Callable[[int], Reached]) -> None:
        self._late, self._row, self._at = late, row, at

    @property
    def reached(self) -> int:
        return self._row

    @reached.setter
    def reached(self, row: int) -> None:
        self._row = row
        self._late.has_come_to(self._at(row))

    def fields(self, row: int) -> dict[str, object]:
        return self._late.fields(self._at(max(row, self._row)))
