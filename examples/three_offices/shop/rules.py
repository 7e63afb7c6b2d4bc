"""The shop's own rule for conflicts over a customer: the later version stands, but nobody's note is lost."""

from __future__ import annotations

from synchro_triggers import Conflict, Decision


def both_notes(conflict: Conflict) -> Decision:
    """Let the later version stand, with the lines of both notes.

    It asks neither which side is LOCAL nor in which order they come, so it says the same wherever it is asked.
    Where one side has deleted the customer, there is nothing to merge.
    """
    here, there = (conflict.local_at, conflict.local_author), (conflict.remote_at, conflict.remote_author)
    if conflict.local is None or conflict.remote is None:
        return Decision.LOCAL if here > there else Decision.REMOTE
    later = conflict.local if here > there else conflict.remote
    lines = {*conflict.local["note"].splitlines(), *conflict.remote["note"].splitlines()}
    return Decision.merged({**later, "note": "\n".join(sorted(lines))})
