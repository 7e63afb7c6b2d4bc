"""Which rows of LOCAL's log wait for a remote."""

from __future__ import annotations

from django.db import connections

from ...capture.own_tables import require_own_tables
from ...conf import local_alias
from ...models import Checkpoint
from ...reaching import clear_errors
from ..log.vendor import Condition
from ..log.window import current_position, in_window
from ..state.node import node_id


def waiting_for(remote: str) -> Condition:
    """Return what is true of the rows of LOCAL's log that a remote has not received, and did not send itself.

    Raises:
        Refused: tables of this package are missing there.
        DatabaseUnreachable: it does not answer.
    """
    with clear_errors(local_alias(), remote):
        require_own_tables(remote)
        source = node_id(local_alias())
        checkpoint = Checkpoint._base_manager.using(remote).filter(source=source).first() or Checkpoint(source=source)
        end = current_position(local_alias())
        where, params = in_window(
            connections[local_alias()], checkpoint.position, end, checkpoint.since, node_id(remote)
        )
    return f"{where} AND id > %s", [*params, checkpoint.window_after]
