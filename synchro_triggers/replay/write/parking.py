"""Setting unique values aside that the objects which are left want of one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError
from django.db.models import ProtectedError, RestrictedError

from ..errors import NotYet
from ..log.changes import Change
from ..rows.values import local_value
from ..schema.shape import Shape, shape_of
from ..tasks import ObjectTask, Task
from .known import Known
from .unique_values import Stuck, holders_of_wanted, park_unique_values


def park(known: Known, tasks: Iterable[Task], failed: Mapping[Change, Exception]) -> set[Change]:
    """Give rows values in their unique columns that nobody has, where others wait for those that they have.

    Args:
        tasks, failed: what has failed, and why.

    Returns:
        The changes of the objects whose rows have a made-up value now, which must not stay.
    """
    stuck: dict[Change, Stuck] = {}
    waiting: dict[Change, Stuck] = {}
    for task in tasks:
        if not isinstance(task, ObjectTask) or task.change is None:
            continue
        shape, remote_key = _part_there(known, task)
        error = failed.get(task.change)
        in_vain = (IntegrityError,) if task.instance is not None else (NotYet, ProtectedError, RestrictedError)
        if isinstance(error, in_vain):
            stuck[task.change] = (shape, remote_key, task.instance)
        elif isinstance(error, NotYet) and remote_key is not None:
            waiting[task.change] = (shape, remote_key, task.instance)
    stuck |= holders_of_wanted(known.remote, waiting, stuck)  # it may be for them that they wait
    known.rows.clear()
    return park_unique_values(known.remote, stuck)


def _part_there(known: Known, task: ObjectTask) -> tuple[Shape, Any]:
    """Return shape and remote key of an object; where that is yet to come, of a parent's row with another key."""
    identity, instance = known.identity, task.instance
    there = identity.known(task.shape.model, task.key)
    if there is None and instance is not None:
        there = known.matching.match_kept_key(task.shape, task.key)  # it needs no reference
    if there is not None or instance is None:
        return task.shape, there
    for parent in task.shape.other_parents:
        key = local_value(instance, parent.link)
        if (part := identity.find(parent.model, key)) is not None:
            return shape_of(parent.model), part
    return task.shape, there
