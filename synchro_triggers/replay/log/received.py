"""What the remote's users have changed, and LOCAL has received: no conflict with what LOCAL does to it later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connections

from ...capture.keys import encode_key, logged_texts
from ...conf import LOCAL
from ...models import Checkpoint
from ..schema.shape import model_of
from .users_changes import LastChange, LastChanges, last_changes
from .vendor import log_of
from .window import received_by


def received_here(
    remote: str, node: str, local_keys: Mapping[tuple[str, str], Any], last: Mapping[tuple[str, str], LastChange]
) -> dict[tuple[str, str], int]:
    """Return those of the remote's changes that LOCAL has received, and written, as the log of either side tells.

    The remote's own runs leave on LOCAL how far they have come in its log. That alone does not say what became of an
    object: LOCAL's version may have been kept. So LOCAL must have written its row for the remote since, too. The clocks
    of both sides are compared for that; where LOCAL's is behind, what was received is taken for a conflict, and told.

    Args:
        remote: the remote alias.
        node: its node id.
        local_keys: model label and remote key to the key on LOCAL.
        last: the last changes of some of these rows.

    Returns:
        Their model label and remote key, and the id of the log row.
    """
    checkpoint = Checkpoint.objects.using(LOCAL).filter(source=node).first()
    if checkpoint is None:  # the remote does not synchronise to LOCAL
        return {}
    seen = _seen(remote, checkpoint, [change.id for change in last.values()])
    by_label: dict[str, dict[tuple[str, str], LastChange]] = {}
    for at, change in last.items():
        if change.id in seen:
            by_label.setdefault(at[0], {})[at] = change
    found: dict[tuple[str, str], int] = {}
    for label, changes in by_label.items():
        written = _written_here(label, [local_keys[at] for at in changes], node)
        for at, change in changes.items():
            here = written.get((label, encode_key(local_keys[at])))
            if here is not None and here.time > change.time:
                found[at] = change.id
    return found


def _seen(remote: str, checkpoint: Checkpoint, ids: list[int]) -> set[int]:
    """Return those of the remote's log rows that LOCAL has received."""
    where, params = received_by(remote, checkpoint.position, checkpoint.window_end, checkpoint.window_after)
    connection = connections[remote]
    among, wanted = log_of(connection).one_of(ids, "bigint")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM synchro_triggers_changelog WHERE id {among} AND {where}", [wanted, *params])
        return {row_id for (row_id,) in cursor.fetchall()}


def _written_here(label: str, keys: list[Any], node: str) -> LastChanges:
    model = model_of(label)
    assert model is not None  # its object is written
    return dict(last_changes(LOCAL, label, logged_texts(model, keys), node))
