"""The links of an automatic many-to-many table: pairs of objects, whatever the keys of their rows are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from django.db.models import Model

from ...conf import local_alias
from ..identity.matching import Matching
from ..rows.other_spellings import OtherSpellings
from ..rows.partly_readable import read_in_part
from ..rows.selecting import linked_pairs, rows_of
from ..schema.link_shapes import LinkShape
from ..schema.shape import root_of
from .equal_rows import PAGE, Page, up_to_now
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
        self.label = shape.through._meta.label

    # From LOCAL -----------------------------------------------------------------------------------

    def pages(self) -> Iterator[Page]:
        """Yield LOCAL's links, a page at a time; what is doubtful are pairs."""
        for pairs in self._pairs_of(local_alias()):
            ends = zip(*pairs, strict=True)
            known = [self._across.targets(model, keys) for model, keys in zip(self._models, ends, strict=True)]
            there = {pair: (known[0].get(pair[0]), known[1].get(pair[1])) for pair in pairs}
            linked = self._linked(self._sides.remote, [pair for pair in there.values() if None not in pair])
            doubtful = [pair for pair in pairs if there[pair] not in linked]
            yield Page(len(pairs), [there[pair] for pair in pairs if there[pair] in linked], doubtful)

    pages_by_texts = pages

    def look(self, pairs: Sequence[Pair]) -> tuple[dict[Pair, Finding], list[Pair]]:
        """Look closer at links of LOCAL: what is not the same, by pair; and the remote pairs that were found."""
        rows = self._linked(local_alias(), pairs)
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
        return missing, [remote_pair for remote_pair in there.values() if remote_pair in linked]

    # From the remote ------------------------------------------------------------------------------

    def remote_pages(self) -> Iterator[list[Pair]]:
        """Yield the pairs that are linked on the remote, a page at a time."""
        return self._pairs_of(self._sides.remote)

    remote_pages_by_texts = remote_pages

    def unclaimed(self, remote_pairs: Sequence[Pair]) -> list[Pair]:
        """Return those of the remote's links that a few queries do not show to be links of LOCAL."""
        ends = [self._keys_here(model, set(keys)) for model, keys in self._by_model(remote_pairs)]
        here = {pair: (ends[0].get(pair[0]), ends[1].get(pair[1])) for pair in remote_pairs}
        linked = self._linked(local_alias(), [pair for pair in here.values() if None not in pair])
        return [pair for pair in remote_pairs if here[pair] not in linked]

    def look_there(self, remote_pairs: Sequence[Pair]) -> tuple[dict[Pair, Finding], list[Pair]]:
        """Look closer at links of the remote: which of them LOCAL does not have."""
        rows = self._linked(self._sides.remote, remote_pairs)
        matching = Matching(self._sides.identity(), OtherSpellings(self._sides.remote))
        ends: list[dict[Any, Any]] = []
        for model, keys in self._by_model(rows):
            found = matching.living.keys_of(read_in_part(root_of(model), self._sides.remote, list(dict.fromkeys(keys))))
            known = ((remote_key, key) for (_, remote_key), key in found.items())
            # Several rows may have the natural key of one object, which is one of them, or none.
            ends.append({there: key for there, key in known if matching.match_key(model, key) == there})
        here = {pair: (ends[0].get(pair[0]), ends[1].get(pair[1])) for pair in rows}
        linked = self._linked(local_alias(), [pair for pair in here.values() if None not in pair])
        return {
            remote_pair: Finding(None if None in pair else pair, remote_pair, "remote", row=rows[remote_pair])
            for remote_pair, pair in here.items()
            if pair not in linked
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
            yield [(source, target) for _, source, target in page]
            last = page[-1][0]

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
        pending, kept = way.pending(self._shape.through, labels, rows), way.kept(labels, rows)
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


def _pair(found: Finding, side: str) -> Pair | None:
    """Return the ends that a link has, or had, on a side."""
    pair: Pair | None = found.key if side == "local" else found.remote_key
    return pair
