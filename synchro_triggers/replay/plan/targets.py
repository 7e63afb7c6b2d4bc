"""What the objects of a batch point to: found, and brought along where the remote lacks it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache, partial
from typing import Any

from django.db import connections
from django.db.models import Max, Model

from ...capture.keys import encode_key
from ...capture.tables import natural_manager
from ...conf import local_alias
from ...exceptions import ObjectNotApplied
from ..errors import cannot_be_read, left_out_with
from ..identity.matching import Matching
from ..identity.references import Identity
from ..rows.local_rows import load_all_children
from ..rows.other_spellings import OtherSpellings
from ..rows.selecting import rows_of, rows_with
from ..rows.utc import why_doubled
from ..rows.values import local_value
from ..rows.vendor import statements_of
from ..schema.findable import is_findable, not_findable, why_not_findable
from ..schema.left_out import absent
from ..schema.made_up import as_written, far_off, numbered
from ..schema.shape import Shape, points_to_key, root_of, shape_of, target_of
from ..tasks import At, LinkTask, ObjectTask
from .rewriting import cannot_be_told, keys_in
from .several_children import SeveralChildren


class Targets:
    """The targets of foreign keys, and of columns that hold keys, of a batch's objects.

    Attributes:
        missing: root model and key of targets that are missing on LOCAL, known after ``brought_along``.
        unusable: those that are there and cannot be brought along, with the errors.
        pointing_nowhere: label and key of the objects for which a number was made up, each with what is to be told.
        children: those brought along that are several children at once.
    """

    def __init__(self, identity: Identity, tasks: Sequence[ObjectTask | LinkTask]) -> None:
        self._identity = identity
        self._tasks = tasks
        self._found: dict[tuple[type[Model], Any], list[tuple[type[Model], Any]]] = {}
        self._keys: dict[tuple[type[Model], str, Any], Any] = {}
        self._parts_of: dict[At, At] = {}
        self._highest: dict[type[Model], int] = {}
        self._taken: dict[At, bool] = {}
        self._asked: set[At] = set()
        self._lacking: set[At] = set()
        self.missing: set[At] = set()
        self.unusable: dict[At, Exception] = {}
        self.pointing_nowhere: dict[tuple[str, str], str] = {}
        self.children = SeveralChildren()

    def brought_along(self) -> list[ObjectTask]:
        """Return tasks for the targets that are not on the remote, and for theirs, level by level.

        Targets that are missing on LOCAL too are remembered: what needs them cannot be applied.
        """
        found: list[ObjectTask] = []
        reached = {task.at for task in self._tasks if isinstance(task, ObjectTask) and task.instance}
        for task in self._tasks:
            if isinstance(task, ObjectTask) and task.instance is not None:
                self.note(task.shape, task.instance)
        level: Sequence[ObjectTask | LinkTask] = self._tasks
        while level:
            self._look_up_all(task for task in level if isinstance(task, ObjectTask))
            lacking = [*self._not_there(level, reached), *self._without_a_row(level)]
            needed = partial(self._needed_of_children, level)
            following = self._to_bring(self.children.one_of_each(lacking, needed), reached)
            found += following
            level = following
        nowhere = list(self._missing_keys([*self._tasks, *found]))
        self._look_what_is_taken(nowhere)
        self._let_keys_point_nowhere(nowhere)
        return found

    def _not_there(self, tasks: Sequence[ObjectTask | LinkTask], reached: set[At]) -> Iterator[Model]:
        """Yield the targets of tasks that the remote does not have; remember which of them LOCAL lacks too."""
        for root, keys in self._needed_keys(tasks).items():
            self._identity.load(root, keys)
            unknown = [
                key
                for key in keys
                if (root, key) not in self._asked
                and self.comes_with((root, key)) not in reached
                and self._identity.known(root, key) is None
            ]
            instances = self._load(root, unknown)
            gone = {(root, key) for key in unknown if key not in instances}
            self.missing.update(gone.difference(self.unusable))
            self._asked.update((root, key) for key in unknown)
            yield from instances.values()

    def _without_a_row(self, tasks: Sequence[ObjectTask | LinkTask]) -> Iterator[Model]:
        """Yield the targets of which the remote lacks the row that is pointed to: a child's, which went alone there."""
        for model, keys in self._needed_of_children(tasks).items():
            self._identity.load(model, keys)
            without = self._identity.without_row_in(model, keys)
            instances = self._load(model, without)
            root = root_of(model)
            there = (key for key in without if key in instances or (root, key) in self.unusable)
            self._lacking.update((root, key) for key in there)
            yield from instances.values()

    def _load(self, model: type[Model], keys: Collection[Any]) -> dict[Any, Model]:
        """Read targets of LOCAL; remember those that are there and cannot be read."""
        if (why := absent().get(model)) is not None:
            self.unusable.update({(root_of(model), key): left_out_with(model, why) for key in keys})
            return {}
        errors: dict[Any, Exception] = {}
        found = load_all_children(model, keys, errors)
        self.unusable.update({(root_of(model), key): cannot_be_read(error) for key, error in errors.items()})
        self.children.note(found.values())
        return {key: rows[-1] for key, rows in found.items() if key not in errors}

    def _to_bring(self, instances: Iterable[Model], reached: set[At]) -> list[ObjectTask]:
        found: list[ObjectTask] = []
        for instance in instances:
            shape = shape_of(type(instance))
            if (reason := why_not_findable(instance) or why_doubled(self._identity.remote, instance)) is not None:
                self.unusable[shape.root, instance.pk] = ObjectNotApplied(reason)
                continue
            self.note(shape, instance)
            if (shape.root, instance.pk) not in reached:
                found.append(ObjectTask(shape, instance.pk, None, instance))
                reached.add((shape.root, instance.pk))
        self.children.leave_others(found)
        return found

    def is_there(self, target: At) -> bool:
        """Tell whether the remote has a target, with the row of it that something points to."""
        return self._identity.known(*target) is not None and target not in self._lacking

    def is_there_as_another_child(self, task: ObjectTask) -> bool:
        """Tell whether a task's object points to what is brought along as another child than that, at first."""
        children = self.children
        return children.leaves_any and any(children.is_left(*target) for target in self._children_of(task))

    def is_missing(self, target: At) -> bool:
        """Tell whether LOCAL lacks a target, or the batch has deleted it since."""
        gone = self._identity.known(*target) is None and self._identity.is_forgotten(*target)
        return target in self.missing or gone

    def has_come(self, target: At) -> None:
        """Remember that the remote has all of a target's rows now."""
        self._lacking.discard(target)

    def look_what_is_missing(self, shape: Shape, instance: Model) -> None:
        """Remember which targets LOCAL lacks of an object that is none of the batch's, and is not brought along."""
        for _, (root, key) in self.fields_and_targets(shape, instance):
            if self._identity.find(root, key) is None and not self._load(root, [key]):
                self.missing.update({(root, key)}.difference(self.unusable))
        list(self._without_a_row([ObjectTask(shape, instance.pk, None, instance)]))

    def look_whether_missing(self, at: At) -> None:
        """Remember that LOCAL lacks an object, where it does, whose row on the remote is another one's from now on."""
        if at[1] not in self._load(at[0], [at[1]]) and at not in self.unusable:
            self.missing.add(at)
            self._taken = {}  # another one's row has its number

    def note(self, shape: Shape, instance: Model) -> None:
        """Remember the parents' rows with keys of their own that are parts of an object."""
        for parent in shape.other_parents:
            at = (root_of(parent.model), local_value(instance, parent.link))
            self._parts_of[at] = (shape.root, instance.pk)

    def comes_with(self, target: At) -> At:
        """Return root and key of the object that a target is part of: as a rule, its own."""
        return self._parts_of.get(target, target)

    def waited_for(self, task: ObjectTask) -> Sequence[At]:
        """Return root and key of each object that brings what this one points to."""
        return [self.comes_with(target) for target in self.of(task)]

    def nowhere(self, instance: Model, field: Any, target: At, value: Any) -> Any:
        """Return what shall be held on the remote instead of the key of a target that LOCAL does not have.

        What the run has deleted has left its number there free. Else an automatic key is another object's there, or
        may be given to one yet, unless it is free and lower than the highest. So is a key that is another object's
        automatic one, and one of the users' own under which the remote keeps the row of another object, by its natural
        key. Then a number far off stands for it, the same each time.

        Args:
            instance: the object that points.
            field: its field that holds the key: a foreign key, or a column that holds keys.
            target: model and key.
            value: the key, as the field has it on LOCAL.

        Raises:
            ObjectNotApplied: the field takes no such number.
        """
        (model, key), root = target, numbered(root_of(target[0]))
        gone = self._identity.gone.get((root_of(model), key))
        if gone is not None and not self._is_taken((root_of(model), gone)):
            return as_written(field, value, gone)
        if self._identity.keeps_key(shape_of(root)):
            if not self._is_anothers(root, key):
                return value
        elif not isinstance(key, int) or (key <= self._highest_key(root) and not self._is_taken((root, key))):
            return value
        number = far_off(field, key, root) if isinstance(key, int) else None
        if number is None or self._is_taken((root, number)):
            if not field.null:
                raise ObjectNotApplied(
                    f"its {field.name}, {model._meta.label} {value!r}, is missing on {local_alias()!r}, "
                    f"and no value of it points nowhere on {self._identity.remote!r}"
                )
            number = None
        at = (instance._meta.label, encode_key(instance.pk))
        self.pointing_nowhere[at] = (
            f"{field.name} {value!r}: there is no such {model._meta.label} on {local_alias()!r}; it is {number} there"
        )
        return number if number is None else as_written(field, value, number)

    def those_there(self, root: type[Model], keys: Collection[Any]) -> set[Any]:
        """Return those of the keys that rows of the remote have."""
        return self._identity.existing(root, keys)

    def those_to_come(self, root: type[Model], keys: Collection[Any]) -> set[Any]:
        """Return those of the keys, which no row of the remote has, that an object of LOCAL's may get there yet.

        So may a key that is the same on both sides: then LOCAL's says which one is meant.
        """
        numbering = numbered(root)
        if self._identity.keeps_key(shape_of(numbering)):
            return set(keys) if natural_manager(root) is None else set()
        there = connections[self._identity.remote]
        above = {key for key in keys if isinstance(key, int) and key > self._highest_key(numbering)}
        return statements_of(there).yet_to_give(there, numbering, above) if above else set()

    def leads_nowhere_as_before(self, instance: Model, field: Any) -> None:
        """Forget what was to be told of a number that was made up for a field: it is not needed."""
        at = (instance._meta.label, encode_key(instance.pk))
        if self.pointing_nowhere.get(at, "").startswith(f"{field.name} "):
            del self.pointing_nowhere[at]

    def _is_anothers(self, root: type[Model], key: Any) -> bool:
        """Tell whether a key that LOCAL does not have is, on the remote, that of another object, by its natural key."""
        if natural_manager(root) is None:
            return False
        if self._identity.claimed_by(root, key) not in (None, key):
            return True
        rows = list(rows_with(root, self._identity.remote, pk=[key]))
        matching = Matching(self._identity, OtherSpellings(self._identity.remote))
        return bool(matching.living.by_natural_key(rows))

    def _missing_keys(self, tasks: Iterable[ObjectTask | LinkTask]) -> Iterator[tuple[ObjectTask, Any, At]]:
        """Yield each object of which a target is missing, with the field that holds its key, and the target."""
        for task in tasks if self.missing else ():
            if isinstance(task, ObjectTask) and not self.missing.isdisjoint(self.of(task)):
                for field, at in self.fields_and_targets(task.shape, task.instance):  # type: ignore[arg-type]
                    if at in self.missing:
                        yield task, field, at

    def _look_what_is_taken(self, missing: Iterable[tuple[ObjectTask, Any, At]]) -> None:
        """Read, in a query for each model, which of the keys that ``nowhere`` will ask for have a row on the remote."""
        wanted: dict[type[Model], set[int]] = {}
        for _, field, (root, key) in missing:
            if isinstance(key, int):
                wanted.setdefault(numbered(root), set()).update({key, far_off(field, key, root) or key})
        for root, keys in wanted.items():
            self._highest_key(root)  # now as well: what is written in between may get one of them
            there = self._identity.existing(root, keys)
            self._taken.update({(root, key): key in there for key in keys})

    def _let_keys_point_nowhere(self, missing: Iterable[tuple[ObjectTask, Any, At]]) -> None:
        """Say what the keys are on the remote that are foreign keys without a constraint, and point nowhere."""
        for task, field, at in missing:
            instance: Any = task.instance
            if field in task.shape.copied or getattr(field, "db_constraint", True):
                continue
            target = target_of(field)[0], at[1]
            try:
                number = self.nowhere(instance, field, target, local_value(instance, field))
            except ObjectNotApplied:
                continue  # it is told when its turn comes
            self._identity.nowhere[at] = number

    def _highest_key(self, root: type[Model]) -> int:
        if root not in self._highest:
            highest = rows_of(root, self._identity.remote).aggregate(highest=Max("pk"))["highest"]
            self._highest[root] = highest if highest is not None else 0
        return self._highest[root]

    def _is_taken(self, at: At) -> bool:
        if at not in self._taken:
            self._taken[at] = bool(self._identity.existing(at[0], [at[1]]))
        return self._taken[at]

    def _needed_keys(self, tasks: Iterable[ObjectTask | LinkTask]) -> dict[type[Model], set[Any]]:
        """Return the keys that tasks point to, by root model."""
        needed: dict[type[Model], set[Any]] = {}
        for task in tasks:
            for root, key in self.of(task) if isinstance(task, ObjectTask) else _ends(task):
                needed.setdefault(root_of(root), set()).add(key)
        return needed

    def _needed_of_children(self, tasks: Iterable[ObjectTask | LinkTask]) -> dict[type[Model], set[Any]]:
        """Return the keys that tasks point to, by model, where that is a child."""
        needed: dict[type[Model], set[Any]] = {}
        for task in tasks:
            for model, key in self._children_of(task) if isinstance(task, ObjectTask) else _ends(task):
                if root_of(model) is not model:
                    needed.setdefault(model, set()).add(key)
        return needed

    def _children_of(self, task: ObjectTask) -> Iterator[At]:
        """Yield model and key of what an object points to, as far as it may be a child."""
        if (instance := task.instance) is None:
            return
        for foreign_key in _to_children(task.shape):
            value = local_value(instance, foreign_key)
            if value is not None and (key := self.key_of(foreign_key, value)) is not None:
                yield target_of(foreign_key)[0], key
        for column in task.shape.key_columns:
            yield from keys_in(column, instance, self._identity.remote)

    def of(self, task: ObjectTask) -> Sequence[tuple[type[Model], Any]]:
        """Return root and key of each object that this one points to."""
        if task.instance is None or not (task.shape.foreign_keys or task.shape.key_columns):
            return ()
        at = task.at
        if at not in self._found:
            self._found[at] = [target for _, target in self.fields_and_targets(task.shape, task.instance)]
        return self._found[at]

    def fields_and_targets(self, shape: Shape, instance: Model) -> Iterator[tuple[Any, At]]:
        """Yield what an object points to: a foreign key or a column that holds keys, root model and key."""
        for foreign_key in shape.foreign_keys:
            value = local_value(instance, foreign_key)
            if value is not None:
                key = self.key_of(foreign_key, value)
                if key is not None:
                    yield foreign_key, (root_of(target_of(foreign_key)[0]), key)
        for column in shape.key_columns:
            for model, key in keys_in(column, instance, self._identity.remote):
                yield column.field, (root_of(model), key)

    def is_held(self, task: ObjectTask, target: At) -> bool:
        """Tell whether an object points to another one by a column that holds keys."""
        instance: Any = task.instance
        return any(
            (root_of(model), key) == target
            for column in task.shape.key_columns
            for model, key in keys_in(column, instance, self._identity.remote)
        )

    def cannot_be_told(self, task: ObjectTask) -> bool:
        """Tell whether a callable has failed that should have told what an object points to."""
        instance: Any = task.instance
        return any(cannot_be_told(column, instance, self._identity.remote) for column in task.shape.key_columns)

    def key_of(self, foreign_key: Any, value: Any) -> Any:
        """Return the primary key of a foreign key's target; of a ``to_field`` it has to be looked up."""
        if not is_findable(foreign_key, value):
            raise ObjectNotApplied(not_findable(foreign_key, value))
        if points_to_key(foreign_key):
            return value
        at = (*target_of(foreign_key), value)
        if at not in self._keys:
            self._look_up(*target_of(foreign_key), [value])
        return self._keys[at]

    def _look_up_all(self, tasks: Iterable[ObjectTask]) -> None:
        """Find the keys that the tasks' ``to_field`` values stand for, in a query for each such foreign key."""
        wanted: dict[tuple[type[Model], str], set[Any]] = {}
        for task in tasks:
            if task.instance is None:
                continue
            for foreign_key in task.shape.foreign_keys:
                value = None if points_to_key(foreign_key) else local_value(task.instance, foreign_key)
                if value is not None and (*target_of(foreign_key), value) not in self._keys:
                    wanted.setdefault(target_of(foreign_key), set()).add(value)
        for (model, attname), values in wanted.items():
            self._look_up(model, attname, values)

    def _look_up(self, model: type[Model], attname: str, values: Collection[Any]) -> None:
        rows = rows_with(model, local_alias(), **{attname: values})
        found = dict(rows.values_list(attname, "pk"))
        self._keys.update({(model, attname, value): found.get(value) for value in values})


def _ends(task: LinkTask) -> Iterator[At]:
    """Yield model and key of the ends of links that are to be added."""
    for key, (exists, _) in task.targets.items():
        if exists:
            yield task.shape.source_model, task.owner
            yield task.shape.target_model, key


@cache
def _to_children(shape: Shape) -> tuple[Any, ...]:
    """Return the foreign keys that lead to the tables of children."""
    models = [(field, target_of(field)[0]) for field in shape.foreign_keys]
    return tuple(field for field, model in models if root_of(model) is not model)
