"""The rows of a table that has objects in it, by all that tells which of them are the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from django.utils.translation import gettext as _

from ...conf import local_alias
from ..identity.matching import Matching
from ..identity.reference_table import text_of
from ..rows.other_spellings import OtherSpellings
from ..rows.partly_readable import read_in_part
from ..rows.raw_keys import are_found
from ..rows.selecting import rows_of, rows_with
from ..rows.utc import zone_of
from ..schema.keys import Unreadable
from ..schema.shape import read_keys
from .closer_look import CloserLook
from .equal_rows import PAGE, EqualRows, KeysNotInOrder, Page, up_to_now
from .explained import Way
from .keys_across import KeysAcross
from .keys_by_texts import pages_by_texts, why_unreadable
from .report import Finding
from .sides import Sides
from .states import Explanation, States
from .tables import ComparedTable

#: Keys of the remote that are read at a time.
_KEYS = 20_000


class Objects:
    """A table of objects.

    Args:
        ways: from LOCAL to the remote, and the way back, if there is one.
        table: what is compared of it.

    Attributes:
        label: of its model.
        not_compared: names of fields that are left out.
    """

    def __init__(self, sides: Sides, ways: tuple[Way, Way | None], table: ComparedTable) -> None:
        self._sides, self._table = sides, table
        self._across = KeysAcross(sides)
        self._states = States(sides, ways, table.root)
        self.label, self.not_compared = table.label, table.not_compared

    # From LOCAL -----------------------------------------------------------------------------------

    def pages(self) -> Iterator[Page]:
        """Yield LOCAL's rows, a page at a time.

        Raises:
            KeysNotInOrder: ``pages_by_texts()`` has to be asked instead, from the beginning.
        """
        return EqualRows(self._table, self._sides.remote, self._across).pages()

    def pages_by_texts(self) -> Iterator[Page]:
        """Yield the pages by keys as triggers write them; all of their rows need a closer look."""
        for keys in pages_by_texts(local_alias(), self._table.model, PAGE):
            yield Page(len(keys), [], keys)

    def look(self, keys: Sequence[Any]) -> tuple[dict[Any, Finding], list[Any]]:
        """Look closer at rows of LOCAL.

        Returns:
            What is not the same, by local key; and the remote keys of all that were found there.
        """
        look = CloserLook(self._sides, self._table)
        return look.at(keys), list(look.remote_keys.values())

    # From the remote ------------------------------------------------------------------------------

    def remote_pages(self) -> Iterator[list[Any]]:
        """Yield the keys of the remote's rows, a page at a time."""
        model, remote = self._table.model, self._sides.remote
        rows = up_to_now(rows_of(model, remote)).values_list("pk", flat=True)
        last: Any = None
        while keys := _readable(list((rows if last is None else rows.filter(pk__gt=last))[:_KEYS])):
            if last in keys or not are_found(remote, model, keys):
                raise KeysNotInOrder
            yield keys
            last = keys[-1]

    def remote_pages_by_texts(self) -> Iterator[list[Any]]:
        """Yield the same by keys as triggers write them."""
        return pages_by_texts(self._sides.remote, self._table.model, PAGE)

    def unclaimed(self, remote_keys: Sequence[Any]) -> list[Any]:
        """Return those of the remote's rows that a few queries do not show to be exactly one object of LOCAL."""
        claims = self._claims([key for key in remote_keys if not isinstance(key, Unreadable)])
        return [key for key in remote_keys if len(claims.get(key, ())) != 1]

    def _claims(self, remote_keys: Sequence[Any]) -> dict[Any, list[Any]]:
        """Return which objects that LOCAL has lead to remote rows, as far as a few queries tell."""
        table, across = self._table, self._across
        here = across.here(table.root, remote_keys)
        candidates = {key for keys in here.values() for key in keys}
        living = self._living(candidates)
        there = across.there(table.root, living) if living else {}
        return {remote_key: [key for key in keys if there.get(key) == remote_key] for remote_key, keys in here.items()}

    def _living(self, keys: Collection[Any]) -> set[Any]:
        """Return those of the keys that LOCAL's table has."""
        return set(rows_with(self._table.model, local_alias(), pk=keys).values_list("pk", flat=True)) if keys else set()

    def look_there(self, remote_keys: Sequence[Any]) -> tuple[dict[Any, Finding], list[Any]]:
        """Look closer at rows of the remote: which of them LOCAL does not have, or has more than once."""
        remote = self._sides.remote
        unreadable = [key for key in remote_keys if isinstance(key, Unreadable)]
        found = {
            key: Finding(None, key, "remote", reason=why_unreadable(self._table.model, key, remote))
            for key in self._not_told_of(unreadable)
        }
        rows = read_in_part(self._table.model, remote, [key for key in remote_keys if not isinstance(key, Unreadable)])
        known = Matching(self._sides.identity(), OtherSpellings(remote)).living.keys_of(rows)
        keys = {remote_key: key for (_text, remote_key), key in known.items()}
        living, claims = self._living(set(keys.values())), self._claims([row.pk for row in rows])
        # Several rows may have the natural key of one object, which is one of them, or none.
        matched = CloserLook(self._sides, self._table).match(list(living))
        for row in rows:
            if len(some := claims[row.pk]) > 1:
                text = _("several objects of '%(database)s' are this row: %(keys)s")
                said = {"database": local_alias(), "keys": ", ".join(map(text_of, some))}
                found[row.pk] = Finding(some[-1], row.pk, reason=text % said)
            elif matched.get(keys.get(row.pk)) != row.pk:
                found[row.pk] = Finding(None, row.pk, "remote")
        return found, []

    def _not_told_of(self, unreadable: Sequence[Unreadable]) -> list[Unreadable]:
        """Leave out rows in whose place an object of LOCAL has found none: that was told of it."""
        model, remote = self._table.model, self._sides.remote
        keys = read_keys(model, unreadable, zone_of(remote))
        read = [key for key in keys if not isinstance(key, Unreadable)]
        claims = self._claims(read) if read else {}
        there = set(rows_with(model, remote, pk=read).values_list("pk", flat=True)) if read else set()
        return [
            text
            for text, key in zip(unreadable, keys, strict=True)
            if isinstance(key, Unreadable) or key in there or len(claims[key]) != 1
        ]

    def not_told(self, key: Any, reason: str) -> Finding:
        """Return what is told of an object of LOCAL that could not be looked at."""
        return Finding(key, None, reason=reason)

    def not_told_there(self, remote_key: Any, reason: str) -> Finding:
        """Return what is told of a row of the remote that could not be looked at."""
        return Finding(None, remote_key, reason=reason)

    def states(self, found: Sequence[Finding]) -> list[Explanation]:
        """Return why objects are not the same."""
        return self._states.of(found)


def _readable(keys: list[Any]) -> list[Any]:
    hash(tuple(keys))
    return keys
