"""What a node has seen of all others' changes, and what it learns in a run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from django.db import connections

from ...capture.tables import captured_models
from ...conf import get_settings, local_alias
from ...models import Checkpoint, Failure, Knowledge, MetNode, Window
from ..log.own_windows import OwnRow, WindowNumbers, close_window
from ..log.vendor import log_of
from ..log.versions import Known, handed_on
from ..rows.own_rows import has_rows
from .gaps import ALL, Gaps, concern, entries_in, labels_in


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
        heard: authors, model labels (empty: all), and numbers of windows, whichever way they came.
        received: what it has received from others themselves, by their node ids.
        failing: labels of models of which something has come and is kept as a failure, so that nobody can say that the
            node knows it.
        itself: the node, which knows all that its users do.
    """

    def __init__(
        self,
        heard: Iterable[tuple[str, str, int]],
        received: Mapping[str, Received],
        failing: Collection[str],
        itself: str,
    ) -> None:
        self._itself, self._failing, self.received = itself, frozenset(failing), received
        self._of_all: dict[str, int] = {}
        self._of_models: dict[str, dict[str, int]] = {}
        for author, label, number in heard:
            known = self._of_models.setdefault(label, {}) if label else self._of_all
            known[author] = max(number, known.get(author, 0))

    @property
    def authors(self) -> set[str]:
        """Of whose changes the node knows anything."""
        return {*self._of_all, *self.received}.union(*self._of_models.values())

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

    def keeps_failures(self, labels: Collection[str]) -> bool:
        """Tell whether something of a model with rows in tables of these labels has come and is kept as a failure."""
        return not self._failing.isdisjoint(labels)

    def has_received(self, source: str, labels: Collection[str]) -> Received | None:
        """Return what the node has received from a source, if all of the models with these labels has come."""
        received = self.received.get(source)
        if received is None or concern(received.lacks, labels) or self.keeps_failures(labels):
            return None
        return received

    def of(self, labels: Collection[str]) -> Known:
        """Return what the node knows of objects of a model, whose rows are in tables with these labels."""
        if self.keeps_failures(labels):
            return {self._itself: _EVERYTHING}
        known = dict(self._of_all)
        for source, received in self.received.items():
            if received.number > known.get(source, 0) and not concern(received.lacks, labels):
                known[source] = received.number
        more = [self._of_models[label] for label in labels if label in self._of_models]
        if more and len(more) == len(labels):  # of all tables
            for author in set.intersection(*map(set, more)):
                known[author] = max(known.get(author, 0), min(each[author] for each in more))
        known[self._itself] = _EVERYTHING
        return known

    def of_all(self) -> Known:
        """Return what the node knows of all models, where it lacks nothing."""
        known = dict(self._of_all)
        for source, received in self.received.items():
            if received.number > known.get(source, 0):
                known[source] = received.number
        return known


_EVERYTHING = 2**63 - 1

_KNOWN = """
    SELECT 'received', source, '', number, position, window_end, window_after, lacks, unlogged
      FROM synchro_triggers_checkpoint
     UNION ALL SELECT 'heard', author, model_label, number, '', '', 0, '', '' FROM synchro_triggers_knowledge
     UNION ALL SELECT DISTINCT 'failing', '', model_label, 0, '', '', 0, '', '' FROM synchro_triggers_failure
"""


def read_knowledge(alias: str, node: str) -> Knowing:
    """Return what a database knows: what it has received from others, and what they had received."""
    heard: list[tuple[str, str, int]] = []
    received: dict[str, Received] = {}
    failing: list[str] = []
    with connections[alias].cursor() as cursor:
        cursor.execute(_KNOWN)
        for kind, author, label, number, position, end, after, lacks, unlogged in cursor.fetchall():
            if kind == "received":
                received[author] = Received(number, position, end, after, labels_in(lacks), entries_in(unlogged))
            elif kind == "heard":
                heard.append((author, label, number))
            else:
                failing.append(label)
    return Knowing(heard, received, failing, node)


def are_windows_numbered(remotes: Iterable[str]) -> bool:
    """Tell whether LOCAL's windows are numbered: somebody asks for versions, or has done so.

    A remote does that hands on what it receives, and LOCAL itself where it has received something. Where changes go one
    way between two databases, nobody does, and LOCAL is spared a transaction.
    """
    return (
        any(has_rows(MetNode, remote) for remote in remotes)
        or has_rows(Checkpoint, local_alias())
        or has_rows(Window, local_alias())
    )


