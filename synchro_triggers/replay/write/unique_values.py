"""Unique values that objects want of one another: swaps and rotations.

A unique constraint is checked row by row, so two objects cannot exchange a unique value by being
saved one after the other. The values in the way are first replaced by free ones.
"""

from __future__ import annotations

import uuid
from collections.abc import Hashable, Iterable, Mapping
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from django.db import DataError, IntegrityError, connections, models, transaction
from django.db.models import Field, Max, Min, Model, ProtectedError, QuerySet, RestrictedError

from ..errors import NotYet
from ..log.changes import Change
from ..rows.selecting import rows_of, rows_with
from ..rows.values import local_value
from ..schema.made_up import free_values
from ..schema.relations import links_to_children
from ..schema.shape import Shape, is_foreign_key, leads_elsewhere, parents_of, root_of, shape_of
from ..tasks import ObjectTask, Task
from .known import Known

Stuck = tuple[Shape, Any, Model | None]
T = TypeVar("T", bound=Hashable)


def park_unique_values(remote: str, stuck: Mapping[T, Stuck]) -> set[T]:
    """Give remote rows that are in one another's way values that nobody has, without signals.

    Args:
        remote: the remote alias; a transaction must be open there.
        stuck: shape, remote key and local instance of objects that could not be saved; ``None`` for the
            remote key of one that is not there yet, and for the instance of one that is to be deleted.

    Returns:
        Those that were changed, so that another try makes sense.
    """
    parked: set[T] = set()
    taken: dict[Field[Any, Any], set[Any]] = {}
    wanted: dict[Field[Any, Any], set[Any]] = {}
    for shape, _, instance in stuck.values():
        if instance is not None:
            for field in unique_fields(shape):
                wanted.setdefault(field, set()).update(_hashable([local_value(instance, field)]))
    for one in _in_the_way(remote, stuck):
        shape, remote_key, instance = stuck[one]
        shape, row = _row_there(remote, shape, remote_key)
        if row is None:
            continue
        if instance is None:
            shape, row = _childs_row(remote, shape, row)
        for field in unique_fields(shape):
            if local_value(row, field) is not None and _wants_another(row, instance, field):
                if field not in taken:
                    column = rows_of(field.model, remote).values_list(field.attname, flat=True)
                    taken[field] = _hashable(column[:_LOOKED_AT])
                if park(remote, shape, remote_key, field, taken[field], wanted.get(field, set())):
                    parked.add(one)
    return parked


def _row_there(remote: str, shape: Shape, remote_key: Any) -> tuple[Shape, Model | None]:
    """Return an object's row and its shape; of one whose child's row is still to come, those of the parent."""
    for model in (shape.model, *parents_of(shape.model)):
        row: Model | None = rows_of(model, remote).filter(pk=remote_key).first()
        if row is not None:
            return shape_of(model), row
    return shape, None


def _childs_row(remote: str, shape: Shape, row: Model) -> tuple[Shape, Model]:
    """Return the child's row, and its shape, of a row that is to be deleted as a whole; where there is none, itself."""
    for link in links_to_children(shape.model):
        child: Model | None = rows_of(link.model, remote).filter(pk=row.pk).first() if link.primary_key else None
        if child is not None:
            return _childs_row(remote, shape_of(link.model), child)
    return shape, row


def holders_of_wanted(remote: str, waiting: Mapping[T, Stuck], stuck: Mapping[T, Stuck]) -> dict[T, Stuck]:
    """Return those of the waiting objects whose remote rows have a value, of one column, that a stuck one wants."""
    wanted: dict[Field[Any, Any], set[Any]] = {}
    for shape, _, instance in stuck.values() if waiting else ():
        for field in unique_fields(shape) if instance is not None else ():
            if field.unique and not leads_elsewhere(field):
                values = _hashable([local_value(instance, field)])  # type: ignore[arg-type]
                wanted.setdefault(field, set()).update(values - {None})
    holders = {
        (root_of(field.model), key)
        for field, values in wanted.items()
        for key in rows_with(field.model, remote, **{field.attname: list(values)}).values_list("pk", flat=True)
    }
    at_row = _at_rows(remote, waiting) if holders else {}
    found = {one for at, one in at_row.items() if at in holders}
    return {one: each for one, each in waiting.items() if one in found}


