"""A database's own identity, and noticing that it is a copy, was moved or was put back."""

from __future__ import annotations

import sys
import uuid
from typing import NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections

from ...capture.catalog import Catalogs
from ...capture.vendor import has_capture
from ...conf import LOCAL, local_alias, replaying_from
from ...exceptions import Refused
from ...models import Checkpoint, Contribution, MetNode, Node, Window
from ...vendors.vendor import database_of
from ..log.history import fingerprint, history_agrees, place
from ..rows.own_rows import read_rows, read_rows_and
from .heard_of import has_heard_of_more


def node_id(alias: str) -> str:
    """Return the identity of a database; ``migrate`` has made it, it is made anew where it is missing."""
    known = _own_row(alias)
    if known is not None:
        return known.node_id
    own = Node(pk=1, node_id=str(uuid.uuid4()), fingerprint=fingerprint(alias))
    # In bulk, as all that this package notes: receivers that write down every model's changes hear nothing of it.
    Node.objects.using(alias).bulk_create([own], ignore_conflicts=True)
    return Node.objects.using(alias).get(pk=1).node_id


class Located(NamedTuple):
    """What a database says of itself, and where it is: its fingerprint now."""

    row: Node
    here: str


def _own_row(alias: str) -> Node | None:
    return next(iter(read_rows(Node, alias, defer=_UNREAD, id=1)), None)


def _located(alias: str) -> Located | None:
    asked = database_of(connections[alias]).FINGERPRINT
    for row, here in read_rows_and(Node, alias, asked or "NULL", defer=_UNREAD, id=1):  # each run asks for both
        return Located(row, here if asked else fingerprint(alias))
    return None


_UNREAD = ("copied_from", "created_at")


def set_identity(alias: str, *, new: bool) -> str:
    """Say what a copied or moved database is: a node of its own, or the one whose identity it carries.

    Returns:
        The identity that it has now.
    """
    identity, here = node_id(alias), fingerprint(alias)
    own = Node.objects.using(alias).filter(pk=1)
    if not new:
        own.update(fingerprint=here)
        return identity
    Window._base_manager.using(alias).all()._raw_delete(alias)  # they number the changes of another node's users
    # All identities so far: the command may be given twice, where the first answer got lost.
    before = [identity, *own.values_list("copied_from", flat=True)]
    own.update(node_id=(own_id := str(uuid.uuid4())), fingerprint=here, copied_from=",".join(filter(None, before)))
    return own_id


def count_anew(alias: str) -> None:
    """Let a database's users add to counters as somebody else from now on: what it holds has another beginning."""
    Contribution._base_manager.using(alias).all()._raw_delete(alias)
    Node.objects.using(alias).filter(pk=1).update(counting=str(uuid.uuid4()))


def older_nodes(alias: str) -> list[str]:
    """Return the identities that a database had before it was put back, the last one first."""
    own = _own_row(alias)
    return own.succeeds.split(",") if own is not None and own.succeeds else []


def older_selves(remote: str, source: str) -> list[str]:
    """Return the identities under which LOCAL was known to ``remote`` before it was flushed."""
    here = fingerprint(local_alias())
    others = Checkpoint.objects.using(remote).exclude(source=source).filter(place=here)
    return list(others.values_list("source", flat=True)) if here else []


def former_selves(remote: str, source: str) -> list[str]:
    """Return the identities whose objects LOCAL's may be: those before it was flushed, and what it is a copy of.

    What it was last comes first.
    """
    copied_from = Node.objects.using(local_alias()).exclude(copied_from="").values_list("copied_from", flat=True)
    return [*older_selves(remote, source), *(identity for text in copied_from for identity in text.split(","))]


def note_met(alias: str, identity: str) -> None:
    """Note before anything is sent to a database for the first time, which one that is.

    Args:
        alias, identity: the database.
    """
    met = MetNode._base_manager.using(local_alias())
    if not met.filter(alias=alias, node_id=identity).exists():
        met.bulk_create([MetNode(alias=alias, node_id=identity)], ignore_conflicts=True)


def met_another(alias: str, identity: str) -> bool:
    """Tell whether LOCAL has sent something to a database that was behind this alias before this one."""
    return MetNode._base_manager.using(local_alias()).filter(alias=alias).exclude(node_id=identity).exists()