class RunKnowledge:
    """What both sides of a run know, and the numbers of their own users' changes.

    Args:
        remote: the remote alias.
        source, node: the node ids of LOCAL and of the remote.
        gaps: what was not brought, or is not logged there.

    Attributes:
        here, there: number what the users of LOCAL and of the remote have changed.
        number: the last window of LOCAL's that the run brings; ``None``: it is not known.
    """

    def __init__(self, remote: str, source: str, node: str, gaps: Gaps) -> None:
        self._remote, self._source, self._node, self._gaps = remote, source, node, gaps
        self.here, self.there = WindowNumbers(local_alias()), WindowNumbers(remote)
        self.number: int | None = None
        self._before_window: Knowing | None = None
        self._local: Knowing | None = None
        self._of_remote: Knowing | None = None

    def begin(self) -> None:
        """Forget what both sides knew in the run before."""
        self._local = self._of_remote = self.number = None
        self.here.forget()
        self.there.forget()

    def look(self) -> None:
        """Read what LOCAL knows before a window is opened: what it learns later, that need not bring."""
        self._before_window = self._local = read_knowledge(local_alias(), self._source)

    @property
    def local(self) -> Knowing:
        """What LOCAL knows."""
        if self._local is None:
            self._local = read_knowledge(local_alias(), self._source)
        return self._local

    def look_there(self) -> None:
        """Read what the remote knows."""
        self._of_remote = read_knowledge(self._remote, self._node)

    @property
    def remote(self) -> Knowing:
        """What the remote knows."""
        if self._of_remote is None:
            self.look_there()
        assert self._of_remote is not None
        return self._of_remote

    def has_received(self, labels: Collection[str], row: OwnRow) -> bool:
        """Tell whether LOCAL has received what the remote's users have changed, by the row of their log.

        Args:
            labels: of the tables that rows of the model are in.
            row: the log row.
        """
        received = self.local.has_received(self._node, labels)
        if received is None:
            return False
        sees = log_of(connections[self._remote]).sees
        at, end = (row.id, row.txid), received.window_end
        return sees(received.position, at) or (bool(end) and row.id <= received.window_after and sees(end, at))

    @property
    def passed(self) -> int:
        """The last window of the remote's own users that LOCAL knew before the run's window, of all models."""
        return (self._before_window or self.local).of_all().get(self._node, 0)

    def close_window(self, position: str) -> None:
        """Number what LOCAL's users have changed before the end of the run's window, if anybody asks for versions."""
        if are_windows_numbered([self._remote]):
            self.number = close_window(local_alias(), position)
            self.here.forget()

    def hand_on(self) -> None:
        """Let the remote know what LOCAL knew of others before the window, all of which it has got now.

        Its transaction is open. What a database lacks of what it has received, others must not take for known by it.
        """
        local, self._before_window = self._before_window, self.local  # of what comes next, LOCAL knows this much
        others = {self._source, self._node}
        if local is None or others.issuperset(local.authors) or has_rows(Failure, local_alias()):
            return
        withheld = self._gaps.withheld(local.unlogged)
        if withheld or local.lacks_some:
            self._hand_on_of(_labels_listed() if ALL not in withheld else (), local, withheld, others)
        else:
            write_knowledge(self._remote, [""], handed_on(local.of_all(), self.remote.of_all(), others))

    def hand_on_models(self, labels: Collection[str]) -> None:
        """Do the same after a run of some models, which has not moved the checkpoint."""
        withheld = self._gaps.withheld(self.local.unlogged)
        if has_rows(Failure, local_alias()) or self.number is None or ALL in withheld:
            return
        self._hand_on_of(labels, self.local, withheld, {self._node}, {self._source: self.number})

    def _hand_on_of(
        self,
        labels: Collection[str],
        local: Knowing,
        withheld: Collection[str],
        nodes: Collection[str],
        own: Known | None = None,
    ) -> None:
        """Let the remote know what LOCAL knows of single models.

        Args:
            labels: of the models; ``withheld``: but not of these.
            local: what LOCAL knows.
            nodes: whose own changes are known otherwise.
            own: of LOCAL's own changes.
        """
        learnt: dict[tuple[str, int], list[str]] = {}
        for label in sorted(set(labels).difference(withheld)):
            known: Known = {**local.of([label]), **(own or {})}
            for pair in handed_on(known, self.remote.of([label]), nodes).items():
                learnt.setdefault(pair, []).append(label)
        for (author, number), some in learnt.items():
            write_knowledge(self._remote, some, {author: number})

    def fill(self, labels: Collection[str] | None) -> dict[str, object]:
        """Take note that every object of LOCAL has come, and return what says so in the checkpoint.

        Args:
            labels: of these models; ``None``: of all.
        """
        self._before_window = self._before_window or self.local
        return self._gaps.filled(labels, self._before_window.unlogged)


def write_knowledge(alias: str, labels: Collection[str], known: Known) -> None:
    """Note that a database knows more than before.

    Args:
        alias: the database.
        labels: of these models; an empty one: of all.
        known: authors to the numbers of their windows.
    """
    rows = Knowledge._base_manager.using(alias)
    for author, number in known.items():
        there = rows.filter(author=author, model_label__in=labels)
        new = set(labels).difference(there.values_list("model_label", flat=True))
        rows.bulk_create([Knowledge(author=author, model_label=label, number=number) for label in sorted(new)])
        there.filter(number__lt=number).update(number=number)  # another run may have brought more


def _labels_listed() -> tuple[str, ...]:
    return tuple(model._meta.label for model in captured_models(get_settings().models))
