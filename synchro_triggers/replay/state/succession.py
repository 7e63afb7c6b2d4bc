"""A database that was put back, and goes on as a node of its own, meets one that knows what it was.

What that one has received of the older node, it has received of the successor, as far as that still has it: the
checkpoint says so from then on. It needs no message: whoever meets the successor first finds it in its identity.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction
from django.db.models import QuerySet

from ...capture.own_tables import require_own_tables
from ...conf import local_alias, replaying_from
from ...models import ChangeLog, Checkpoint, Failure, Introduction, MetNode, Node
from ...vendors.vendor import writing_on
from ..log.history import fingerprint
from ..log.vendor import log_of
from .account import forget_nodes
from .moved import moved_along
from .node import has_same_history, node_id, older_nodes, require_two_nodes

#: Of a checkpoint, what goes on as it was. Numbers of windows are the older node's.
_STAYS = ("lacks", "unlogged", "whole", "left_out", "looked", "since", "last_check")


def meet_successors(remote: str) -> None:
    """Let LOCAL and a remote know one another, where one of them was put back and goes on as a node of its own."""
    local = local_alias()
    take_over(remote)
    with replaying_from(remote):
        take_over(local)


@contextmanager
def successors_foreseen(remote: str) -> Iterator[None]:
    """Let the two know one another so in a block that only looks: what is written for that is rolled back at its end.

    Args:
        remote: the alias; both databases have this package's tables.
    """
    local = local_alias()
    with replaying_from(remote):
        of_remote = _known_before(local)
    if of_remote is None and _known_before(remote) is None:
        yield
        return
    with transaction.atomic(using=local), transaction.atomic(using=remote):
        meet_successors(remote)
        yield
        for alias in (local, remote):
            transaction.set_rollback(True, using=alias)


@contextmanager
def as_a_run_would(remote: str) -> Iterator[None]:
    """Let LOCAL and a remote, in the block of a dry run, know one another as a run would let them.

    Raises:
        Refused: the run would be refused: tables of this package are missing there, or it is a copy of LOCAL.
    """
    require_own_tables(remote)
    require_two_nodes(remote)
    with successors_foreseen(remote):
        yield


def take_over(alias: str) -> None:
    """Let a database know LOCAL as the successor of the node that it was, if it is one, and the database has known it.

    Args:
        alias: the database; both have this package's tables.
    """
    if (older := _known_before(alias)) is None:
        return
    identity = node_id(local_alias())
    checkpoint = _begun(alias).filter(source=older).first()
    with writing_on(alias):
        _settle_account(alias, older, identity)
        if checkpoint is not None:
            _go_on(alias, identity, checkpoint)


def _known_before(alias: str) -> str | None:
    """Return as whom a database has known LOCAL before LOCAL was put back, where it has not met its successor yet."""
    if not (older_ones := older_nodes(local_alias())):
        return None
    identity, begun = node_id(local_alias()), _begun(alias)
    met = MetNode._base_manager.using(alias)
    if begun.filter(source=identity).exists() or met.filter(node_id=identity).exists():
        return None
    known = (each for each in older_ones if begun.filter(source=each).exists() or met.filter(node_id=each).exists())
    return next(known, None)


def _begun(alias: str) -> QuerySet[Checkpoint]:
    return Checkpoint._base_manager.using(alias).exclude(position="", window_end="")


def _go_on(alias: str, identity: str, checkpoint: Checkpoint) -> None:
    """Let a database have received of LOCAL what it has received of the node that LOCAL was.

    That one's checkpoint stays: it tells what is known of its changes, and refuses an older backup of it.
    """
    older = checkpoint.source
    lost = bool(checkpoint.last_row) and not has_same_history(checkpoint)
    fields = {name: getattr(checkpoint, name) for name in _STAYS}
    fields |= moved_along(checkpoint, lost=lost) | {"place": fingerprint(local_alias())}
    Checkpoint._base_manager.using(alias).update_or_create(source=identity, defaults=fields)
    Checkpoint._base_manager.using(alias).filter(source=older).update(place="")  # it is not LOCAL before it was flushed
    failures = Failure._base_manager.using(alias).filter(source=older)
    if lost:
        last = log_of(connections[local_alias()]).received_to(str(fields["position"]))
        row = ChangeLog.objects.using(local_alias()).filter(pk__lte=last).order_by("-pk").first()
        failures.filter(logged_at__gt=row.logged_at).delete() if row is not None else failures.delete()
    for model in (Failure, Introduction):
        model._base_manager.using(alias).filter(source=older).update(source=identity)


def _settle_account(alias: str, older: str, identity: str) -> None:
    """Let a database keep its log for LOCAL instead of the older node; what LOCAL has passed, the backup says.

    If it has pruned more than that, it has forgotten LOCAL.
    """
    fetched = Checkpoint._base_manager.using(local_alias()).filter(source=node_id(alias)).exclude(position="").first()
    position = "" if fetched is None else fetched.position
    MetNode._base_manager.using(alias).filter(node_id=older).update(node_id=identity, position=position)
    pruned_to = Node.objects.using(alias).values_list("pruned_to", flat=True).get(pk=1)
    lacks = fetched is not None and pruned_to > log_of(connections[alias]).received_to(position)
    with replaying_from(alias):
        forget_nodes([older, identity] if lacks else [older])
