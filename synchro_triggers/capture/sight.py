"""What a session sees of a database."""

from __future__ import annotations

from typing import NamedTuple


class Sight(NamedTuple):
    """What a session sees of some tables.

    Attributes:
        standby: the server replays another one's log: what it shows may be old, and its snapshots do not name the
            transactions that are under way.
        hidden: tables of which row-level security may hide rows.
        role: whom it hides them from.
    """

    standby: bool = False
    hidden: tuple[str, ...] = ()
    role: str = ""
