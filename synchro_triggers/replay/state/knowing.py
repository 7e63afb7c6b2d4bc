"""What a node has seen of all others' changes, as its database says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from django.db import connections

from ...models import Knowledge
from ..log.heard import Basis, Heard
from ..log.notes import require_texts
from ..log.versions import Known, Version, knows
from .gaps import concern, require_entries


class Received(NamedTuple):
    """What a node has received from a source itself: what its checkpoint says.

    Attributes:
        number: the last of the source's windows.
        position, window_end, window_after: as of ``Checkpoint``.
        lacks: labels of models of which something was not brought.
        unlogged: labels of those of which something came without being logged; what tells one time from another.
    """

    number: int
    position: str
    window_end: str
    window_after: int
    lacks: frozenset[str]
    unlogged: Mapping[str, str]


class Knowing:
    """What one node knows: of all models, and of some more.

    Args:
        heard: what it has seen, whichever way that came.
        came_with: by numbers, what was seen of those of its objects that have come with it.
        received: what it has received from others themselves, by their node ids.
        failing: labels of models of which something has come and is kept as a failure, so that nobody can say that the
            node knows it.
        itself: the node, which knows all that its users do.
    """

    def __init__(
        self,
        heard: Heard,
        came_with: Mapping[int, Heard],
        received: Mapping[str, Received],
        failing: Collection[str],
        itself: str,
    ) -> None:
        self._itself, self._failing, self.received = itself, frozenset(failing), received
        self._heard, self.came_with = heard, came_with

    @property
    def authors(self) -> set[str]:
        """Of whose changes the node knows anything."""
        return {*self._heard.of_all, *self.received}.union(*self._heard.of_models.values())

    @property
    def lacks_some(self) -> bool:
        """Whether the node lacks something of some model that a source has logged."""
        return any(each.lacks for each in self.received.values())

    @property
    def unlogged(self) -> dict[str, str]:
        """Labels of models of which the node has received something without logging it; see ``Checkpoint.unlogged``."""
        found: dict[str, list[str]] = {}
        for source, each in sorted(self.received.items()):
            for label, at in each.unlogged.items():
                found.setdefault(label, []).append(f"{source} {at}")
        return {label: ", ".join(times) for label, times in found.items()}

    def has_met(self, node: str) -> bool:
        """Tell whether the node has received anything from another one, or heard anything of its users' changes."""
        return node in self.authors or any(
            author == node for heard in self.came_with.values() for author, _, _ in heard.rows
        )

    def keeps_failures(self, labels: Collection[str]) -> bool:
        """Tell whether something of a model with rows in tables of these labels has come and is kept as a failure."""
        return not self._failing.isdisjoint(labels)

    def has_received(self, source: str, labels: Collection[str]) -> Received | None:
        """Return what the node has received from a source, if all of the models with these labels has come."""
        received = self.received.get(source)
        if received is None or concern(received.lacks, labels) or self.keeps_failures(labels):
            return None
        return received

    def of(self, labels: Collection[str], came_with: int | None = None) -> Known:
        """Return what the node knows of objects of a model.

        Args:
            labels: of the tables that their rows are in.
            came_with: of an object, what it has come with (see ``Reference``).
        """
        if self.keeps_failures(labels):
            return {self._itself: _EVERYTHING}
        known = dict(self._heard.of(labels))
        for source, received in self.received.items():
            if received.number > known.get(source, 0) and not concern(received.lacks, labels):
                known[source] = received.number
        if came_with is not None and (heard := self.came_with.get(came_with)) is not None:
            for author, number in heard.of(labels).items():
                known[author] = max(number, known.get(author, 0))
        known[self._itself] = _EVERYTHING
        return known

    def sees(self, labels: Collection[str], basis: Basis) -> Callable[[Version], bool]:
        """Return what tells whether the node has seen versions of one object.

        Args:
            labels: of the tables that the object's rows are in.
            basis: what had been seen of it when it came to the node.
        """
        known = self.of(labels, basis.came_with)
        return lambda version: knows(known, version) or basis.includes(version)

    @property
    def of_all_objects(self) -> Known:
        """What the node knows of all objects; nothing, where it lacks some, or keeps failures."""
        return {} if self.lacks_some or self._failing else self.of_all()

    @property
    def passed(self) -> list[int]:
        """The numbers of what some objects have come with, all of which the node knows of all by now."""
        of_all = self.of_all_objects
        return [
            came_with
            for came_with, heard in self.came_with.items()
            if all(of_all.get(author, 0) >= number for author, _, number in heard.rows if author != self._itself)
        ]

    def of_all(self) -> Known:
        """Return what the node knows of all models, where it lacks nothing."""
        known = dict(self._heard.of_all)
        for source, received in self.received.items():
            if received.number > known.get(source, 0):
                known[source] = received.number
        return known


_EVERYTHING = 2**63 - 1

_KNOWN = """
    SELECT 'received', source, '', number, position, window_end, window_after, lacks, unlogged
      FROM synchro_triggers_checkpoint
     UNION ALL SELECT 'heard', author, model_label, number, '', '', came_with, '', '' FROM synchro_triggers_knowledge
     UNION ALL SELECT DISTINCT 'failing', '', model_label, 0, '', '', 0, '', '' FROM synchro_triggers_failure
"""


def read_knowledge(alias: str, node: str) -> Knowing:
    """Return what a database knows: what it has received from others, and what they had received."""
    heard, came_with = Heard(), dict[int, Heard]()
    received: dict[str, Received] = {}
    failing: list[str] = []
    with connections[alias].cursor() as cursor:
        cursor.execute(_KNOWN)
        for kind, author, label, number, position, end, after, lacks, unlogged in cursor.fetchall():
            if kind == "received":
                lacking, entries = require_texts(lacks), require_entries(unlogged)
                received[author] = Received(number, position, end, after, lacking, entries)
            elif kind == "heard":
                (came_with.setdefault(after, Heard()) if after else heard).add(author, label, number)
            else:
                failing.append(label)
    return Knowing(heard, came_with, received, failing, node)


def write_knowledge(alias: str, labels: Collection[str], known: Known) -> None:
    """Note that a database knows more than before.

    Args:
        alias: the database.
        labels: of these models; an empty one: of all.
        known: authors to the numbers of their windows.
    """
    rows = Knowledge._base_manager.using(alias).filter(came_with=0)
    for author, number in known.items():
        there = rows.filter(author=author, model_label__in=labels)
        new = set(labels).difference(there.values_list("model_label", flat=True))
        rows.bulk_create([Knowledge(author=author, model_label=label, number=number) for label in sorted(new)])
        there.filter(number__lt=number).update(number=number)  # another run may have brought more
