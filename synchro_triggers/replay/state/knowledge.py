"""What both sides of a run have seen of all others' changes, and what they learn in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from django.db import connections

from ...capture.tables import captured_models
from ...conf import get_settings, local_alias
from ...models import Checkpoint, Failure
from ...models import Window as NumberedWindow
from ..identity.arrivals import write_arrivals
from ..identity.came_with import AT_MOST, CameWith
from ..log.heard import Heard
from ..log.own_windows import OwnRow, WindowNumbers, close_window
from ..log.vendor import log_of
from ..log.versions import Known, handed_on
from ..log.window import Window
from ..rows.own_rows import has_rows, have_rows, is_asked_for_versions
from .gaps import ALL, Gaps
from .knowing import Knowing, read_knowledge, write_knowledge


def are_windows_numbered(remotes: Iterable[str], source: str, *, receives: bool | None = None) -> bool:
    """Tell whether LOCAL's windows are numbered: somebody asks for versions, or has done so.

    That is so where it is asked of a remote, and where LOCAL itself has received something. Where changes go one way
    between two databases, LOCAL is spared a transaction.

    Args:
        remotes: to which LOCAL sends.
        source: node id of LOCAL.
        receives: LOCAL has received something, or has numbered windows, as was seen just now; ``None``: to be asked.
    """
    if any(is_asked_for_versions(remote, source) for remote in remotes):
        return True
    return have_rows(local_alias(), Checkpoint, NumberedWindow) if receives is None else receives


class RunKnowledge:
    """What both sides of a run know, and the numbers of their own users' changes.

    Args:
        remote: the remote alias.
        source, node: the node ids of LOCAL and of the remote.
        gaps: what was not brought, or is not logged there.

    Attributes:
        here, there: number what the users of LOCAL and of the remote have changed.
        number: the last window of LOCAL's that the run brings; ``None``: it is not known.
        came_with: what the run's objects come with until it has ended.
    """

    def __init__(self, remote: str, source: str, node: str, gaps: Gaps) -> None:
        self._remote, self._source, self._node, self._gaps = remote, source, node, gaps
        self.here, self.there = WindowNumbers(local_alias()), WindowNumbers(remote)
        self.number: int | None = None
        self.came_with = CameWith(remote)
        self._before_window: Knowing | None = None
        self._local: Knowing | None = None
        self._of_remote: Knowing | None = None

    def begin(self) -> None:
        """Forget what both sides knew in the run before."""
        self._local = self._of_remote = self.number = None
        self.came_with.begin()
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

    def close_window(self, window: Window) -> None:
        """Number what LOCAL's users have changed before the end of a run's last window, if anybody asks for versions.

        Then those that have come while nobody did are written into the references.
        """
        if not are_windows_numbered([self._remote], self._source, receives=window.receives):
            return
        self.number = close_window(local_alias(), window.end)
        self.here.forget()
        write_arrivals(local_alias())
        if is_asked_for_versions(self._remote, self._source):
            write_arrivals(self._remote)

    def begin_window(self, end: str) -> None:
        """Begin to bring what LOCAL's log says last, up to a position: it comes with what LOCAL knew before."""
        if self.number is None:
            return
        local, own = self._before_window or self.local, {self._source: self.number}
        heard = Heard()
        for labels, known in self._news(local, {self._node}, own, failing=has_rows(Failure, local_alias())):
            for label in labels:
                for author, number in known.items():
                    heard.add(author, label, number)
        there, is_full = self.remote, len(self.remote.came_with) >= AT_MOST
        self.came_with.begin_window(end, heard, local.came_with, there.of_all_objects, is_full=is_full)

    def begin_at_once(self, end: str) -> None:
        """Begin to bring a small window, in one transaction, by which the remote learns what LOCAL knew."""
        local, there = self._before_window or self.local, self.remote
        known = there.of_all_objects
        if known and not has_rows(Failure, local_alias()) and not self._gaps.withheld(local.unlogged):
            known = {**known, **handed_on(local.of_all_objects, known, {self._source, self._node})}
        self.came_with.begin_window(end, Heard(), local.came_with, known, is_full=False)

    @property
    def has_nothing_to_hand_on(self) -> bool:
        """Whether ``hand_on()`` writes nothing: no window is numbered, and LOCAL has heard of nobody else."""
        local = self._before_window or self.local
        return self.number is None and {self._source, self._node}.issuperset(local.authors)

    def hand_on(self) -> None:
        """Let the remote know what LOCAL knew of others before the window, all of which it has got now.

        Its transaction is open. What a database lacks of what it has received, others must not take for known by it.
        """
        local, self._before_window = self._before_window, self.local  # of what comes next, LOCAL knows this much
        others = {self._source, self._node}
        if local is not None and not others.issuperset(local.authors) and not has_rows(Failure, local_alias()):
            for labels, known in self._news(local, others):
                write_knowledge(self._remote, labels, known)
        self._forget_what_all_came_with()

    def hand_on_models(self, labels: Collection[str]) -> None:
        """Do the same after a run of some models, which has not moved the checkpoint."""
        withheld = self._gaps.withheld(self.local.unlogged)
        if has_rows(Failure, local_alias()) or self.number is None or ALL in withheld:
            return
        for some, known in self._of_models(labels, self.local, withheld, {self._node}, {self._source: self.number}):
            write_knowledge(self._remote, some, known)

    def _forget_what_all_came_with(self) -> None:
        """Delete what single objects of the remote have come with, where it has seen as much of all of them now.

        Where nobody asks for versions nothing has come with anything; what is left of times when somebody did waits for
        the next one.
        """
        if self.number is None:
            return
        if self.remote.came_with or self.came_with.has_any:
            self.came_with.forget(read_knowledge(self._remote, self._node).passed)

    def _news(
        self, local: Knowing, nodes: Collection[str], own: Known | None = None, *, failing: bool = False
    ) -> Iterator[tuple[Collection[str], Known]]:
        """Yield what LOCAL knows and the remote does not: of models with some labels (an empty one: of all).

        Args:
            local: what LOCAL knows.
            nodes: whose own changes are known otherwise.
            own: of LOCAL's own changes.
            failing: something that has come to LOCAL is kept as a failure there, so that it does not know all.
        """
        withheld = self._gaps.withheld(local.unlogged)
        if withheld or failing or local.lacks_some:
            labels = _labels_listed() if ALL not in withheld else ()
            yield from self._of_models(labels, local, withheld, nodes, own)
        else:
            yield [""], handed_on({**local.of_all(), **(own or {})}, self.remote.of_all(), nodes)

    def _of_models(
        self,
        labels: Collection[str],
        local: Knowing,
        withheld: Collection[str],
        nodes: Collection[str],
        own: Known | None = None,
    ) -> Iterator[tuple[Collection[str], Known]]:
        """Yield the same of single models.

        Args:
            labels: of the models; ``withheld``: but not of these.
            local, nodes, own: as for ``_news()``.
        """
        learnt: dict[tuple[str, int], list[str]] = {}
        for label in sorted(set(labels).difference(withheld)):
            known: Known = {**local.of([label]), **(own or {})}
            for pair in handed_on(known, self.remote.of([label]), nodes).items():
                learnt.setdefault(pair, []).append(label)
        yield from ((some, {author: number}) for (author, number), some in learnt.items())

    def fill(self, labels: Collection[str] | None, but: Collection[str] = ()) -> dict[str, object]:
        """Take note that every object of LOCAL has come, and return what says so in the checkpoint.

        Args:
            labels: of these models; ``None``: of all.
            but: models that were left out.
        """
        self._before_window = self._before_window or self.local
        return self._gaps.filled(labels, self._before_window.unlogged, but)


def _labels_listed() -> tuple[str, ...]:
    return tuple(model._meta.label for model in captured_models(get_settings().models))
