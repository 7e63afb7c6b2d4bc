"""Objects that nobody observes, written many at a time, with a fixed number of queries for each model.

What does not go well here, or needs a closer look, is given back, and is then written one by one: unique values that
are handed round, cascades, cycles, natural keys that only the user's own code can look up.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import FileField, JSONField, Model

from .identity import Identity
from .local import ObjectTask, generic_target
from .observed import deletes_announced, is_observed, saves_announced
from .order import At
from .parts import Parts
from .relations import has_odd_relations, links_to, relations_to
from .rows import rows_with
from .shape import Shape, is_foreign_key, is_parent_link, points_to_key, root_of, target_of
from .statements import RowsVanished, insert_rows, returns_keys, update_rows
from .target import reraise_if_hopeless
from .writing import create_instances, local_value, new_instance, same_value, set_values

#: Where a statement fails, its rows are halved and tried again, down to this number.
_FEW = 20


@dataclass(slots=True)
class _Upsert:
    """One object that is about to be written: its remote key, if it has one, and the values it shall have there."""

    task: ObjectTask
    remote_key: Any
    values: list[Any]


class BulkWriter:
    """Writes the unobserved objects of a batch."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._remote = parts.target.remote
        self._observed: dict[type[Model], bool] = {}
        self._returns_keys = returns_keys(self._remote)

    def is_observed(self, task: ObjectTask) -> bool:
        """Tell whether somebody would notice how the task's object is written."""
        model = task.shape.model
        if model not in self._observed:
            self._observed[model] = is_observed(model) and not self._sends_signals(model)
        return self._observed[model]

    def _sends_signals(self, model: type[Model]) -> bool:
        return model._meta.label in self._parts.target.batch_signals

    def _takes(self, shape: Shape) -> bool:
        return (self._returns_keys or not shape.automatic_key) and not shape.model._meta.parents

    # Upserts --------------------------------------------------------------------------------------

    def upsert(self, tasks: Sequence[ObjectTask], cut: set[tuple[At, At]]) -> list[ObjectTask]:
        """Create and update objects; return those that are done.

        Args:
            tasks: tasks with an instance, the targets of an object before it.
            cut: who points to whom where a cycle was cut.
        """
        done: list[ObjectTask] = []
        for level in self._levels(tasks, cut):
            by_shape: dict[Shape, list[ObjectTask]] = {}
            for task in level:
                by_shape.setdefault(task.shape, []).append(task)
            for shape, alike in by_shape.items():
                # What a level waited for may have been given back.
                ready = [task for task in alike if self._targets_are_known(task)]
                done += self._upsert_alike(shape, ready)
        return done

    def _levels(self, tasks: Sequence[ObjectTask], cut: set[tuple[At, At]]) -> list[list[ObjectTask]]:
        """Group tasks so that each one's new targets are in an earlier group; leave out what cannot be."""
        level_of: dict[At, int] = {}
        levels: list[list[ObjectTask]] = []
        for task in tasks:
            at = (task.shape.root, task.key)
            level: int | None = 0
            for target in self._parts.targets.of(task):
                if target in self._parts.targets.missing or (at, target) in cut or target == at:
                    level = None
                elif self._parts.identity.known(*target) is None:
                    below = level_of.get(target)
                    level = None if below is None or level is None else max(level, below + 1)
                if level is None:
                    break
            if level is None or not self._takes(task.shape):
                continue
            level_of[at] = level
            if level == len(levels):
                levels.append([])
            levels[level].append(task)
        return levels

    def _targets_are_known(self, task: ObjectTask) -> bool:
        return all(self._parts.identity.known(*target) is not None for target in self._parts.targets.of(task))

    def _upsert_alike(self, shape: Shape, tasks: Sequence[ObjectTask]) -> list[ObjectTask]:
        """Create and update objects of one model; return those that are done."""
        matched, unclear = self._match(shape, [task for task in tasks if not self._is_known(task)])
        clear = [task for task in tasks if task.key not in unclear]
        keys = {task.key: matched.get(task.key, self._parts.identity.known(shape.model, task.key)) for task in clear}
        self._parts.rows.load(shape.model, [key for key in keys.values() if key is not None])
        self._parts.remote_changes.load_found(shape, matched.values())
        values_of = _values_reader(shape, self._parts.identity)
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
            if row is None:
                new.append(_Upsert(task, self._parts.identity.find_by_primary_key(shape, task.key), values))
            elif task.change is None or _is_equal(shape, row, values):
                counts["unchanged"] += task.change is not None
                self._parts.identity.learn(shape.model, task.key, remote_key)
                done.append(task)
            else:
                changed.append(_Upsert(task, remote_key, values))
        updated = self._halving(changed, lambda some: self._update(shape, some))
        created = self._halving(new, lambda some: self._create(shape, some))
        counts |= {"created": len(created), "updated": len(updated)}
        for what, number in counts.items():
            if number:
                self._parts.result.report.count(shape.label, what, number)
        done += [each.task for each in (*updated, *created)]
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
            if self._parts.identity.claimed_by(shape.model, remote_key) is not None
        }
        return {key: remote_key for key, remote_key in found.items() if key not in unclear}, unclear

    def _create(self, shape: Shape, some: Sequence[_Upsert]) -> None:
        if self._sends_signals(shape.model):
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
            defaults = [field for field in shape.skipped if not field.has_db_default()]
            fields = [*(shape.key if keyed else ()), *shape.copied, *defaults]
            rows = [
                [*(_parts(shape, each.remote_key) if keyed else ()), *each.values, *(f.get_default() for f in defaults)]
                for each in alike
            ]
            given_out = insert_rows(self._remote, shape.model, fields, rows)
            for each, key in zip(alike, given_out, strict=False):
                each.remote_key = key
            if keyed and shape.automatic_key:
                self._parts.numbered.add(shape.root)

    def _update(self, shape: Shape, some: Sequence[_Upsert]) -> None:
        if self._sends_signals(shape.model):
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
            rows = [[*_parts(shape, each.remote_key), *each.values] for each in some]
            update_rows(self._remote, shape.model, shape.key, shape.copied, rows)
        for each in some:
            self._parts.identity.learn(shape.model, each.task.key, each.remote_key)
            self._parts.rows.drop(shape.model, each.remote_key)

    def _halving(self, all_: list[_Upsert], write: Callable[[Sequence[_Upsert]], None]) -> list[_Upsert]:
        """Write as many at once as will go; return those that went."""
        if not all_:
            return []
        if self._parts.whole:
            write(all_)
            return all_
        try:
            with transaction.atomic(using=self._remote):
                write(all_)
            return all_
        except Exception as error:
            reraise_if_hopeless(error, self._remote)
        if len(all_) <= _FEW:
            return []
        middle = len(all_) // 2
        return self._halving(all_[:middle], write) + self._halving(all_[middle:], write)

    # Deletes --------------------------------------------------------------------------------------

    def delete(self, tasks: Sequence[ObjectTask]) -> list[ObjectTask]:
        """Delete objects on which nothing hangs that stays; return those that are done."""
        going: dict[At, ObjectTask] = {}
        for task in tasks:
            remote_key = self._parts.identity.known(task.shape.model, task.key)
            if (
                remote_key is None
                or task.keep_parents
                or not self._takes(task.shape)
                or has_odd_relations(task.shape.model)
            ):
                continue
            assert task.change is not None
            if not self._parts.remote_changes.win(task.shape, task.key, remote_key, task.change):
                going[task.shape.root, remote_key] = task
        self._keep_what_others_hang_on(going)
        if not going:
            return []
        by_shape: dict[Shape, dict[Any, ObjectTask]] = {}
        for (_, remote_key), task in going.items():
            by_shape.setdefault(task.shape, {})[remote_key] = task
        try:
            with transaction.atomic(using=self._remote):
                for shape, by_key in by_shape.items():
                    for field in links_to(shape.model):
                        links = rows_with(field.model, self._remote, **{field.attname: list(by_key)})
                        links._raw_delete(self._remote)
                    self._delete_alike(shape, list(by_key))
        except Exception as error:
            reraise_if_hopeless(error, self._remote)
            return []
        for shape, by_key in by_shape.items():
            self._parts.result.report.count(shape.label, "deleted", len(by_key))
            for remote_key, task in by_key.items():
                assert task.change is not None
                self._parts.rows.drop(shape.model, remote_key)
                self._parts.identity.forget(shape.model, task.key)
                self._parts.result.failed.pop(task.change, None)
        return list(going.values())

    def _delete_alike(self, shape: Shape, keys: list[Any]) -> None:
        rows = rows_with(shape.model, self._remote, pk=keys)
        if not self._sends_signals(shape.model):
            rows._raw_delete(self._remote)
            return
        with deletes_announced(list(rows), self._remote):
            rows._raw_delete(self._remote)

    def _keep_what_others_hang_on(self, going: dict[At, ObjectTask]) -> None:
        """Take those out of ``going`` to which a row points that does not go with them."""
        hanging: dict[At, set[At]] = {}
        for shape in {task.shape for task in going.values()}:
            keys = [key for root, key in going if root is shape.root]
            for relation in relations_to(shape.model):
                field = relation.field
                values = field.target_field.attname
                by_value = {key: key for key in keys}
                if values != shape.root._meta.pk.attname:
                    rows = rows_with(shape.model, self._remote, pk=keys)
                    by_value = dict(rows.values_list(values, "pk"))
                found = rows_with(field.model, self._remote, **{field.attname: list(by_value)})
                # A child row of multi-table inheritance is a row of its own here: it never goes with its parent.
                hanger = field.model if is_parent_link(field) else root_of(field.model)
                for key, value in found.values_list("pk", field.attname):
                    hanging.setdefault((shape.root, by_value[value]), set()).add((hanger, key))
        staying = [at for at, hangers in hanging.items() if not hangers <= going.keys()]
        hangs_on: dict[At, list[At]] = {}
        for at, hangers in hanging.items():
            for hanger in hangers:
                hangs_on.setdefault(hanger, []).append(at)
        while staying:
            at = staying.pop()
            if going.pop(at, None) is not None:
                staying += hangs_on.get(at, ())


# What is known of a model ---------------------------------------------------------------------------


def _by_attname(shape: Shape, values: Sequence[Any]) -> dict[str, Any]:
    return {field.attname: value for field, value in zip(shape.copied, values, strict=True)}


def _parts(shape: Shape, key: Any) -> Sequence[Any]:
    return key if shape.composite_key else (key,)


def _values_reader(shape: Shape, identity: Identity) -> Callable[[Any], list[Any]]:
    """Return a function that gives the values of an instance's copied fields as the remote shall have them."""
    attnames = [field.attname for field in shape.copied]
    special = [(number, field) for number, field in enumerate(shape.copied) if isinstance(field, FileField | JSONField)]
    keys = [
        (number, target_of(field)[0])
        for number, field in enumerate(shape.copied)
        if is_foreign_key(field) and points_to_key(field)
    ]
    at_number = {attname: number for number, attname in enumerate(attnames)}
    known = identity.known

    def read(instance: Any) -> list[Any]:
        stored = instance.__dict__
        values = [stored.get(attname) for attname in attnames]
        for number, field in special:
            values[number] = local_value(instance, field)
        for number, model in keys:
            if (value := values[number]) is not None:
                values[number] = known(model, value)
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