def have_met(remote: str, source: str, node: str) -> bool:
    """Tell whether LOCAL and a remote know one another, and one of them has forgotten the other: see ``state.account``.

    Args:
        remote: the remote's alias.
        source, node: the node ids of LOCAL and of the remote.
    """
    forgotten = source in forgotten_by(remote) or node in forgotten_by(local_alias())
    checkpoints = Checkpoint._base_manager
    sent = checkpoints.using(remote).filter(source=source)
    fetched = checkpoints.using(local_alias()).filter(source=node)
    return forgotten and all(each.exclude(position="").exists() for each in (sent, fetched))


def located(alias: str, catalogs: Catalogs | None = None) -> Located | None:
    """Return what a database says of itself, and where it is; ``None``: it has no identity yet.

    Args:
        alias: the database.
        catalogs: those of a run, which asks a database once.
    """
    return _located(alias) if catalogs is None else catalogs.once(alias, "node", lambda: _located(alias))


def is_elsewhere(alias: str, found: Located | None = None) -> bool:
    """Tell whether the identity of a database was made in another place: it is a copy, or was moved.

    Args:
        alias: the database.
        found: what it has said of itself just now.
    """
    found = found or _located(alias)
    if found is None or not found.row.fingerprint or _is_a_test_runners_clone():
        return False
    return found.row.fingerprint != found.here


def _is_a_test_runners_clone() -> bool:
    """Tell whether this is a worker of Django's parallel test runner: it has a copy of each test database."""
    runner = sys.modules.get("django.test.runner")
    return bool(getattr(runner, "_worker_id", 0))


def require_original(alias: str, catalogs: Catalogs | None = None) -> None:
    """Raise ``Refused`` when LOCAL is a copy of the database whose identity it carries, or was moved."""
    if is_elsewhere(alias, located(alias, catalogs)):
        raise Refused(
            f"The database {alias!r} is a copy, or was moved: its identity {node_id(alias)} was made in another place. "
            f"If the original is still in use, run `manage.py synchro_reset --new-identity{_naming(alias)}` here: it "
            "becomes a database of its own; the changes that wait in it are forgotten, and `synchro_link` must tell "
            "again which object is which on the other side. If it has replaced the original (a new disk, another "
            f"cluster, an upgrade), run `manage.py synchro_reset --keep-identity{_naming(alias)}`: nothing is "
            "forgotten, what was received stays received, and what waits will be sent."
        )


def require_two_databases(remote: str, catalogs: Catalogs | None = None) -> None:
    """Raise ``Refused`` when LOCAL and ``remote`` are one database, under two names."""
    place_of = place if catalogs is None else catalogs.place
    if place_of(local_alias()) == place_of(remote):
        raise Refused(
            f"{local_alias()!r} and {remote!r} are one and the same database, under two names in DATABASES: there is "
            f"nothing to synchronise. Let {remote!r} lead to the database that shall receive."
        )


def require_two_nodes(remote: str) -> tuple[str, str]:
    """Return the identities of LOCAL, which is an original, and of ``remote``.

    Raises:
        Refused: they are the same.
    """
    own, there = two_nodes(remote)
    return own.row.node_id, there.row.node_id


def two_nodes(remote: str, catalogs: Catalogs | None = None) -> tuple[Located, Located]:
    """Return what LOCAL and ``remote`` say of themselves; arguments and errors as above."""
    own, there = _require_located(local_alias(), catalogs), _require_located(remote, catalogs)
    if own.row.node_id == there.row.node_id:
        raise Refused(
            f"{local_alias()!r} and {remote!r} carry the same identity {own.row.node_id}: one is a copy of the other. "
            f"If that is {remote!r}, run `manage.py synchro_reset --new-identity --database {remote}`; if it is "
            f"{local_alias()!r}, without --database. It becomes a database of its own; then `manage.py synchro_link` "
            "tells which object is which. Nothing was written."
        )
    return own, there


def _require_located(alias: str, catalogs: Catalogs | None) -> Located:
    found = located(alias, catalogs)
    while found is None:
        node_id(alias)  # makes its row
        found = _located(alias)
    return found


def forgotten_by(alias: str) -> list[str]:
    """Return the identities of the nodes that a database has forgotten: see ``state.account``."""
    own = _own_row(alias)
    return _forgotten(own) if own is not None else []


def _forgotten(node: Node) -> list[str]:
    return node.forgotten.split(",") if node.forgotten else []


