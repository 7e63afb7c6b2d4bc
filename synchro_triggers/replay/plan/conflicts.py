"""Who wins when both sides changed an object since they last met. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from ...exceptions import SynchroConfigurationError


@dataclass(frozen=True)
class Conflict:
    """An object that was changed on both sides.

    Attributes:
        label: ``app.Model``.
        local_pk, remote_pk: its primary keys, as text. The local one of an object that was deleted, and whose key is
            another's now, has ``~`` and a number behind it.
        local_at, remote_at: the times of the last change on either side, aware, by the clock of the node whose users
            have made it, but later than what they had changed.
        local_author, remote_author: the identities of these nodes, where they are known.
        settled: this is none: the remote has seen LOCAL's version, and has a newer one. No rule is asked.

    Example:
        ``SYNCHRO_CONFLICT = "shop.rules.newest_but_prices"``, and in ``shop/rules.py``::

            def newest_but_prices(conflict: Conflict) -> str:
                if conflict.label == "shop.Price":
                    return "remote"
                return "local" if conflict.local_at > conflict.remote_at else "remote"
    """

    label: str
    local_pk: str
    remote_pk: str
    local_at: datetime.datetime
    remote_at: datetime.datetime
    local_author: str = ""
    remote_author: str = ""
    settled: bool = False


def local_wins(conflict: Conflict, policy: str | Callable[[Conflict], str]) -> bool:
    """Decide whether the local object is written over the remote one.

    Args:
        conflict: the object.
        policy: ``'newest'`` (the later change wins; of equal ones that of the higher identity, which is the same on all
            nodes, or the remote's where identities are not known), ``'local'``, ``'remote'``, or a callable that gets
            the conflict and returns ``'local'`` or ``'remote'``.

    Raises:
        SynchroConfigurationError: the callable returned something else.
    """
    if policy == "newest":
        return (conflict.local_at, conflict.local_author) > (conflict.remote_at, conflict.remote_author)
    winner = policy if isinstance(policy, str) else policy(conflict)
    if winner not in {"local", "remote"}:
        raise SynchroConfigurationError(
            f"SYNCHRO_CONFLICT: the callable returned {winner!r} for {conflict.label} {conflict.local_pk}; "
            "it must return 'local' or 'remote'."
        )
    return winner == "local"
