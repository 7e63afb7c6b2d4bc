"""What users have written upon what, and what must have become of it, in whichever order it was brought round.

A write gives one field of one object a new number. Who writes has seen what its node has then. What nobody has written
upon is a *leaf*; where there are several, users have not seen one another's, and the newest of them stands: by its
author's clock, but later than what was received before it. The others are on record as conflicts. Which of two is newer
by a few microseconds nobody can tell from here: a write that came back to its author has been received there, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from synchro_triggers.models import Conflict

#: Microseconds by which nothing but what was received, and how many rows a log has since, tells which write is newer.
_CLOSE = 1_000


class Cell(NamedTuple):
    """One field of one object; of what is merged as a whole, the field that tells the write."""

    thing: str
    field: str


@dataclass(frozen=True)
class Write:
    """A write.

    Attributes:
        number: which stands in the field since then.
        node: at which it was made.
        upon: the number that was seen there; 0: the object was made.
        time: when, in microseconds: a hybrid time.
        alive: the object was there after it.
    """

    number: int
    node: str
    upon: int
    time: int
    alive: bool


@dataclass
class Ledger:
    """All that users have written in a history.

    Args:
        identities: of the nodes, by their names.
    """

    identities: Mapping[str, str]
    writes: dict[Cell, dict[int, Write]] = field(default_factory=dict)
    sums: dict[str, int] = field(default_factory=dict)
    _stands: dict[Cell, int] = field(default_factory=dict)

    def note(self, cell: Cell, number: int, node: str, upon: int, logged: int, *, alive: bool = True) -> None:
        """Note a write, which was logged at a time of its node's clock, in microseconds."""
        received = self._received(cell, node, upon)
        time = logged if received is None else max(logged, received.time + 1)
        self.writes.setdefault(cell, {})[number] = Write(number, node, upon, time, alive)

    def add(self, thing: str, more: int) -> None:
        """Note what was added to a counter."""
        self.sums[thing] = self.sums.get(thing, 0) + more

    def _received(self, cell: Cell, node: str, upon: int) -> Write | None:
        """Return what the node had received from another one before its users have written upon it."""
        while upon and self.writes[cell][upon].node == node:
            upon = self.writes[cell][upon].upon
        return self.writes[cell][upon] if upon else None

    def leaves(self, cell: Cell) -> list[Write]:
        """Return what nobody has written upon; the newest is the last."""
        writes = self.writes[cell]
        seen = {write.upon for write in writes.values()}
        leaves = [write for write in writes.values() if write.number not in seen]
        stands = self._stands.get(cell)
        return sorted(leaves, key=lambda write: (write.number == stands, write.time, self.identities[write.node]))

    def decide(self, found: Mapping[Cell, int]) -> None:
        """Take what a node has at the end for the newest, if only a few microseconds tell it from that."""
        self._stands.clear()
        for cell in self.writes:
            *_, newest = leaves = self.leaves(cell)
            for write in leaves:
                if newest.time - write.time <= _CLOSE and found.get(cell) == (write.number if write.alive else None):
                    self._stands[cell] = write.number

    def expected(self) -> dict[Cell, int]:
        """Return what all nodes must have in the end."""
        newest = {cell: self.leaves(cell)[-1] for cell in self.writes}
        return {cell: write.number for cell, write in newest.items() if write.alive}

    def has_seen(self, cell: Cell, later: int, earlier: int) -> bool:
        """Tell whether a write was made upon another one, or upon what was, or is that one."""
        while later and later != earlier:
            later = self.writes[cell][later].upon
        return later == earlier

    def problems_of_record(self, record: Iterable[Conflict], read: Mapping[str, str]) -> list[str]:
        """Return what is wrong with the conflicts that are on record: one that is missing, that is none, or is twice.

        Args:
            record: the conflicts of all nodes.
            read: by the label of a model, the field that tells an object in all its values.
        """
        problems = []
        met: dict[tuple[str, tuple[tuple[Cell, int, int], ...]], str] = {}
        told: set[tuple[Cell, int]] = set()
        for conflict in record:
            node, sides = str(conflict._state.db), self._sides(conflict, read)
            if any(-1 in numbers for _, *numbers in sides):
                problems.append(f"at {node}, {conflict} has what no user has done: {sides} {_told(conflict)}")
                continue
            concurrent = [each for each in sides if not self._in_sequence(*each)]
            told.update((cell, number) for cell, *numbers in concurrent for number in numbers)
            if not concurrent:
                problems.append(f"at {node}, {conflict} is on record, and is none: {sides}")
            if (node, sides) in met:
                problems.append(f"at {node}, {conflict} is on record twice: {sides}")
            met[node, sides] = str(conflict)
        for cell in self.writes:
            *lost, newest = self.leaves(cell)
            # One of several deletes stands for all of them: where two meet there is nothing to decide.
            deletes = {write.number for write in self.writes[cell].values() if not write.alive}
            gone_told = any((cell, number) in told for number in deletes)
            problems += [
                f"{cell}: {write} is lost to {newest}, and not on record"
                for write in lost
                if (write.alive or newest.alive)
                and (cell, write.number) not in told
                and not (write.number in deletes and gone_told)
            ]
        return problems

    def _in_sequence(self, cell: Cell, one: int, other: int) -> bool:
        return self.has_seen(cell, one, other) or self.has_seen(cell, other, one)

    def _sides(self, conflict: Conflict, read: Mapping[str, str]) -> tuple[tuple[Cell, int, int], ...]:
        """Return over which writes a conflict is, of each field that somebody has written."""
        local, remote = (json.loads(text or "null") for text in (conflict.local_values, conflict.remote_values))
        thing = str((local or remote)[read[conflict.model_label]])
        cells = [cell for cell in self.writes if cell.thing == thing]
        ours = self._numbers(cells, local, conflict.local_author, conflict.local_at)
        theirs = self._numbers(cells, remote, conflict.remote_author, conflict.remote_at)
        return tuple(zip(cells, ours, theirs, strict=True))

    def _numbers(self, cells: list[Cell], values: dict[str, str] | None, author: str, at: datetime | None) -> list[int]:
        """Return which write one side of a conflict has in each cell; -1: no user has made it."""
        if values is not None:
            return [int(values[cell.field]) for cell in cells]
        when = in_microseconds(at) if at is not None else 0
        deletes = [[write for write in self.writes[cell].values() if not write.alive] for cell in cells]
        return [
            min(
                (abs(each.time - when), each.number)
                for each in [*some, _NOBODYS]
                if each is _NOBODYS or (self.identities[each.node] == author and abs(each.time - when) <= _CLOSE)
            )[1]
            for some in deletes
        ]


#: Stands for a delete that no user has made.
_NOBODYS = Write(-1, "", 0, -(10**18), False)


def in_microseconds(moment: datetime) -> int:
    """Return a moment of UTC as a number."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _told(conflict: Conflict) -> str:
    ours = f"{conflict.local_values} of {conflict.local_author} at {conflict.local_at}"
    return f"{ours}, {conflict.remote_values} of {conflict.remote_author} at {conflict.remote_at}"
