"""Objects that nobody observes, created and updated many at a time, with a fixed number of queries for each model.

What does not go well here, or needs a closer look, is given back, and is then written one by one: rows that the remote
cannot take, natural keys that only the user's own code can look up.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import FileField, JSONField, Model

from ...exceptions import ObjectNotApplied
from ..errors import reraise_if_hopeless
from ..identity.already_there import already_there
from ..plan.order import At
from ..rows.generic import generic_target
from ..rows.statements import RowsVanished, can_write_many, insert_rows, update_rows
from ..rows.values import local_value, new_instance, same_value
from ..schema.relations import may_be_pointed_past
from ..schema.shape import Shape, is_foreign_key, points_to_key, root_of, tables_of, target_of
from ..tasks import ObjectTask
from .announced import Announced, ReceiversWrote
from .parts import Parts, Unfinished
from .taken_over import has_links, is_taken_over
from .unique_values import free_values_for_many

#: Where a statement fails, its rows are halved and tried again, down to this number.
_FEW = 20


@dataclass(slots=True)
class _Upsert:
    """One object that is about to be written: its remote key, if it has one, and the values it shall have there."""

    task: ObjectTask
    remote_key: Any
    values: list[Any]


#: Writes some, and returns those for which there was time.
_Write = Callable[[Sequence[_Upsert]], Sequence[_Upsert]]


class BulkUpserts:
    """Creates and updates the unobserved objects of a batch."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._remote = parts.target.remote
        self._redirects = parts.target.redirects
        self._announced = Announced(parts)
        self._later: dict[At, set[At]] = {}
        self._written: list[ObjectTask] = []
        self._unfinished: list[tuple[ObjectTask, Unfinished]] = []

    def apply(self, tasks: Sequence[ObjectTask], cut: set[tuple[At, At]]) -> list[ObjectTask]:
        """Create and update objects; return those that are done.

        Args:
            tasks: tasks with an instance, the targets of an object before it.
            cut: who points to whom where a cycle was cut.
        """
        self._later, self._written, done = {}, [], []
        for level in self._levels(tasks, cut):
            by_shape: dict[Shape, list[ObjectTask]] = {}
            for task in level:
                by_shape.setdefault(task.shape, []).append(task)
            for shape, alike in by_shape.items():
                # What a level waited for may have been given back.
                ready = [task for task in alike if self._targets_are_known(task)]
                done += self._upsert_alike(shape, ready)
        self._close_cycles()
        return done

    def take_unfinished(self) -> list[tuple[ObjectTask, Unfinished]]:
        """Return, once, the references of what was written to objects that have no key yet: they were given back."""
        unfinished, self._unfinished = self._unfinished, []
        return unfinished

    def _levels(self, tasks: Sequence[ObjectTask], cut: set[tuple[At, At]]) -> list[list[ObjectTask]]:
        """Group tasks so that each one's new targets are in an earlier group; leave out what cannot be."""
        level_of: dict[At, int] = {}
        levels: list[list[ObjectTask]] = []
        for task in tasks:
            at = (task.shape.root, task.key)
            level: int | None = 0
            later: set[At] = set()
            for target in self._parts.targets.of(task):
                if self._parts.targets.is_there(target):
                    continue
                below = level_of.get(target)
                if self._parts.identity.known(*target) is not None:
                    below = None  # a child's row is to come to it, one by one
                elif target in self._parts.targets.missing:
                    below = -1 if self._may_be_missing(task, target) else None
                elif target == at or (at, target) in cut:
                    below = -1 if self._may_come_later(task, target) else None
                    later.add(target)
                if below is None or level is None:
                    level = None
                    break
                level = max(level, below + 1)
            if level is None or not can_write_many(self._remote, task.shape) or self._lacks_a_target(task):
                continue
            level_of[at] = level
            if later:
                self._later[at] = later
            if level == len(levels):
                levels.append([])
            levels[level].append(task)
        return levels

    def _may_be_missing(self, task: ObjectTask, target: At) -> bool:
        """Tell whether nothing forbids that the object points to one that LOCAL does not have."""
        return not any(
            getattr(foreign_key, "db_constraint", True) or foreign_key not in task.shape.copied
            for foreign_key in self._foreign_keys_to(task, target)
        )

    def _lacks_a_target(self, task: ObjectTask) -> bool:
        """Tell whether a ``to_field`` leads to nothing on LOCAL although it must not: the remote may still have it."""
        return any(
            (value := local_value(task.instance, foreign_key)) is not None  # type: ignore[arg-type]
            and self._parts.targets.key_of(foreign_key, value) is None
            for foreign_key in _checked_to_fields(task.shape)
        )

    def _may_come_later(self, task: ObjectTask, target: At) -> bool:
        """Tell whether the object can be written before one that it points to."""
        if task.shape.generic_keys or self._parts.observers.sends_signals(task.shape.model):
            return False
        return all(
            self._parts.may_stand_in(foreign_key, target[1]) and foreign_key in task.shape.copied
            for foreign_key in self._foreign_keys_to(task, target)
        )

    def reluctance_to_cut(self, task: ObjectTask, target: At) -> int:
        """Tell how unwillingly an object is written before another one to which it points, where they form a cycle.

        Returns:
            0: nothing but references that may be NULL at first, or that nobody checks, lead there; 1: others do, or
            they lead to what is only a part of the target; 2: one is part of the primary key, or of a parent's: no
            value can stand for it, not even for a moment.
        """
        shape, targets = task.shape, self._parts.targets
        leading = [
            (foreign_key, at)
            for foreign_key, at in targets.fields_and_targets(shape, task.instance)  # type: ignore[arg-type]
            if targets.comes_with(at) == target and is_foreign_key(foreign_key)
        ]
        if any(foreign_key not in shape.copied for foreign_key, _ in leading):
            return 2
        optional = all(
            at == target and (foreign_key.null or not getattr(foreign_key, "db_constraint", True))
            for foreign_key, at in leading
        )
        return 0 if optional else 1

    def _foreign_keys_to(self, task: ObjectTask, target: At) -> list[Any]:
        root, key = target
        return [
            foreign_key
            for foreign_key in task.shape.foreign_keys
            if root_of(target_of(foreign_key)[0]) is root
            and (value := local_value(task.instance, foreign_key)) is not None  # type: ignore[arg-type]
            and self._parts.targets.key_of(foreign_key, value) == key
        ]

    def _targets_are_known(self, task: ObjectTask) -> bool:
        later = self._later.get((task.shape.root, task.key), ())
        return all(
            self._parts.targets.is_there(target) or target in later or target in self._parts.targets.missing
            for target in self._parts.targets.of(task)
        )

    def _close_cycles(self) -> None:
        """Set the foreign keys to objects that have got their keys after what points to them."""
        rows: dict[tuple[Shape, Any], list[list[Any]]] = {}
        for task in self._written:
            shape = task.shape
            remote_key = self._parts.identity.known(shape.model, task.key)
            for target in self._later.get((shape.root, task.key), ()):
                for foreign_key in self._foreign_keys_to(task, target):
                    value = local_value(task.instance, foreign_key)  # type: ignore[arg-type]
                    part = Unfinished(foreign_key, target_of(foreign_key)[0], target[1], value)
                    found = self._parts.identity.known(*target)
                    if found is None:
                        self._unfinished.append((task, part))
                    else:
                        new = [*_parts(shape, remote_key), part.value_for(found)]
                        rows.setdefault((shape, foreign_key), []).append(new)
        for (shape, foreign_key), those in rows.items():
            [table] = [table for table in tables_of(shape) if foreign_key in table.model._meta.local_concrete_fields]
            update_rows(self._remote, table.model, table.key, [foreign_key], those)

    def _upsert_alike(self, shape: Shape, tasks: Sequence[ObjectTask]) -> list[ObjectTask]:
        """Create and update objects of one model; return those that are done."""
        matched, unclear = self._match(shape, [task for task in tasks if not self._is_known(task)])
        clear = [task for task in tasks if task.key not in unclear]
        keys = {task.key: matched.get(task.key, self._parts.identity.known(shape.model, task.key)) for task in clear}
        self._parts.rows.load(shape.model, [key for key in keys.values() if key is not None])
        self._parts.remote_changes.load_found(shape, matched.values())
        values_of = _values_reader(shape, self._parts)
        new: list[_Upsert] = []
        changed: list[_Upsert] = []
        done: list[ObjectTask] = []
        unchanged: list[_Upsert] = []
        self._announced.written_to.discard(shape.model)
        remote_changes = self._parts.remote_changes
        for task in clear:
            remote_key = keys[task.key]
            row = self._parts.rows.peek(shape.model, remote_key) if remote_key is not None else None
            try:
                values = values_of(task.instance)
            except ObjectNotApplied:
                continue  # it is told one by one
            equal = row is not None and (shape.root, task.key) not in self._later and _is_equal(shape, row, values)
            conflict = task.change and remote_changes.find(shape, task.key, remote_key, task.change)
            if conflict and not equal:
                assert task.change is not None
                if isinstance(remote_changes.decide(conflict), Exception):
                    continue  # it will be raised for this object alone
                if remote_changes.win(conflict, task.change, deleted=row is None):
                    self._parts.leave_alone(shape, task.key, remote_key)
                    done.append(task)
                    continue
            if row is None and remote_key is not None and shape.model is not shape.root:
                continue  # a parent's row is there, and lacks its child
            if row is None:
                new.append(_Upsert(task, self._parts.matching.translation.kept_key(shape, task.key), values))
            elif task.change is None or equal:
                self._parts.identity.learn(shape.model, task.key, remote_key)
                unchanged.append(_Upsert(task, remote_key, values))
            else:
                changed.append(_Upsert(task, remote_key, values))
        updated = self._halving(
            changed, lambda some: self._update(shape, some), lambda some: self._update_apart(shape, some)
        )
        new = self._not_there(shape, new)
        created = self._halving(new, lambda some: self._create(shape, some))
        unchanged = self._still_unchanged(shape, tasks, unchanged, [*changed, *new], [*updated, *created])
        counted = [each for each in unchanged if each.task.change is not None]
        counts = {"created": len(created), "updated": len(updated), "unchanged": len(counted)}
        for what, number in counts.items():
            if number:
                self._parts.result.report.count(shape.label, what, number)
        written = [each.task for each in (*updated, *created)]
        self._written += written
        done += [*(each.task for each in unchanged), *written]
        for task in done:
            if task.change is not None:
                self._parts.result.failed.pop(task.change, None)
        return done

    def _still_unchanged(
        self,
        shape: Shape,
        tasks: Sequence[ObjectTask],
        unchanged: list[_Upsert],
        others: Sequence[_Upsert],
        written: Sequence[_Upsert],
    ) -> list[_Upsert]:
        """Return those that receivers of what comes before them have left as they were, or will.

        Args:
            shape: their model.
            tasks: all, in their order.
            unchanged: those that were equal before.
            others: those that had to be written.
            written: those that were.
        """
        if not unchanged or not others or shape.model not in self._announced.written_to:
            return unchanged
        order = {id(task): number for number, task in enumerate(tasks)}
        first = min(order[id(each.task)] for each in others)
        after = [each for each in unchanged if order[id(each.task)] > first and each.task.change is not None]
        self._parts.rows.load(shape.model, [each.remote_key for each in after])
        touched = {
            id(each)
            for each in after
            if len(written) < len(others)  # the rest is written one by one, and so comes before them
            or (row := self._parts.rows.peek(shape.model, each.remote_key)) is None
            or not _is_equal(shape, row, each.values)
        }
        return [each for each in unchanged if id(each) not in touched]

    def _is_known(self, task: ObjectTask) -> bool:
        return self._parts.identity.known(task.shape.model, task.key) is not None

    def _match(self, shape: Shape, tasks: Sequence[ObjectTask]) -> tuple[dict[Any, Any], set[Any]]:
        """Find remote rows for objects without a reference; what needs a closer look is unclear."""
        if not tasks:
            return {}, set()
        found, unclear = self._parts.matching.match_many(shape, [task.instance for task in tasks if task.instance])
        # The row of an object that is gone, with what may still hang on it.
        unclear |= {
            key
            for key, remote_key in found.items()
            if self._parts.identity.claimed_by(shape.model, remote_key) not in (None, key)
            and (
                has_links(shape)
                or may_be_pointed_past(shape.model)
                or is_taken_over(self._parts, shape, key, remote_key)
            )
        }
        return {key: remote_key for key, remote_key in found.items() if key not in unclear}, unclear

    def _not_there(self, shape: Shape, new: Sequence[_Upsert]) -> list[_Upsert]:
        """Leave out new objects that the remote has in another spelling: they are told one by one."""
        objects = [(each.task.instance, each.remote_key) for each in new]
        there = already_there(self._parts.target.spellings, self._parts.matching.natural_keys, shape, objects)
        return [each for each in new if each.task.key not in there]

    def _create(self, shape: Shape, some: Sequence[_Upsert]) -> Sequence[_Upsert]:
        without = [each for each in some if each.remote_key is None]
        if without and self._redirects.concern(shape.model):
            for each, key in zip(without, self._redirects.reserve(shape, len(without)), strict=True):
                each.remote_key = key
        if self._parts.observers.sends_signals(shape.model):
            some = self._create_announced(shape, some)
        else:
            self._create_silently(shape, some)
        for each in some:
            self._parts.identity.learn(shape.model, each.task.key, each.remote_key)
        return some

    def _create_announced(self, shape: Shape, some: Sequence[_Upsert]) -> Sequence[_Upsert]:
        instances = [
            new_instance(shape, self._remote, each.remote_key, _by_attname(shape, each.values)) for each in some
        ]
        some = some[: self._announced.create(shape, instances)]
        for each, instance in zip(some, instances, strict=False):
            if each.remote_key is not None and shape.automatic_key:
                self._parts.numbered.setdefault(shape.root, set()).add(each.remote_key)
            each.remote_key = instance.pk
        return some

    def _create_silently(self, shape: Shape, some: Sequence[_Upsert]) -> None:
        with_key = [each for each in some if each.remote_key is not None]
        unsure = self._redirects.concern(shape.model)
        for alike in (with_key, [each for each in some if each.remote_key is None]):
            if not alike:
                continue
            keyed = alike is with_key
            keys = [each.remote_key for each in alike]
            for table in tables_of(shape):
                copied = [shape.copied[number] for number in table.numbers]
                own = table.model._meta.local_concrete_fields
                defaults = [field for field in shape.skipped if field in own and not field.has_db_default()]
                key = table.key if keyed or table.model is not shape.root else ()
                rows = [
                    [
                        *(_parts(shape, remote_key) if key else ()),
                        *(each.values[number] for number in table.numbers),
                        *(field.get_default() for field in defaults),
                    ]
                    for each, remote_key in zip(alike, keys, strict=True)
                ]
                columns = [*key, *copied, *defaults]
                keys = insert_rows(self._remote, table.model, columns, rows, unsure=unsure) or keys
            if unsure:
                self._redirects.require(shape, keys)
            for each, remote_key in zip(alike, keys, strict=True):  # not before all of its tables have it
                each.remote_key = remote_key
            if keyed and shape.automatic_key:
                self._parts.numbered.setdefault(shape.root, set()).update(keys)

    def _update(self, shape: Shape, some: Sequence[_Upsert]) -> Sequence[_Upsert]:
        if self._parts.observers.sends_signals(shape.model):
            self._parts.rows.load(shape.model, [each.remote_key for each in some])
            instances = [self._parts.rows.take(shape.model, each.remote_key) for each in some]
            for each, instance in zip(some, instances, strict=True):
                if instance is None:
                    raise RowsVanished(f"{shape.label} {each.remote_key!r} is gone")
            values = [_by_attname(shape, each.values) for each in some]
            some = some[: self._announced.update(shape, instances, values)]
        else:
            for table in tables_of(shape):
                copied = [shape.copied[number] for number in table.numbers]
                rows = [
                    [*_parts(shape, each.remote_key), *(each.values[number] for number in table.numbers)]
                    for each in some
                ]
                if copied:
                    update_rows(self._remote, table.model, table.key, copied, rows)
        for each in some:
            self._parts.identity.learn(shape.model, each.task.key, each.remote_key)
            self._parts.rows.drop(shape.model, each.remote_key)
        return some

    def _update_apart(self, shape: Shape, some: Sequence[_Upsert]) -> Sequence[_Upsert]:
        """Update objects that want unique values of one another: give them values that nobody has first."""
        free = free_values_for_many(self._remote, shape, len(some))
        for table in tables_of(shape):
            fields = [field for field in free if field in table.model._meta.local_concrete_fields]
            rows = [
                [*_parts(shape, each.remote_key), *(free[field][number] for field in fields)]
                for number, each in enumerate(some)
            ]
            if fields:
                update_rows(self._remote, table.model, table.key, fields, rows)
        if self._parts.observers.sends_signals(shape.model):
            self._parts.rows.forget({None})
        went = self._update(shape, some)
        if len(went) < len(some):
            raise IntegrityError("no time to hand on unique values")
        return went

    def _halving(self, all_: Sequence[_Upsert], write: _Write, write_apart: _Write | None = None) -> Sequence[_Upsert]:
        """Write as many at once as will go; return those that went.

        Args:
            all_: what to write.
            write: writes some of them.
            write_apart: does so where they want unique values of one another.
        """
        if not all_:
            return []
        if self._parts.whole:
            return write(all_)
        went = self._try(all_, write)
        if isinstance(went, IntegrityError) and write_apart is not None and len(all_) > 1:
            went = self._try(all_, write_apart)
        if not isinstance(went, Exception):
            if 0 < len(went) < len(all_) and not self._parts.clock.is_up():
                return [*went, *self._halving(all_[len(went) :], write, write_apart)]
            return went
        if len(all_) <= _FEW or isinstance(went, ReceiversWrote):
            return []
        middle = len(all_) // 2
        return [each for half in (all_[:middle], all_[middle:]) for each in self._halving(half, write, write_apart)]

    def _try(self, some: Sequence[_Upsert], write: _Write) -> Sequence[_Upsert] | Exception:
        """Write some, or, where there is an error, none; return those that were written, or the error."""
        try:
            with transaction.atomic(using=self._remote):
                return write(some)
        except Exception as error:
            reraise_if_hopeless(error, self._remote)
            return error


