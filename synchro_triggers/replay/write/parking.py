"""Setting unique values aside that the objects which are left want of one another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError
from django.db.models import ProtectedError, RestrictedError

from ..errors import NotYet
from ..log.changes import Change
from ..plan.order import Task
from ..rows.values import local_value
from ..schema.shape import Shape, shape_of
from ..tasks import ObjectTask
from .parts import Parts
from .unique_values import Stuck, holders_of_wanted, park_unique_values


def park(parts: Parts, tasks: Iterable[Task]) -> set[Change]:
    """Give rows values in their unique columns that nobody has, where others wait for those that they have.

    Args:
        parts: the batch's parts.
        tasks: what has failed.

    Returns:
        The changes of the objects whose rows have a made-up value now, which must not stay.
    """
    stuck: dict[Change, Stuck] = {}
    waiting: dict[Change, Stuck] = {}
    for task in tasks:
        if not isinstance(task, ObjectTask) or task.change is None:
            continue
        shape, remote_key = _part_there(parts, task)
        error = parts.result.failed.get(task.change)
        in_vain = (IntegrityError,) if task.instance is not None else (NotYet, ProtectedError, RestrictedError)
        if isinstance(error, in_vain):
            stuck[task.change] = (shape, remote_key, task.instance)
        elif isinstance(error, NotYet) and remote_key is not None:
            waiting[task.change] = (shape, remote_key, task.instance)
    stuck |= holders_of_wanted(parts.context.remote, waiting, stuck)  # it may be for them that they wait
    parts.rows.clear()
    return park_unique_values(parts.context.remote, stuck)


def _part_there(parts: Parts, task: ObjectTask) -> tuple[Shape, Any]:
    """Return shape and remote key of an object; where that is yet to come, of a parent's row with another key."""
    identity, instance = parts.identity, task.instance
    known = identity.known(task.shape.model, task.key)
    if known is None and instance is not None:
        known = parts.matching.match_kept_key(task.shape, task.key)  # it needs no reference
    if known is not None or instance is None:
        return task.shape, known
    for parent in task.shape.other_parents:
        key = local_value(instance, parent.link)
        if (part := identity.find(parent.model, key)) is not None:
            return shape_of(parent.model), part
    return task.shape, known