def _in_the_way(remote: str, stuck: Mapping[T, Stuck]) -> list[T]:
    """Return those whose rows may have to make room for another one that can have its values then.

    A value held by a row that will not change cannot be freed; nor can anything waiting behind it.
    """
    at_row = _at_rows(remote, stuck)
    by_field: dict[Field[Any, Any], dict[Any, T]] = {}
    for one, (shape, _, instance) in stuck.items():
        for field in unique_fields(shape) if instance is not None else ():
            value = local_value(instance, field)  # type: ignore[arg-type]
            if field.unique and not leads_elsewhere(field) and value is not None and isinstance(value, Hashable):
                by_field.setdefault(field, {})[value] = one
    waits_for: dict[T, list[T]] = {}
    hopeless: list[T] = []
    for field, wanting in by_field.items():
        holders = rows_with(field.model, remote, **{field.attname: list(wanting)})
        for value, key in holders.values_list(field.attname, "pk"):
            holder, wanter = at_row.get((root_of(field.model), key)), wanting.get(value)
            if wanter is None or holder == wanter:
                continue
            if holder is None:
                hopeless.append(wanter)
            else:
                waits_for.setdefault(holder, []).append(wanter)
    helpless: set[T] = set()
    while hopeless:
        one = hopeless.pop()
        if one not in helpless:
            helpless.add(one)
            hopeless += waits_for.get(one, ())
    return [
        one
        for one, (shape, key, instance) in stuck.items()
        if key is not None
        and one not in helpless
        and (not _shows_in_values(shape, instance) or not helpless.issuperset(waits_for.get(one, ())))
    ]


def _at_rows(remote: str, stuck: Mapping[T, Stuck]) -> dict[tuple[type[Model], Any], T]:
    """Return, by root model and key, whose a remote row is: an object's own, or that of a parent with another key."""
    found: dict[tuple[type[Model], Any], T] = {}
    with_others: dict[Shape, dict[Any, T]] = {}
    for one, (shape, key, _) in stuck.items():
        if key is not None:
            found[shape.root, key] = one
            if shape.other_parents:
                with_others.setdefault(shape, {})[key] = one
    for shape, some in with_others.items():
        links = [parent.link.attname for parent in shape.other_parents]
        for key, *keys in rows_with(shape.model, remote, pk=list(some)).values_list("pk", *links):
            for parent, parent_key in zip(shape.other_parents, keys, strict=True):
                # A parent's row that the object is about to leave is deleted by itself, or stays.
                found.setdefault((root_of(parent.model), parent_key), some[key])
    return found


@cache
def is_told_by_values(shape: Shape) -> bool:
    """Tell whether single columns, which hold the same on both sides, show which objects are in each other's way."""
    return all(field.unique and not leads_elsewhere(field) for field in unique_fields(shape)) and not any(
        model._meta.unique_together or model._meta.constraints
        for model in (*shape.model._meta.all_parents, shape.model)
    )


def _shows_in_values(shape: Shape, instance: Model | None) -> bool:
    """Tell the same of an object; of one that is to be deleted, with what its children's tables have of it."""
    return is_told_by_values(shape) and (instance is not None or _are_children_told_by_values(shape.model))


@cache
def _are_children_told_by_values(model: type[Model]) -> bool:
    children = [link.model for link in links_to_children(model) if link.primary_key]
    return all(is_told_by_values(shape_of(each)) and _are_children_told_by_values(each) for each in children)


def free_values_for_many(remote: str, shape: Shape, count: int) -> dict[Field[Any, Any], list[Any]]:
    """Return values that no row of the remote has, as many as are asked for, for those unique columns where it can."""
    return {
        field: values
        for field in unique_fields(shape)
        if (values := _many_free_values(remote, field, count)) is not None
    }


