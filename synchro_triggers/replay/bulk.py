"""Objects that nobody observes, created and updated many at a time, with a fixed number of queries for each model.

What does not go well here, or needs a closer look, is given back, and is then written one by one: rows that the remote
cannot take, natural keys that only the user's own code can look up.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import FileField, JSONField, Model

from .local import ObjectTask, generic_target
from .observed import saves_announced
from .order import At
from .parts import Parts, Unfinished
from .shape import Shape, is_foreign_key, points_to_key, root_of, tables_of, target_of
from .statements import RowsVanished, can_write_many, insert_rows, update_rows
from .target import reraise_if_hopeless
from .uniqueness import free_values_for_many
from .writing import create_instances, local_value, new_instance, same_value, set_values

#: Where a statement fails, its rows are halved and tried again, down to this number.
_FEW = 20


@dataclass(slots=True)
class _Upsert:
    """One object that is about to be written: its remote key, if it has one, and the values it shall have there."""

    task: ObjectTask
    remote_key: Any
    values: list[Any]


_Write = Callable[[Sequence[_Upsert]], None]


class BulkUpserts:
    """Creates and updates the unobserved objects of a batch."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._remote = parts.target.remote
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
                if self._parts.identity.known(*target) is not None:
                    continue
                below = level_of.get(target)
                if target in self._parts.targets.missing:
                    below = -1 if self._may_be_missing(task, target) else None
                elif target == at or (at, target) in cut:
                    below = -1 if self._may_come_later(task, target) else None
                    later.add(target)
                if below is None or level is None:
                    level = None
                    break
                level = max(level, below + 1)
            if level is None or not can_write_many(self._remote, task.shape):
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
            getattr(foreign_key, "db_constraint", True) or foreign_key in task.shape.key
            for foreign_key in self._foreign_keys_to(task, target)
        )

    def _may_come_later(self, task: ObjectTask, target: At) -> bool:
        """Tell whether the object can be written before one that it points to."""
        if task.shape.generic_keys or self._parts.observers.sends_signals(task.shape.model):
            return False
        return all(
            (foreign_key.null or isinstance(target[1], int)) and foreign_key not in task.shape.key
            for foreign_key in self._foreign_keys_to(task, target)
        )

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
            self._parts.identity.known(*target) is not None or target in later or target in self._parts.targets.missing
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
        counts = {"conflicts": 0, "unchanged": 0}
        for task in clear:
            remote_key = keys[task.key]
            if task.change is not None and self._parts.remote_changes.win(shape, task.key, remote_key, task.change):
                counts["conflicts"] += 1
                if remote_key is not None:
                    self._parts.identity.learn(shape.model, task.key, remote_key)
                done.append(task)
                continue
            row = self._parts.rows.peek(shape.model, remote_key) if remote_key is not None else None
            values = values_of(task.instance)
            if row is None and remote_key is not None and shape.model is not shape.root:
                continue  # a parent's row is there, and lacks its child
            if row is None:
                new.append(_Upsert(task, self._parts.identity.find_by_primary_key(shape, task.key), values))
            elif task.change is None or ((shape.root, task.key) not in self._later and _is_equal(shape, row, values)):
                counts["unchanged"] += task.change is not None
                self._parts.identity.learn(shape.model, task.key, remote_key)
                done.append(task)
            else:
                changed.append(_Upsert(task, remote_key, values))
        updated = self._halving(
            changed, lambda some: self._update(shape, some), lambda some: self._update_apart(shape, some)
        )
        created = self._halving(new, lambda some: self._create(shape, some))
        counts |= {"created": len(created), "updated": len(updated)}
        for what, number in counts.items():
            if number:
                self._parts.result.report.count(shape.label, what, number)
        written = [each.task for each in (*updated, *created)]
        self._written += written
        done += written
        for task in done:
            if task.change is not None:
                self._parts.result.failed.pop(task.change, None)
        return done

    def _is_known(self, task: ObjectTask) -> bool:
        return self._parts.identity.known(task.shape.model, task.key) is not None

    def _match(self, shape: Shape, tasks: Sequence[ObjectTask]) -> tuple[dict[Any, Any], set[Any]]:
        """Find remote rows for objects without a reference; what needs a closer look is unclear."""
        if not tasks:
            return {}, set()
        found, unclear = self._parts.identity.find_many(shape, [task.instance for task in tasks if task.instance])
        self._parts.identity.load_claims(shape.model, found.values())
        # A row that is known to be another object: whether that one lives is looked at one by one.
        unclear |= {
            key
            for key, remote_key in found.items()
            if (other := self._parts.identity.claimed_by(shape.model, remote_key)) is not None
            and not self._parts.identity.is_going(shape.model, other)
        }
        return {key: remote_key for key, remote_key in found.items() if key not in unclear}, unclear

    def _create(self, shape: Shape, some: Sequence[_Upsert]) -> None:
        if self._parts.observers.sends_signals(shape.model):
            self._create_announced(shape, some)
        else:
            self._create_silently(shape, some)
        for each in some:
            self._parts.identity.learn(shape.model, each.task.key, each.remote_key)

    def _create_announced(self, shape: Shape, some: Sequence[_Upsert]) -> None:
        instances = [
            new_instance(shape, self._remote, each.remote_key, _by_attname(shape, each.values)) for each in some
        ]
        with saves_announced(instances, self._remote, created=True):
            create_instances(instances, shape, self._remote)
        for each, instance in zip(some, instances, strict=True):
            if each.remote_key is not None and shape.automatic_key:
                self._parts.numbered.add(shape.root)
            each.remote_key = instance.pk

    def _create_silently(self, shape: Shape, some: Sequence[_Upsert]) -> None:
        with_key = [each for each in some if each.remote_key is not None]
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
                keys = insert_rows(self._remote, table.model, [*key, *copied, *defaults], rows) or keys
            for each, remote_key in zip(alike, keys, strict=True):  # not before all of its tables have it
                each.remote_key = remote_key
            if keyed and shape.automatic_key:
                self._parts.numbered.add(shape.root)

    def _update(self, shape: Shape, some: Sequence[_Upsert]) -> None:
        if self._parts.observers.sends_signals(shape.model):
            instances = [self._parts.rows.take(shape.model, each.remote_key) for each in some]
            for each, instance in zip(some, instances, strict=True):
                if instance is None:
                    raise RowsVanished(f"{shape.label} {each.remote_key!r} is gone")
                set_values(instance, _by_attname(shape, each.values))
            with saves_announced(instances, self._remote, created=False):
                fields = (*shape.copied, *shape.skipped)
                rows = [
                    [*_parts(shape, each.remote_key), *(local_value(instance, field) for field in fields)]
                    for each, instance in zip(some, instances, strict=True)
                    if instance is not None
                ]
                update_rows(self._remote, shape.model, shape.key, fields, rows)
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

    def _update_apart(self, shape: Shape, some: Sequence[_Upsert]) -> None:
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
        self._update(shape, some)

    def _halving(self, all_: list[_Upsert], write: _Write, write_apart: _Write | None = None) -> list[_Upsert]:
        """Write as many at once as will go; return those that went.

        Args:
            all_: what to write.
            write: writes some of them.
            write_apart: does so where they want unique values of one another.
        """
        if not all_:
            return []
        if self._parts.whole:
            write(all_)
            return all_
        error = self._try(all_, write)
        if isinstance(error, IntegrityError) and write_apart is not None and len(all_) > 1:
            error = self._try(all_, write_apart)
        if error is None:
            return all_
        if len(all_) <= _FEW:
            return []
        middle = len(all_) // 2
        return [each for half in (all_[:middle], all_[middle:]) for each in self._halving(half, write, write_apart)]

    def _try(self, some: list[_Upsert], write: _Write) -> Exception | None:
        """Write all of them or none; return the error."""
        try:
            with transaction.atomic(using=self._remote):
                write(some)
        except Exception as error:
            reraise_if_hopeless(error, self._remote)
            return error
        return None


# What is known of a model ---------------------------------------------------------------------------


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
            elif value is not None and (root_of(model), value) not in parts.targets.missing:
                values[number] = parts.stand_in(foreign_key, model, value, value)
        for generic in shape.generic_keys:
            target = generic_target(generic, instance)
            if target is not None and (remote_key := known(*target)) is not None:
                values[at_number[generic.object_attname]] = generic.object_field.to_python(remote_key)
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
