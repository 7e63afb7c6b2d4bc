"""What is done with an object on the remote: decided once, for every way of writing. Pure.

A writer takes a decision and carries it out; ways of writing differ in speed and in who hears of it, never in what is
decided.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.db.models import Model

from ..rows.values import local_value, same_value
from ..schema.shape import Shape
from ..tasks import ObjectTask


class Action(Enum):
    """What is done with one object.

    The last two are not counted: nothing is done with a row for them.
    """

    CREATE = "created"
    UPDATE = "updated"
    KEEP = "unchanged"
    LEAVE = "conflicts"
    DELETE = "deleted"
    FORGET = "forgotten"
    HAND_ON = "handed on"

    @property
    def counted_as(self) -> str:
        """The name under which a report counts it."""
        return self.value


@dataclass(slots=True)
class Decision:
    """What is done with one object, and with which values.

    Attributes:
        task: the object.
        action: what is done.
        remote_key: its key on the remote, or ``None``: the database will give it one.
        values: what its copied fields shall hold there, in their order; never skipped ones.
    """

    task: ObjectTask
    action: Action
    remote_key: Any
    values: Sequence[Any] = field(default=())


def decide(*, logged: bool, there: bool, equal: bool, remote_wins: bool = False) -> Action:
    """Decide about an object that LOCAL has.

    Args:
        logged: LOCAL has changed it, or has given it another parent; otherwise it is only needed by another object, and
            is created if it is missing.
        there: the remote has a row for it.
        equal: that row holds what it shall hold.
        remote_wins: the remote's users have changed or deleted it too, and the rule says that theirs counts.

    Example:
        >>> decide(logged=True, there=True, equal=False, remote_wins=True)
        <Action.LEAVE: 'conflicts'>
    """
    if there and equal:
        return Action.KEEP
    if remote_wins:
        return Action.LEAVE
    if not there:
        return Action.CREATE
    return Action.UPDATE if logged else Action.KEEP


def decide_delete(
    *, there: bool, lives_on: bool = False, remote_wins: bool = False, gone_before: bool = False
) -> Action:
    """Decide about an object that LOCAL has deleted.

    Args:
        there: the remote has a row for it.
        lives_on: that is the row of an object which LOCAL has, by its natural key: it has only changed its number.
        remote_wins: the remote's users have changed it, and the rule says that theirs counts.
        gone_before: a dry run has seen it go.

    Returns:
        ``HAND_ON``: the row is the other object's from now on. ``FORGET``: there is nothing left to delete.

    Example:
        >>> decide_delete(there=True, remote_wins=True)
        <Action.LEAVE: 'conflicts'>
    """
    if not there:
        return Action.FORGET
    if lives_on:
        return Action.HAND_ON
    if remote_wins:
        return Action.LEAVE
    return Action.FORGET if gone_before else Action.DELETE


def is_equal(shape: Shape, row: Model, values: Sequence[Any]) -> bool:
    """Tell whether a remote row holds values, those of the copied fields in their order."""
    stored = row.__dict__
    for copied, value in zip(shape.copied, values, strict=True):
        there = stored.get(copied.attname)
        if type(there) in _QUICK and type(value) is type(there):
            if there != value:
                return False
        elif not same_value(copied, local_value(row, copied), value):
            return False
    return True


#: Types of which Python's equality says all.
_QUICK = frozenset({int, str, bool, datetime.date, datetime.datetime})
