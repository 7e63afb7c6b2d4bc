"""Who still needs which rows of LOCAL's log: the account by which it is pruned, and who is no longer in it."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import Q

from ...capture.own_tables import require_own_tables
from ...capture.tables import captured_models
from ...conf import get_settings, local_alias
from ...exceptions import DatabaseUnreachable
from ...models import Checkpoint, MetNode, Node, Window
from ...reaching import clear_errors
from ..log.vendor import Condition, log_of
from .left_out import oldest_position
from .node import forgotten_by, node_id


@dataclass(frozen=True)
class Peer:
    """A node that receives from LOCAL, or sends to it.

    Attributes:
        node: its identity.
        name: the alias under which LOCAL has sent to it, else its identity.
        receives: LOCAL has sent something to it.
        positions: of LOCAL's log, before which it has passed everything.
        heard: the same of what LOCAL's own users have changed, whichever way that came.
    """

    node: str
    name: str
    receives: bool
    positions: tuple[str, ...]
    heard: tuple[str, ...]

    def has_passed(self, connection: Any) -> Condition:
        """Return what is true of the rows of LOCAL's log that the node needs no longer."""
        log = log_of(connection)
        passed = _any_of([log.received(each) for each in self.positions])
        if self.receives:
            return passed
        own, params = _any_of([passed, *(log.received(each) for each in self.heard)])
        return f"(origin <> '' OR {own})", params  # what others have changed is in its references, with its version


def _any_of(conditions: Sequence[Condition]) -> Condition:
    texts = [f"({text})" for text, _ in conditions]
    return f"({' OR '.join(texts)})" if texts else "(1 = 0)", [each for _, params in conditions for each in params]


def all_of(conditions: Iterable[Condition]) -> Condition:
    """Return a condition that holds where all of some hold."""
    some = list(conditions)
    return " AND ".join(f"({text})" for text, _ in some) or "1 = 1", [each for _, params in some for each in params]


def peers(met: Iterable[str] = ()) -> list[Peer]:
    """Return the nodes that LOCAL knows, but for those that it has forgotten.

    How far one has come it says itself where it can be reached; a node that fetches has left it here, and one that
    sends has told what it knew.

    Args:
        met: aliases of remotes that count as known although nothing was sent to them yet.
    """
    own, forgotten = node_id(local_alias()), forgotten_by(local_alias())
    names: dict[str, str] = {}
    noted: dict[str, list[str]] = {}
    for alias, node, position in MetNode._base_manager.using(local_alias()).values_list("alias", "node_id", "position"):
        # One that fetches is noted under its own name for itself, which is LOCAL's name here.
        if alias != local_alias() or node not in names:
            names[node] = node if alias == local_alias() else alias
        noted.setdefault(node, []).append(position)
    senders = dict(Checkpoint._base_manager.using(local_alias()).values_list("source", "passed"))
    for alias in met:
        names.setdefault(node_id(alias), alias)
    told = _positions_told(own)
    found = []
    for node in sorted({*names, *senders} - {own, *forgotten}):
        positions = [*noted.get(node, ()), *told.get(node, ())]
        heard = _end_of_window(senders.get(node, 0))
        known = tuple(each for each in positions if each)
        found.append(Peer(node, names.get(node) or node, node in names, known, tuple(heard)))
    return found


def _positions_told(own: str) -> dict[str, list[str]]:
    """Return how far the remotes that can be reached have come in LOCAL's log, by their identities.

    Raises:
        Refused: this package's tables are missing on one: then nobody knows what it has received.
    """
    told: dict[str, list[str]] = {}
    for alias in get_settings().remotes:
        try:
            with clear_errors(alias):
                require_own_tables(alias)
                received = Checkpoint._base_manager.using(alias).filter(source=own)
                told.setdefault(node_id(alias), []).extend(map(_needed_from, received))
        except DatabaseUnreachable:  # its rows are kept then
            continue
    return told


def _needed_from(checkpoint: Checkpoint) -> str:
    """Return up to where a node needs LOCAL's log no longer: what it has received, but for what was left out."""
    labels = [model._meta.label for model in captured_models(get_settings().models)]
    return oldest_position(checkpoint, labels, log_of(connections[local_alias()]).received_to)


def _end_of_window(number: int) -> list[str]:
    """Return where the last of LOCAL's windows ends that is none after one of this number."""
    windows = Window._base_manager.using(local_alias()).filter(number__lte=number).order_by("-number")
    return list(windows.values_list("position", flat=True)[:1])


def are_behind(some: Iterable[Peer], before: datetime.datetime) -> list[Peer]:
    """Return those of the nodes that receive, and have not passed all that was logged before a time."""
    connection = connections[local_alias()]
    young, young_params = log_of(connection).logged_since(before)
    behind = []
    for peer in some:
        passed, params = peer.has_passed(connection)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT 1 FROM synchro_triggers_changelog WHERE NOT ({young}) AND NOT ({passed})"
                " AND origin <> %s LIMIT 1",
                [*young_params, *params, peer.node],
            )
            if peer.receives and cursor.fetchone() is not None:
                behind.append(peer)
    return behind


def not_passed(peer: Peer, position: str) -> int:
    """Return how many rows of LOCAL's log a node still needs, of those that were logged up to a position."""
    connection = connections[local_alias()]
    passed, params = peer.has_passed(connection)
    received, more = log_of(connection).received(position)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM synchro_triggers_changelog WHERE ({received}) AND NOT ({passed}) AND origin <> %s",
            [*more, *params, peer.node],
        )
        return int(cursor.fetchone()[0])


def forget_nodes(nodes: Collection[str]) -> None:
    """Take nodes out of LOCAL's account: what they have not passed is not kept for them any more."""
    texts = ",".join(sorted({*forgotten_by(local_alias()), *nodes}))
    Node._base_manager.using(local_alias()).filter(pk=1).update(forgotten=texts)


def note_passed(remote: str, source: str, node: str) -> None:
    """Note on LOCAL how far a remote that has fetched has come in its log.

    Args:
        remote: the alias of the one that has fetched.
        source, node: the node ids of LOCAL and of the remote.
    """
    for position in map(_needed_from, Checkpoint._base_manager.using(remote).filter(source=source)):
        met = MetNode._base_manager.using(local_alias()).filter(node_id=node)
        if met.exclude(position=position).exists():
            met.update(position=position)


def take_back(alias: str, node: str) -> None:
    """Take a node into the account of a database again: both are equal."""
    left = sorted({*forgotten_by(alias)} - {node})
    Node._base_manager.using(alias).filter(~Q(forgotten=""), pk=1).update(forgotten=",".join(left))