def _many_free_values(remote: str, field: Any, count: int) -> list[Any] | None:
    if field.null:
        return [None] * count
    stored = field
    while is_foreign_key(stored):  # checked at the commit, and the right value comes before that
        stored = stored.target_field
    if isinstance(stored, models.UUIDField):
        return [uuid.uuid4() for _ in range(count)]
    if isinstance(stored, (models.CharField, models.TextField)) and (stored.max_length or _ENOUGH) >= _ENOUGH:
        return [uuid.uuid4().hex[: stored.max_length] for _ in range(count)]
    if isinstance(stored, models.BinaryField) and (stored.max_length or _ENOUGH) >= _ENOUGH:
        return [uuid.uuid4().bytes for _ in range(count)]
    if isinstance(stored, models.IntegerField):
        lowest, highest = connections[remote].ops.integer_field_range(stored.get_internal_type())
        ends = rows_of(field.model, remote).aggregate(low=Min(field.attname), high=Max(field.attname))
        low, high = ends["low"] or 0, ends["high"] or 0
        if lowest is None or low - count >= lowest:
            return list(range(low - count, low))
        if highest is None or high + count <= highest:
            return list(range(high + 1, high + count + 1))
    return None


#: Characters, or bytes, of a made-up value that make it nobody else's.
_ENOUGH = 16


def park(remote: str, shape: Shape, remote_key: Any, field: Field[Any, Any], taken: set[Any], wanted: set[Any]) -> bool:
    """Try one made-up value after the other; a check constraint may allow but a few.

    What another object waits for comes last: it would be in that one's way.
    """
    row = row_with(remote, shape, remote_key, field)
    waited_for = wanted - {None}
    for value in sorted(islice(free_values(field, taken), _TRIES), key=waited_for.__contains__):
        try:
            with transaction.atomic(using=remote):
                row.update(**{field.attname: value})
            taken.add(value)
            return True
        except (IntegrityError, DataError):
            continue
    return False


def row_with(remote: str, shape: Shape, remote_key: Any, field: Any) -> QuerySet[Any]:
    """Return, as a query, the row that holds a field of an object: its own, or a parent's.

    Through the child Django cannot update parents' rows whose keys have to be converted (5.2).
    """
    key, model = remote_key, field.model._meta.concrete_model
    if root_of(model) is not shape.root:
        own = rows_of(shape.model, remote).filter(pk=remote_key)
        key = own.values_list(model._meta.pk.attname, flat=True).first()
    return rows_of(model, remote).filter(pk=key)


@cache
def unique_fields(shape: Shape) -> tuple[Field[Any, Any], ...]:
    """Return the copied fields that take part in any unique or exclusion constraint."""
    names: set[str] = set()
    for model in (*shape.model._meta.all_parents, shape.model):
        names.update(field.name for field in model._meta.local_concrete_fields if field.unique)
        for together in model._meta.unique_together:
            names.update(together)
        for constraint in model._meta.constraints:
            names.update(getattr(constraint, "fields", ()))
            names.update(_names_in(getattr(constraint, "expressions", ())))
    return tuple(field for field in shape.copied if field.name in names)


def _names_in(expressions: Iterable[Any]) -> set[str]:
    names: set[str] = set()
    for expression in expressions:
        if isinstance(expression, (tuple, list)):  # an exclusion constraint's (expression, operator)
            expression = expression[0]
        if isinstance(expression, str):
            names.add(expression.split("__")[0])
        elif hasattr(expression, "flatten"):
            parts = (part for part in expression.flatten() if isinstance(part, models.F))
            names.update(str(getattr(part, "name", "")).split("__")[0] for part in parts)
    return names


def _hashable(values: Iterable[Any]) -> set[Any]:
    # A unique column of lists or JSON has no made-up values anyway.
    return {value for value in values if isinstance(value, Hashable)}


def _wants_another(row: Model, instance: Model | None, field: Field[Any, Any]) -> bool:
    # The values of what holds keys differ between the two databases anyway: park it to be sure.
    return instance is None or leads_elsewhere(field) or local_value(row, field) != local_value(instance, field)


#: How many values of a column are looked at, and how many made-up ones are tried.
_LOOKED_AT = 10_000
_TRIES = 200


def park_stuck(known: Known, tasks: Iterable[Task], failed: Mapping[Change, Exception]) -> set[Change]:
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
    holders = stuck
    while holders := holders_of_wanted(known.remote, waiting, holders):  # it may be for them that they wait
        stuck |= holders
        waiting = {one: each for one, each in waiting.items() if one not in holders}
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
