"""What a node has seen of all others' changes, and what it learns in a run."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

from django.db import connections

from ...conf import local_alias
from ...models import Checkpoint, Failure, Knowledge, MetNode
from ..log.own_windows import OwnRow, WindowNumbers, close_window
from ..log.vendor import log_of
from ..log.versions import Known, handed_on
from ..rows.own_rows import has_rows


class Knowing:
    """What one node knows: of all models, and of some more.

    Args:
        rows: authors, model labels (empty: all), and numbers of windows. Without an author: a model of which something
            has come and is kept as a failure, so that nobody can say that the node knows it.
        itself: the node, which knows all that its users do.
    """

    def __init__(self, rows: Collection[tuple[str, str, int]], itself: str) -> None:
        self._itself = itself
        self._failing = {label for author, label, _ in rows if not author}
        rows = [row for row in rows if row[0]]
        self.of_all: dict[str, int] = {}
        self._of_models: dict[str, dict[str, int]] = {}
        for author, label, number in rows:
            known = self._of_models.setdefault(label, {}) if label else self.of_all
            known[author] = max(number, known.get(author, 0))

    def lacks_some(self, labels: Collection[str]) -> bool:
        """Tell whether something of a model with rows in tables of these labels has come and is kept as a failure."""
        return not self._failing.isdisjoint(labels)

    def of(self, labels: Collection[str]) -> Known:
        """Return what the node knows of objects of a model, whose rows are in tables with these labels."""
        if self.lacks_some(labels):
            return {self._itself: _EVERYTHING}
        known = dict(self.of_all)
        more = [self._of_models[label] for label in labels if label in self._of_models]
        if more and len(more) == len(labels):  # of all tables
            for author in set.intersection(*map(set, more)):
                known[author] = max(known.get(author, 0), min(each[author] for each in more))
        known[self._itself] = _EVERYTHING
        return known


_EVERYTHING = 2**63 - 1

_KNOWN = """
    SELECT source, '', number FROM synchro_triggers_checkpoint WHERE number > 0
    UNION ALL SELECT author, model_label, number FROM synchro_triggers_knowledge
    UNION ALL SELECT DISTINCT '', model_label, 0 FROM synchro_triggers_failure
"""


def read_knowledge(alias: str, node: str) -> Knowing:
    """Return what a database knows: what it has received from others, and what they had received."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_KNOWN)
        return Knowing(cursor.fetchall(), node)


class RunKnowledge:
    """What both sides of a run know, and the numbers of their own users' changes.

    Args:
        remote: the remote alias.
        source, node: the node ids of LOCAL and of the remote.

    Attributes:
        here, there: number what the users of LOCAL and of the remote have changed.
        number: the last window of LOCAL's that the run brings; ``None``: it is not known.
    """

    def __init__(self, remote: str, source: str, node: str) -> None:
        self._remote, self._source, self._node = remote, source, node
        self.here, self.there = WindowNumbers(local_alias()), WindowNumbers(remote)
        self.number: int | None = None
        self._local: Knowing | None = None
        self._before: Knowing | None = None
        self._of_remote: Knowing | None = None
        self._received: tuple[str, str, int] | None = None

    def begin(self) -> None:
        """Read what LOCAL knows as a run begins: what it learns later, the run need not have brought."""
        self._before, self._local, self._of_remote, self.number = self._local, None, None, None
        self._received = None
        self.here.forget()
        self.there.forget()
        self.__dict__.pop("_is_told", None)

    def look(self) -> None:
        """Read what LOCAL knows."""
        self._local = read_knowledge(local_alias(), self._source)

    @property
    def local(self) -> Knowing:
        """What LOCAL knows."""
        if self._local is None:
            self.look()
        assert self._local is not None
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
        if self.local.lacks_some(labels):
            return False
        if self._received is None:
            stored = Checkpoint._base_manager.using(local_alias()).filter(source=self._node)
            self._received = stored.values_list("position", "window_end", "window_after").first() or ("", "", 0)
        position, end, after = self._received
        sees = log_of(connections[self._remote]).sees
        at = row.id, row.txid
        return sees(position, at) or (bool(end) and row.id <= after and sees(end, at))

    @cached_property
    def _is_told(self) -> bool:
        """Whether anybody asks for versions: the remote hands on what it receives, or LOCAL has received something.

        Where changes go one way between two databases, nobody does, and LOCAL is spared a transaction.
        """
        return has_rows(MetNode, self._remote) or has_rows(Checkpoint, local_alias())

    def close_window(self, position: str) -> None:
        """Number what LOCAL's users have changed before the end of the run's window, if anybody asks for versions."""
        if not self._is_told:
            return
        self.number = close_window(local_alias(), position)
        self.here.forget()

    def hand_on(self, *, after_window: bool = False) -> None:
        """Let the remote know what LOCAL knew of others, now that it has got it all; its transaction is open.

        What a database lacks of what it has received, others must not take for known by it.

        Args:
            after_window: the run's window was opened before what LOCAL knows was read: what it knew the last time
                counts.
        """
        now = self.local  # what the next one hands on, where this one's window was opened before
        local = self._before if after_window else now
        others = {self._source, self._node}
        if local is not None and not others.issuperset(local.of_all) and not has_rows(Failure, local_alias()):
            write_knowledge(self._remote, "", handed_on(local.of_all, self.remote.of_all, others))

    def hand_on_models(self, labels: Collection[str]) -> None:
        """Do the same after a run of some models, which has not moved the checkpoint."""
        if has_rows(Failure, local_alias()) or self.number is None:
            return
        for label in labels:
            known: Known = {**self.local.of([label]), self._source: self.number}
            write_knowledge(self._remote, label, handed_on(known, self.remote.of([label]), {self._node}))


def write_knowledge(alias: str, label: str, known: Known) -> None:
    """Note that a database knows more than before."""
    rows = Knowledge._base_manager.using(alias)
    for author, number in known.items():
        if not rows.filter(author=author, model_label=label).update(number=number):
            rows.bulk_create([Knowledge(author=author, model_label=label, number=number)])