def require_remembered(remote: str, own: Located, there: Located) -> None:
    """Look whether neither LOCAL nor a remote has forgotten the other one.

    Args:
        remote: the remote's alias.
        own, there: what LOCAL and the remote say of themselves: ``two_nodes()``.

    Raises:
        Refused: one has.
    """
    for forgetful, other, one, another in ((local_alias(), remote, own, there), (remote, local_alias(), there, own)):
        if another.row.node_id in _forgotten(one.row):
            raise Refused(
                f"{forgetful!r} has forgotten {other!r}, which stayed away for too long: changes and deletions that "
                f"{other!r} has not received were pruned on {forgetful!r} (synchro_prune --forget). Nothing was "
                "written. There are two ways back. `manage.py synchronize --full --both` lets each of them have all "
                "that the other one has; what was deleted on one side meanwhile is there again. Or replace "
                f"{other!r} by a copy of {forgetful!r}, run `manage.py synchro_reset --new-identity` for it, and then "
                "`manage.py synchro_link`: what was changed in it meanwhile is gone then."
            )


def require_same_history(checkpoint: Checkpoint, remote: str) -> None:
    """Raise ``Refused`` when LOCAL was put back to an older state than the remote has received, or heard of."""
    if has_same_history(checkpoint) and not has_heard_of_more(remote, checkpoint.source):
        return
    raise Refused(
        f"The database {local_alias()!r} was put back to an older state (a backup, a standby that lagged, a crash): "
        f"{remote!r} has received changes of it that it does not have any more, and keeps them. Put a newer state "
        f"back, if there is one. Otherwise run `manage.py synchro_reset --keep-identity{_naming(local_alias())}`: what "
        "is there and was received stays received, and what was made since will be sent. What is lost comes back in "
        "the next runs, from those that send to it; others keep it as their own, and it can be deleted there by hand. "
        "Nothing was written."
    )


def _naming(alias: str) -> str:
    return "" if alias == LOCAL else f" --database {alias}"


def require_same_history_there(remote: str, node: str) -> None:
    """Look whether a remote still has all that LOCAL has fetched from it.

    If it has not, it gives out keys again by which LOCAL knows what was lost there: what is sent would be written over
    other objects.

    Args:
        remote: the alias.
        node: its identity.

    Raises:
        Refused: it was put back to an older state.
    """
    if not has_capture(connections[remote]):
        return  # it only receives, and has no log
    local = local_alias()
    fetched = _fetched_from(node) or Checkpoint(source=node)
    with replaying_from(remote):
        require_same_history(fetched, local)


def has_same_history_there(remote: str, node: str) -> bool:
    """Tell whether a remote still has all that LOCAL has fetched from it; arguments as above."""
    if not has_capture(connections[remote]):
        return True
    local, fetched = local_alias(), _fetched_from(node)
    with replaying_from(remote):
        return (fetched is None or has_same_history(fetched)) and not has_heard_of_more(local, node)


def _fetched_from(node: str) -> Checkpoint | None:
    """Return what LOCAL has fetched from a node; ``None``: nothing."""
    return next((each for each in read_rows(Checkpoint, local_alias(), source=node) if each.position), None)


def has_same_history(checkpoint: Checkpoint) -> bool:
    """Tell whether LOCAL still has all that a remote has received of it."""
    alias, position = local_alias(), checkpoint.window_end or checkpoint.position
    return history_agrees(alias, position, checkpoint.last_row, checkpoint.last_window, lambda: pruned_to(alias))


def pruned_to(alias: str) -> int:
    """Return the highest id that was pruned of a database's log; 0: none was."""
    node = _own_row(alias)
    return node.pruned_to if node is not None else 0


def require_no_transaction() -> None:
    """Look whether what LOCAL shows is committed: what is rolled back later would stay on the remote for ever.

    A test case's own transaction is none: it is the world that the test sees.

    Raises:
        Refused: a transaction is open.
    """
    for alias in dict.fromkeys((local_alias(), DEFAULT_DB_ALIAS)):
        _require_none_open(alias)


def _require_none_open(alias: str) -> None:
    connection = connections[alias]
    if any(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        return
    if connection.connection is None:
        return
    if connection.in_atomic_block or (
        not connection.get_autocommit() and database_of(connection).is_in_transaction(connection.connection)
    ):
        raise Refused(
            f"A transaction is open on {alias!r}: what it has written may still be rolled back, and would stay on the "
            "remote. Nothing was done. Synchronise after it, for instance with transaction.on_commit()."
        )
