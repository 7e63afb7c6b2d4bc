"""The way through one table: LOCAL's rows, then the remote's, and a second look at what is not the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from ...capture.keys import encode_key
from ...key_texts import printable_key
from ..rows.raw_keys import is_of_one_object
from .closer_look import is_of_object
from .equal_rows import KeysNotInOrder, Page, mark_of
from .report import ComparisonReport, Difference, Finding, State
from .states import UNEXPLAINED, Explanation

#: How often an object is looked at that is another one each time.
_LOOKS = 5

#: Rows that are looked at more closely together.
_CLOSER = 1_000


class Table(Protocol):
    """What is to be compared: ``Objects`` or ``Links``. What tells a row is a key, or the pair of a link's ends."""

    label: str
    not_compared: tuple[str, ...]

    def pages(self) -> Iterable[Page]: ...
    def pages_by_texts(self) -> Iterable[Page]: ...
    def look(self, keys: Sequence[Any], /) -> tuple[dict[Any, Finding], list[Any]]: ...
    def remote_pages(self) -> Iterable[list[Any]]: ...
    def remote_pages_by_texts(self) -> Iterable[list[Any]]: ...
    def unclaimed(self, remote_keys: Sequence[Any], /) -> list[Any]: ...
    def look_there(self, remote_keys: Sequence[Any], /) -> tuple[dict[Any, Finding], list[Any]]: ...
    def not_told(self, key: Any, /, reason: str) -> Finding: ...
    def not_told_there(self, remote_key: Any, /, reason: str) -> Finding: ...
    def states(self, found: Sequence[Finding]) -> list[Explanation]: ...


#: Looks at rows again: see ``Table.look()``.
Look = Callable[[Sequence[Any]], tuple[dict[Any, Finding], list[Any]]]

#: Makes what is told of a row that could not be looked at; its arguments are the key and why.
NotTold = Callable[[Any, str], Finding]

#: Takes what differs for no known reason.
OnDifference = Callable[[list[Finding]], None]


