"""What the objects of a batch point to: found, and brought along where the remote lacks it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from django.db.models import Model

from ..conf import LOCAL
from .identity import Identity
from .local import LinkTask, ObjectTask, generic_target, load_instances
from .rows import rows_with
from .shape import Shape, points_to_key, root_of, shape_of, target_of
from .writing import local_value


class Targets:
    """The targets of foreign keys, generic ones too, of a batch's objects.

    Attributes:
        missing: root model and key of targets that are missing on LOCAL, known after ``brought_along``.
    """

    def __init__(self, identity: Identity, tasks: Sequence[ObjectTask | LinkTask]) -> None:
        self._identity = identity
        self._tasks = tasks
        self._found: dict[tuple[type[Model], Any], list[tuple[type[Model], Any]]] = {}
        self._keys: dict[tuple[type[Model], str, Any], Any] = {}
        self.missing: set[tuple[type[Model], Any]] = set()

    def brought_along(self) -> list[ObjectTask]:
        """Return tasks for the targets that are not on the remote, and for theirs, level by level.

        Targets that are missing on LOCAL too are remembered: what needs them cannot be applied.
        """
        found: list[ObjectTask] = []
        reached = {
            (task.shape.root, task.key) for task in self._tasks if isinstance(task, ObjectTask) and task.instance
        }
        level = self._needed_keys()
        while level:
            following: list[ObjectTask] = []
            for root, keys in level.items():
                self._identity.load(root, keys)
                unknown = [
                    key for key in keys if (root, key) not in reached and self._identity.known(root, key) is None
                ]
                reached.update((root, key) for key in unknown)
                instances = load_instances(root, unknown)
                self.missing.update((root, key) for key in unknown if key not in instances)
                following += [
                    ObjectTask(shape_of(type(instance)), instance.pk, None, instance) for instance in instances.values()
                ]
            found += following
            level = {}
            self._look_up_all(following)
            for task in following:
                for root, key in self.of(task):
                    level.setdefault(root, set()).add(key)
        return found

    def _needed_keys(self) -> dict[type[Model], set[Any]]:
        needed: dict[type[Model], set[Any]] = {}
        self._look_up_all(task for task in self._tasks if isinstance(task, ObjectTask))
        for task in self._tasks:
            if isinstance(task, ObjectTask):
                for root, key in self.of(task):
                    needed.setdefault(root, set()).add(key)
            elif added := [key for key, (exists, _) in task.targets.items() if exists]:
                needed.setdefault(root_of(task.shape.source_model), set()).add(task.owner)
                needed.setdefault(root_of(task.shape.target_model), set()).update(added)
        return needed

    def of(self, task: ObjectTask) -> Sequence[tuple[type[Model], Any]]:
        """Return root and key of each object that this one points to."""
        if task.instance is None or not (task.shape.foreign_keys or task.shape.generic_keys):
            return ()
        at = (task.shape.root, task.key)
        if at not in self._found:
            self._found[at] = list(self._find_targets(task.shape, task.instance))
        return self._found[at]

    def _find_targets(self, shape: Shape, instance: Model) -> Iterator[tuple[type[Model], Any]]:
        for foreign_key in shape.foreign_keys:
            value = local_value(instance, foreign_key)
            if value is not None:
                key = self.key_of(foreign_key, value)
                if key is not None:
                    yield root_of(target_of(foreign_key)[0]), key
        for generic in shape.generic_keys:
            target = generic_target(generic, instance)
            if target is not None:
                yield root_of(target[0]), target[1]

    def key_of(self, foreign_key: Any, value: Any) -> Any:
        """Return the primary key of a foreign key's target; of a ``to_field`` it has to be looked up."""
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
        rows = rows_with(model, LOCAL, **{attname: values})
        found = dict(rows.values_list(attname, "pk"))
        self._keys.update({(model, attname, value): found.get(value) for value in values})
