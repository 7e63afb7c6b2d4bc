"""What a session sees of a database, and hears of it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple, Protocol


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


class Look(NamedTuple):
    """What one statement tells of a database, whatever a run wants to know of it first.

    Attributes:
        mark: is another one whenever tables, their partitions or our triggers have changed.
        place: what ``Database.place()`` returns; ``None``: that takes a question of its own.
        sight: what the session sees; ``None``: that takes a question of its own.
    """

    mark: Hashable
    place: object = None
    sight: Sight | None = None


class Listener(Protocol):
    """A connection of its own that the database tells when something was logged."""

    def hears(self) -> bool:
        """Tell whether notices come: a trial one, sent by another connection."""
        ...

    def wait(self, seconds: float) -> bool:
        """Wait for a notice; tell whether one came."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