# What is known of a model ---------------------------------------------------------------------------


@cache
def _checked_to_fields(shape: Shape) -> tuple[Any, ...]:
    """Return the foreign keys to other fields than keys that have a constraint."""
    return tuple(
        field for field in shape.foreign_keys if not points_to_key(field) and getattr(field, "db_constraint", True)
    )


def _by_attname(shape: Shape, values: Sequence[Any]) -> dict[str, Any]:
    return {field.attname: value for field, value in zip(shape.copied, values, strict=True)}


def _parts(shape: Shape, key: Any) -> Sequence[Any]:
    return key if shape.composite_key else (key,)


def _values_reader(shape: Shape, parts: Parts) -> Callable[[Any], list[Any]]:
    """Return a function that gives the values of an instance's copied fields as the remote shall have them."""
    attnames = [field.attname for field in shape.copied]
    special = [(number, field) for number, field in enumerate(shape.copied) if isinstance(field, FileField | JSONField)]
    keys = [
        (number, field, target_of(field)[0])
        for number, field in enumerate(shape.copied)
        if is_foreign_key(field) and points_to_key(field)
    ]
    at_number = {attname: number for number, attname in enumerate(attnames)}
    known = parts.identity.known

    def read(instance: Any) -> list[Any]:
        stored = instance.__dict__
        values = [stored.get(attname) for attname in attnames]
        for number, field in special:
            values[number] = local_value(instance, field)
        for number, foreign_key, model in keys:
            if (value := values[number]) is not None and (remote_key := known(model, value)) is not None:
                values[number] = remote_key
            elif value is not None and (root_of(model), value) in parts.targets.missing:
                values[number] = parts.targets.nowhere(instance, foreign_key, (model, value), value)
            elif value is not None:
                values[number] = parts.stand_in(foreign_key, model, value, value, unheard=True)
        for generic in shape.generic_keys:
            if (target := generic_target(generic, instance)) is None:
                continue
            number = at_number[generic.object_attname]
            if (remote_key := known(*target)) is not None:
                values[number] = generic.value_there(target[1], remote_key, instance)
            elif (root_of(target[0]), target[1]) in parts.targets.missing:
                values[number] = parts.targets.nowhere(instance, generic.object_field, target, values[number])
        return values

    return read


def _is_equal(shape: Shape, row: Model, values: list[Any]) -> bool:
    stored = row.__dict__
    for field, value in zip(shape.copied, values, strict=True):
        there = stored.get(field.attname)
        if type(there) in _QUICK and type(value) is type(there):
            if there != value:
                return False
        elif not same_value(field, local_value(row, field), value):
            return False
    return True


#: Types of which Python's equality says all.
_QUICK = frozenset({int, str, bool, datetime.date, datetime.datetime})
