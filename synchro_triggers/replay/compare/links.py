"""The links of an automatic many-to-many table: pairs of objects, whatever the keys of their rows are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.db import connections
from django.db.models import F, Model

from ...conf import local_alias
from ...vendors.vendor import database_of
from ..identity.matching import Matching
from ..rows.json_text import StoredText
from ..rows.other_spellings import OtherSpellings
from ..rows.partly_readable import read_in_part
from ..rows.raw_keys import is_of_one_object
from ..rows.selecting import linked_pairs, rows_of, rows_with
from ..rows.vendor import fetch_texts
from ..schema.keys import Unreadable
from ..schema.link_shapes import LinkShape
from ..schema.shape import root_of
from .equal_rows import PAGE, KeysNotInOrder, Page, up_to_now
from .explained import Way
from .keys_across import KeysAcross
from .report import Finding, State
from .sides import Sides
from .states import UNEXPLAINED, Explanation

#: The keys of the two ends of a link.
Pair = tuple[Any, Any]


class Links:
    """A table of links, to be compared as ``Objects`` is.

    Args:
        ways: from LOCAL to the remote, and the way back, if there is one.

    Attributes:
        label: of its model.
        not_compared: nothing.
    """

    not_compared: tuple[str, ...] = ()

    def __init__(self, sides: Sides, ways: tuple[Way, Way | None], shape: LinkShape) -> None:
        self._sides, self._ways, self._shape = sides, ways, shape
        self._across = KeysAcross(sides)
        self._models = shape.source_model, shape.target_model
        self._unread: dict[tuple[str, Pair], Any] = {}  # the keys of the rows whose ends cannot be read
        self.label = shape.through._meta.label

    # From LOCAL -----------------------------------------------------------------------------------

    def pages(self) -> Iterator[Page]:
        """Yield LOCAL's links, a page at a time; what is doubtful are pairs."""
        return self._pages(self._pairs_of(local_alias()))

    def pages_by_texts(self) -> Iterator[Page]:
        """Yield the same where some links have ends that cannot be read."""
        return self._pages(self._all_pairs_of(local_alias()))

    def _pages(self, read: Iterable[list[Pair]]) -> Iterator[Page]:
        for pairs in read:
            there = self._there([pair for pair in pairs if _is_read(pair)])
            linked = self._linked(self._sides.remote, [pair for pair in there.values() if None not in pair])
            doubtful = [pair for pair in pairs if there.get(pair) not in linked]
            yield Page(len(pairs), [there[pair] for pair in pairs if there.get(pair) in linked], doubtful)

    def _there(self, pairs: Sequence[Pair]) -> dict[Pair, Pair]:
        """Return what few queries tell of the ends there; nothing where a value of one of the targets is unreadable."""
        try:
            known = [self._across.targets(model, set(keys)) for model, keys in self._by_model(pairs)]
        except Exception as error:
            if not is_of_one_object(error):
                raise
            return {}
        return {pair: (known[0].get(pair[0]), known[1].get(pair[1])) for pair in pairs}

    def look(self, pairs: Sequence[Pair]) -> tuple[dict[Pair, Finding], list[Pair]]:
        """Look closer at links of LOCAL: what is not the same, by pair; and the remote pairs that were found."""
        rows = self._linked(local_alias(), list(filter(_is_read, pairs)))
        identity = self._sides.identity()
        keys_there = Matching(identity, OtherSpellings(self._sides.remote)).keys_there
        ends: list[dict[Any, Any]] = []
        for number, model in enumerate(self._models):
            keys = list(dict.fromkeys(pair[number] for pair in rows))
            identity.load(model, keys)
            ends.append({key: keys_there.key_there(model, key) for key in keys})
        there = {pair: (ends[0][pair[0]], ends[1][pair[1]]) for pair in rows}
        linked = self._linked(self._sides.remote, [pair for pair in there.values() if None not in pair])
        missing = {
            pair: Finding(pair, None if None in remote_pair else remote_pair, "local", row=rows[pair])
            for pair, remote_pair in there.items()
            if remote_pair not in linked
        }
        why = f"its ends cannot be read on {local_alias()!r}"
        missing |= {pair: self.not_told(pair, why, only="local") for pair in pairs if not _is_read(pair)}
        return missing, [remote_pair for remote_pair in there.values() if remote_pair in linked]

    # From the remote ------------------------------------------------------------------------------

    def remote_pages(self) -> Iterator[list[Pair]]:
        """Yield the pairs that are linked on the remote, a page at a time."""
        return self._pairs_of(self._sides.remote)

    def remote_pages_by_texts(self) -> Iterator[list[Pair]]:
        """Yield the same where some of them have ends that cannot be read."""
        return self._all_pairs_of(self._sides.remote)

    def unclaimed(self, remote_pairs: Sequence[Pair]) -> list[Pair]:
        """Return those of the remote's links that a few queries do not show to be links of LOCAL."""
        read = list(filter(_is_read, remote_pairs))
        ends = [self._keys_here(model, set(keys)) for model, keys in self._by_model(read)]
        here = {pair: (ends[0].get(pair[0]), ends[1].get(pair[1])) for pair in read}
        linked = self._linked(local_alias(), [pair for pair in here.values() if None not in pair])
        return [pair for pair in remote_pairs if here.get(pair) not in linked]

    def look_there(self, remote_pairs: Sequence[Pair]) -> tuple[dict[Pair, Finding], list[Pair]]:
        """Look closer at links of the remote: which of them LOCAL does not have."""
        rows = self._linked(self._sides.remote, list(filter(_is_read, remote_pairs)))
        matching = Matching(self._sides.identity(), OtherSpellings(self._sides.remote))
        ends: list[dict[Any, Any]] = []
        for model, keys in self._by_model(rows):
            found = matching.living.keys_of(read_in_part(root_of(model), self._sides.remote, list(dict.fromkeys(keys))))
            known = ((remote_key, key) for (_, remote_key), key in found.items())
            # Several rows may have the natural key of one object, which is one of them, or none.
            ends.append({there: key for there, key in known if matching.match_key(model, key) == there})
        here = {pair: (ends[0].get(pair[0]), ends[1].get(pair[1])) for pair in rows}
        linked = self._linked(local_alias(), [pair for pair in here.values() if None not in pair])
        missing = {
            remote_pair: Finding(None if None in pair else pair, remote_pair, "remote", row=rows[remote_pair])
            for remote_pair, pair in here.items()
            if pair not in linked
        }
        why = f"its ends cannot be read on {self._sides.remote!r}"
        return missing | {
            pair: self.not_told_there(pair, why, only="remote") for pair in remote_pairs if not _is_read(pair)
        }, []

    def _keys_here(self, model: type[Model], remote_keys: Collection[Any]) -> dict[Any, Any]:
        root = root_of(model)
        candidates = self._across.here(root, remote_keys)
        there = self._across.there(root, {key for keys in candidates.values() for key in keys})
        found: dict[Any, Any] = {}
        for remote_key, keys in candidates.items():
            if len(those := [key for key in keys if there.get(key) == remote_key]) == 1:
                found[remote_key] = those[0]
        return found

    # Both -----------------------------------------------------------------------------------------

    def _by_model(self, pairs: Iterable[Pair]) -> list[tuple[type[Model], Sequence[Any]]]:
        """Return the models of the two ends, with the keys there."""
        ends = list(zip(*pairs, strict=True)) or [(), ()]
        return list(zip(self._models, ends, strict=True))

    def _linked(self, alias: str, pairs: Collection[Pair]) -> dict[Pair, Any]:
        return linked_pairs(self._shape.through, self._shape.ends, alias, pairs)

    def _pairs_of(self, alias: str) -> Iterator[list[Pair]]:
        rows = up_to_now(rows_of(self._shape.through, alias)).values_list("pk", *self._shape.ends)
        last = None
        while page := list((rows if last is None else rows.filter(pk__gt=last))[:PAGE]):
            pairs = [(source, target) for _, source, target in page]
            if not self._are_found(alias, pairs):
                raise KeysNotInOrder
            yield pairs
            last = page[-1][0]

    def _all_pairs_of(self, alias: str) -> Iterator[list[Pair]]:
        """Yield the same; the ends of links of which one cannot be read are ``Unreadable``."""
        keys = up_to_now(rows_of(self._shape.through, alias)).values_list("pk", flat=True)
        last = None
        while page := list((keys if last is None else keys.filter(pk__gt=last))[:PAGE]):
            yield self._pairs_with(alias, page)
            last = page[-1]

    def _pairs_with(self, alias: str, keys: Sequence[Any]) -> list[Pair]:
        rows = rows_with(self._shape.through, alias, pk=keys)
        try:
            pairs = [(source, target) for source, target in rows.values_list(*self._shape.ends)]
            if self._are_found(alias, pairs):
                return pairs
        except Exception as error:
            if not is_of_one_object(error):
                raise
        if len(keys) > 1:
            middle = len(keys) // 2
            return [pair for half in (keys[:middle], keys[middle:]) for pair in self._pairs_with(alias, half)]
        texts = rows.values_list(*(StoredText(F(end)) for end in self._shape.ends))
        found = fetch_texts(connections[alias], *texts.query.get_compiler(alias).as_sql())
        self._unread.update(((alias, (Unreadable(one), Unreadable(other))), keys[0]) for one, other in found)
        return [(Unreadable(one), Unreadable(other)) for one, other in found]

    def _are_found(self, alias: str, pairs: Sequence[Pair]) -> bool:
        """Tell whether links are found by what their ends are read as: not by a time that is none, a blob, or NaN."""
        kinds = {type(end) for pair in pairs for end in pair}
        if kinds <= {int} or not (database_of(connections[alias]).HOLDS_ANYTHING or kinds & {type(None), Decimal}):
            return True
        return len(self._linked(alias, pairs)) == len(pairs)

    def not_told(self, pair: Pair, reason: str, only: str = "") -> Finding:
        """Return what is told of a link of LOCAL that could not be looked at."""
        return Finding(pair, None, only, reason=reason, row=self._row_of(local_alias(), pair))

    def not_told_there(self, remote_pair: Pair, reason: str, only: str = "") -> Finding:
        """Return what is told of a link of the remote that could not be looked at."""
        return Finding(None, remote_pair, only, reason=reason, row=self._row_of(self._sides.remote, remote_pair))

    def _row_of(self, alias: str, pair: Pair) -> Any:
        return self._linked(alias, [pair]).get(pair) if _is_read(pair) else self._unread.get((alias, pair))

    # Why ------------------------------------------------------------------------------------------

    def states(self, found: Sequence[Finding]) -> list[Explanation]:
        """Return why links are not the same."""
        states = [UNEXPLAINED] * len(found)
        for way, side in zip(self._ways, ("local", "remote"), strict=True):
            if way is not None:
                self._explain(way, side, found, states)
        return states

    def _explain(self, way: Way, side: str, found: Sequence[Finding], states: list[Explanation]) -> None:
        """Put what a way knows into the states: of a link by its row; of one that is gone by the ends that it had."""
        labels = [self.label]
        rows = {each.row for each in found if each.only == side}
        pending, kept = way.pending(self._shape.through, labels, rows), way.kept(self._shape.through, labels, rows)
        gone = {_pair(each, side): number for number, each in enumerate(found) if each.only != side}
        pending_gone = {pair for pair in way.pending_links(self._shape) if pair in gone} if gone else set()
        kept_gone: dict[Any, str] = {}
        if gone:
            kept_gone = {pair: error for pair, error in way.kept_links(self._shape) if pair in gone}
        for number, each in enumerate(found):
            mine = each.only == side
            at: Any = each.row if mine else _pair(each, side)
            if at in (fails := kept if mine else kept_gone):
                states[number] = State.KEPT, fails[at]
            elif at in (pending if mine else pending_gone) and states[number][0] is not State.KEPT:
                states[number] = State.PENDING, way.why_pending


def _is_read(pair: Pair) -> bool:
    return not any(isinstance(end, Unreadable) for end in pair)


def _pair(found: Finding, side: str) -> Pair | None:
    """Return the ends that a link has, or had, on a side."""
    pair: Pair | None = found.key if side == "local" else found.remote_key
    return pair
