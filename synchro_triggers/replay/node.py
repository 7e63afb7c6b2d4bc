"""A database's own identity, and noticing that it is a copy or was put back."""

from __future__ import annotations

import uuid

from ..capture.own_tables import require_own_tables
from ..conf import LOCAL
from ..exceptions import Refused
from ..models import Checkpoint, Node
from .window import fingerprint, history_agrees, position_is_ahead


def require_tables(alias: str) -> None:
    """Raise ``Refused`` when this package's tables are missing on ``alias``, or are not as this version needs them."""
    require_own_tables(alias)


def node_id(alias: str) -> str:
    """Return the identity of a database; made when it is missing (a new or a flushed database)."""
    node = Node.objects.using(alias).filter(pk=1).first()
    if node is None:
        identity = {"node_id": str(uuid.uuid4()), "fingerprint": fingerprint(alias)}
        node, _ = Node.objects.using(alias).get_or_create(pk=1, defaults=identity)
    return node.node_id


def set_identity(alias: str, *, new: bool) -> str:
    """Say what a copied or restored database is: a node of its own, or the one that it was copied from.

    Returns:
        The identity that it has now.
    """
    identity = str(uuid.uuid4()) if new else node_id(alias)
    Node.objects.using(alias).update_or_create(pk=1, defaults={"node_id": identity, "fingerprint": fingerprint(alias)})
    return identity


def require_original(alias: str) -> None:
    """Raise ``Refused`` when the database is a copy of the one whose identity it carries."""
    node = Node.objects.using(alias).filter(pk=1).first()
    if node is None or not node.fingerprint or node.fingerprint == fingerprint(alias):
        return
    raise Refused(
        f"The database {alias!r} is a copy: its identity {node.node_id} was made somewhere else. If the original "
        "is still in use, run `manage.py synchro_reset --new-identity` here (and `synchro_link`, to tell which "
        "object is which on the remote); if this has replaced the original, `manage.py synchro_reset "
        "--keep-identity`."
    )


def require_same_history(checkpoint: Checkpoint, remote: str) -> None:
    """Raise ``Refused`` when LOCAL was put back to an older state than the remote has received."""
    if position_is_ahead(LOCAL, checkpoint.position) or not history_agrees(LOCAL, checkpoint.last_row):
        raise Refused(
            f"The database {LOCAL!r} was put back to an older state: {remote!r} has received changes of it that it "
            "does not have any more. Decide which side is right and make them equal by hand; then run "
            "`manage.py synchro_reset --keep-identity`, and `manage.py synchro_link`."
        )
