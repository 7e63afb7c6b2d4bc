"""Whose changes are kept as failures: those of one way between LOCAL and a remote, or what others have sent here.

Those others are nodes that are behind no alias of ``SYNCHRO_REMOTE``: one that is gone, or was taken out of the
settings, or that sends to LOCAL by itself. Where they are cannot be looked, and nobody else could say what becomes of
what LOCAL keeps of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from ...capture.own_tables import require_own_tables
from ...conf import LOCAL, get_settings, local_alias, replaying_from
from ...exceptions import SynchroError
from ...models import Failure, MetNode, Run
from ...reaching import clear_errors
from ..choices import Way
from ..state.chosen_failures import ChosenFailures
from ..state.node import node_id, require_two_databases
from . import kept, of_others
from .kept import KeptInFull, KeptObject


class Sender(Protocol):
    """Whose failures are looked at; what its methods return is by the names of those who have sent them.

    Attributes:
        place: what has to be reached for that: the databases from which to which, or the one that keeps them.
        keeps: the alias of the database that keeps them.
    """

    @property
    def place(self) -> Way | str: ...
    @property
    def keeps(self) -> str: ...
    def listed(self, chosen: ChosenFailures) -> dict[str, list[KeptObject]]: ...
    def in_full(self, chosen: ChosenFailures) -> dict[str, list[KeptInFull]]: ...
    def drop(self, chosen: ChosenFailures) -> dict[str, list[KeptInFull]]: ...
    def ids(self, chosen: ChosenFailures) -> list[int]: ...
    def labels(self) -> set[str]: ...
    def source_of(self, name: str) -> str: ...


@dataclass(frozen=True)
class OfRemote:
    """What a database keeps of one way: its name is the remote's alias, whichever way it is."""

    way: Way

    @property
    def place(self) -> Way:
        return self.way

    @property
    def keeps(self) -> str:
        return self.way.remote

    def listed(self, chosen: ChosenFailures) -> dict[str, list[KeptObject]]:
        with self._from_there():
            return {self.way.other: list(kept.kept_objects(self.way, chosen))}

    def in_full(self, chosen: ChosenFailures) -> dict[str, list[KeptInFull]]:
        with self._from_there():
            return {self.way.other: list(kept.in_full(self.way, chosen))}

    def drop(self, chosen: ChosenFailures) -> dict[str, list[KeptInFull]]:
        with self._from_there():
            return {self.way.other: kept.drop(self.way, chosen)}

    def ids(self, chosen: ChosenFailures) -> list[int]:
        with self._from_there():
            return chosen.ids(self.way.remote, node_id(local_alias()))

    def labels(self) -> set[str]:
        with self._from_there():
            return _labels(self.way.remote, [node_id(local_alias())])

    def source_of(self, name: str) -> str:
        """Return the alias of the database that has sent them."""
        return self.way.source

    @contextmanager
    def _from_there(self) -> Iterator[None]:
        require_two_databases(self.way.other)
        for alias in self.way:
            require_own_tables(alias)
        with replaying_from(self.way.source):
            yield


@dataclass(frozen=True)
class OfOthers:
    """What LOCAL keeps of nodes that are no remote of this project: their names are their identities."""

    place: str = LOCAL
    keeps: str = LOCAL

    def listed(self, chosen: ChosenFailures) -> dict[str, list[KeptObject]]:
        return {node: list(of_others.kept_objects(node, chosen)) for node in self._nodes()}

    def in_full(self, chosen: ChosenFailures) -> dict[str, list[KeptInFull]]:
        return {node: list(of_others.in_full(node, chosen)) for node in self._nodes()}

    def drop(self, chosen: ChosenFailures) -> dict[str, list[KeptInFull]]:
        return {node: of_others.drop(node, chosen) for node in self._nodes()}

    def ids(self, chosen: ChosenFailures) -> list[int]:
        return [number for node in self._nodes() for number in chosen.ids(LOCAL, node)]

    def labels(self) -> set[str]:
        return _labels(LOCAL, self._nodes())

    def source_of(self, name: str) -> str:
        """Return the node that has sent them."""
        return name

    def _nodes(self) -> list[str]:
        require_own_tables(LOCAL)
        return other_nodes()


def _labels(alias: str, sources: list[str]) -> set[str]:
    rows = Failure._base_manager.using(alias).filter(source__in=sources).order_by()
    return set(rows.values_list("model_label", flat=True).distinct())


def other_nodes() -> list[str]:
    """Return the nodes of which LOCAL keeps failures, and that are behind no alias of ``SYNCHRO_REMOTE``."""
    sources = set(Failure._base_manager.using(LOCAL).order_by().values_list("source", flat=True).distinct())
    for alias in get_settings().remotes if sources else ():
        sources -= _nodes_behind(alias)
    return sorted(sources)


def number_of_others() -> int:
    """Return how many failures LOCAL keeps of such nodes."""
    with clear_errors(LOCAL):
        require_own_tables(LOCAL)
        return Failure._base_manager.using(LOCAL).filter(source__in=other_nodes()).count()


def _nodes_behind(alias: str) -> set[str]:
    """Return which node is behind an alias; of one that cannot be asked, all that were, as far as is known."""
    try:
        with clear_errors(alias):
            require_own_tables(alias)
            return {node_id(alias)}
    except SynchroError:
        met = MetNode._base_manager.using(LOCAL).filter(alias=alias).values_list("node_id", flat=True)
        return {*met, *Run._base_manager.using(LOCAL).filter(remote=alias).values_list("remote_node", flat=True)}
