"""What is meant by all that django-synchro has logged of one object, and not sent. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from .old_tables import ADDITION, DELETION, LINKS_CHANGED


class Meant(Enum):
    """What the next run has to look at."""

    NOTHING = auto()
    """The object itself has not changed: its links may have. Or it came and went."""
    NEW = auto()
    CHANGED = auto()
    MADE_AGAIN = auto()
    """The one that was there is deleted, and another one has its key."""
    DELETED = auto()
    DELETED_UNKNOWN = auto()
    """It is deleted, and no reference tells which row it was: a natural key may."""
    VANISHED = auto()
    """It is not there, and nobody has said that it was deleted."""


def meant_by(actions: Sequence[int], *, is_here: bool, known: bool, keeps_key: bool) -> Meant:
    """Tell what has become of an object.

    Args:
        actions: what was logged, in order.
        is_here: LOCAL has an object with the key.
        known: a reference tells which row of the remote it is, or was.
        keeps_key: the key tells it on both sides, so that an object that is made again under it is the same one.
    """
    of_object = [action for action in actions if action != LINKS_CHANGED]
    deleted, added = DELETION in of_object, ADDITION in of_object
    if is_here:
        if not of_object:
            return Meant.NOTHING
        if deleted and known and not keeps_key:
            return Meant.MADE_AGAIN
        return Meant.NEW if (added or deleted) and not known else Meant.CHANGED
    if not deleted:
        return Meant.VANISHED
    if known or keeps_key:
        return Meant.DELETED
    return Meant.NOTHING if added else Meant.DELETED_UNKNOWN


def is_of_former(actions: Sequence[int], *, logged_first: str, ever_added: bool) -> bool:
    """Tell whether a reference is of an object that had the key before, and was deleted: it is outdated.

    Args:
        actions: what django-synchro has surely not sent.
        logged_first: the operation of the first row that the triggers have written of the key; ``''``: none.
        ever_added: django-synchro's log says that an object was made under the key.
    """
    first = next((action for action in actions if action != LINKS_CHANGED), 0)
    return first == ADDITION or (logged_first == "I" and not ever_added)
