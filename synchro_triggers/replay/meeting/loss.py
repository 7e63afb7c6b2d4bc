"""What others tell of a database that was put back: that it has lost something, and when that had come to be."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connections

from ...conf import local_alias
from ...exceptions import Refused
from ...models import Checkpoint
from ..identity.arrivals import write_arrivals
from ..log.own_windows import moment_of
from ..log.vendor import log_of
from ..rows.own_rows import read_rows
from ..state.heard_of import times_of_lost
from ..state.node import has_same_history, node_id


def marks_of_loss(remotes: Iterable[str]) -> dict[str, str]:
    """Return when LOCAL had come to be, by its clock, what it has lost, for remotes that know of that.

    A mark is later than all that the backup holds, and earlier than what users have done since it was put back.

    Args:
        remotes: the aliases.

    Returns:
        By alias, the time as a mark of the log has it (``Log.MARK``).

    Raises:
        Refused: a remote has what LOCAL has lost, and nothing tells when that came to be.
    """
    source, log = node_id(local_alias()), log_of(connections[local_alias()])
    marks: dict[str, str] = {}
    for remote in remotes:
        for checkpoint in read_rows(Checkpoint, remote, source=source):
            if checkpoint.last_row and not has_same_history(checkpoint):
                marks[remote] = checkpoint.last_row.split("|")[1]
        if remote in marks:
            continue
        write_arrivals(remote)
        if (times := times_of_lost(remote, source)) is None:
            continue
        if not times:
            raise _nobody_can_tell(remote)
        marks[remote] = log.moment_text(moment_of(times[0]))
    return marks


def _nobody_can_tell(remote: str) -> Refused:
    return Refused(
        f"The database {local_alias()!r} was put back to an older state than {remote!r} knows by others, and nothing "
        "tells what was made before, and what since. Put a newer state back, if there is one. Otherwise replace "
        f"{local_alias()!r} by a copy of {remote!r}, run `manage.py synchro_reset --new-identity` for it, and then "
        "`manage.py synchro_link`: what was changed in it since is gone then. Nothing was changed."
    )


def last_before(marks: Iterable[str]) -> int:
    """Return the last row of LOCAL's log that the backup has held: none is later than what others have received.

    Args:
        marks: as ``marks_of_loss()`` returns them.
    """
    log, last = log_of(connections[local_alias()]), 0
    with connections[local_alias()].cursor() as cursor:
        for mark in marks:
            cursor.execute(f"SELECT coalesce(max(id), 0) FROM synchro_triggers_changelog WHERE {log.NO_LATER}", [mark])
            last = max(last, cursor.fetchone()[0])
    return last