class GoingThrough:
    """A comparison of one table.

    Args:
        report: takes what is found.
        on_difference: gets what differs for no known reason.
        on_rows: called with the number of rows that are done.
    """

    def __init__(
        self,
        table: Table,
        remote: str,
        report: ComparisonReport,
        on_difference: OnDifference,
        on_rows: Callable[[int], None],
    ) -> None:
        self._table, self._remote, self._report = table, remote, report
        self._on_difference, self._on_rows = on_difference, on_rows

    def compare(self) -> None:
        """Compare both sides."""
        try:
            self._compare(self._table.pages(), self._table.remote_pages)
        except Exception as error:
            if not isinstance(error, KeysNotInOrder) and not is_of_one_object(error):
                raise
            self._compare(self._table.pages_by_texts(), self._table.remote_pages_by_texts)

    def _compare(self, pages: Iterable[Page], remote_pages: Callable[[], Iterable[list[Any]]]) -> None:
        counts = self._report.begin(self._remote, self._table.label, self._table.not_compared)
        look = _stopped_by_none(self._table.look, self._table.not_told)
        marks = 0
        for page in pages:
            counts.local += page.rows
            marks += sum(map(mark_of, page.equal))
            counts.equal += page.rows - len(page.doubtful)
            for some in _chunks(page.doubtful):
                found, there = self._settle(look, some)
                counts.equal += len(some) - found
                marks += sum(map(mark_of, there))
            self._on_rows(page.rows)
        for keys in remote_pages():
            counts.remote += len(keys)
            marks -= sum(map(mark_of, keys))
        if marks:
            self._look_for_what_only_the_remote_has(remote_pages())

    def _look_for_what_only_the_remote_has(self, remote_pages: Iterable[list[Any]]) -> None:
        look = _stopped_by_none(self._table.look_there, self._table.not_told_there)
        for keys in remote_pages:
            for some in _chunks(self._unclaimed(keys)):
                self._settle(look, some)

    def _unclaimed(self, remote_keys: Sequence[Any]) -> Sequence[Any]:
        try:
            return self._table.unclaimed(remote_keys)
        except Exception as error:
            if not is_of_object(error):
                raise
            return remote_keys

    # Once more ------------------------------------------------------------------------------------

    def _settle(self, look: Look, keys: Sequence[Any]) -> tuple[int, list[Any]]:
        """Report what is not the same: users, or a follower, may be at work.

        What differs for no known reason is looked at once more, until two looks have found the same.

        Returns:
            How many objects are not the same; and the remote keys of all that were found there at first.
        """
        found, there = look(keys)
        number = len(found)
        for _ in range(_LOOKS):
            found, equal = self._settle_once(look, found)
            number -= equal
            if not found:
                return number, there
        reason = "it was changed each time that it was looked at"
        self._tell([(each, (State.CHANGING, reason)) for each in found.values()])
        return number, there

    def _settle_once(self, look: Look, found: dict[Any, Finding]) -> tuple[dict[Any, Finding], int]:
        """Return what has to be looked at again, and how many turned out to be the same."""
        explained = list(zip(found.items(), self._states(list(found.values())), strict=True)) if found else []
        self._tell([(each, why) for (_, each), why in explained if why[0] is not State.DIFFERS])
        unexplained = {key: each for (key, each), why in explained if why[0] is State.DIFFERS}
        if not unexplained:
            return {}, 0
        again, _ = look(list(unexplained))
        settled = [each for key, each in unexplained.items() if key in again and _are_alike(again[key], each)]
        self._tell([(each, (State.DIFFERS, "")) for each in settled])
        self._on_difference(settled)
        changed = {key: each for key, each in again.items() if not _are_alike(unexplained[key], each)}
        return changed, len(unexplained) - len(again)

    def _states(self, found: Sequence[Finding]) -> list[Explanation]:
        """Return why objects are not the same; what cannot be read explains nothing."""
        try:
            return self._table.states(found)
        except Exception as error:
            if not is_of_object(error):
                raise
            return [UNEXPLAINED] if len(found) == 1 else [why for each in found for why in self._states([each])]

    def _tell(self, found: Iterable[tuple[Finding, Explanation]]) -> None:
        for each, (state, reason) in found:
            self._report.add(
                Difference(
                    remote=self._remote,
                    model=self._table.label,
                    local_key=_shown(each.key),
                    remote_key=_shown(each.remote_key),
                    state=state,
                    only=each.only,
                    fields=each.fields,
                    reason="; ".join(filter(None, (each.reason, reason))),
                )
            )


def _stopped_by_none(look: Look, not_told: NotTold) -> Look:
    """Return a look that goes on where something of one row cannot be read: of it, or of what it leads to."""

    def look_at(keys: Sequence[Any]) -> tuple[dict[Any, Finding], list[Any]]:
        try:
            return look(keys)
        except Exception as error:
            if not is_of_object(error):
                raise
            if len(keys) == 1:
                why = " ".join(str(error).split()) or type(error).__name__
                return {keys[0]: not_told(keys[0], f"it cannot be compared: {why}")}, []
        middle = len(keys) // 2
        (found, there), (others, others_there) = look_at(keys[:middle]), look_at(keys[middle:])
        return found | others, there + others_there

    return look_at


def _are_alike(one: Finding, other: Finding) -> bool:
    """Tell whether two looks have found the same; a key that is not equal to itself (NaN) has the same text."""
    texts = [(_shown(each.key), _shown(each.remote_key), _shown(each.row)) for each in (one, other)]
    rest = [replace(each, key=None, remote_key=None, row=None) for each in (one, other)]
    return texts[0] == texts[1] and rest[0] == rest[1]


def _shown(key: Any) -> str | None:
    return None if key is None else printable_key(encode_key(key))


def _chunks(keys: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (keys[start : start + _CLOSER] for start in range(0, len(keys), _CLOSER))
