"""Objects that are several children at once: a transaction writes an object as one of them, and the others follow.

So they do in another transaction, but for a child that something in this one points to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from django.db.models import Model

from ..rows.local_rows import load_all_children
from ..rows.values import local_value
from ..schema.relations import links_to_children
from ..schema.shape import parents_of, root_of
from ..tasks import At, ObjectTask, at_of


class SeveralChildren:
    """What is brought along, and is several children at once."""

    def __init__(self) -> None:
        self._rows: dict[At, list[Model]] = {}
        self._models: dict[At, type[Model]] = {}
        self._left: dict[At, list[Model]] = {}

    def note(self, found: Iterable[list[Model]]) -> None:
        """Take note of what was read of objects, as each of their children."""
        self._rows.update({at_of(row): rows for rows in found for row in rows if len(rows) > 1})

    def one_of_each(
        self, instances: Collection[Model], needed: Callable[[], Mapping[type[Model], Collection[Any]]]
    ) -> Iterator[Model]:
        """Yield objects; of what is several children at once, the one that is needed, if any is.

        Args:
            needed: returns the keys that are pointed to, by the models of children; it is called if it has to be.
        """
        pointed_to = needed() if any(at_of(instance) in self._rows for instance in instances) else {}
        for instance in instances:
            rows = self._rows.get(at_of(instance), [instance])
            wanted = (
                row for row in rows for model, keys in pointed_to.items() if isinstance(row, model) and row.pk in keys
            )
            yield next(wanted, instance)

    def leave_others(self, tasks: Iterable[ObjectTask]) -> None:
        """Note which children are left of what is brought along: of the object, and of its parents with other keys."""
        parents: dict[type[Model], dict[Any, ObjectTask]] = {}
        for task in tasks:
            self._models[task.at] = task.shape.model
            self._leave(task, self._rows.get(task.at, ()))
            for parent in task.shape.other_parents:
                if any(len(links_to_children(each)) > 1 for each in (parent.model, *parents_of(parent.model))):
                    key = local_value(task.instance, parent.link)  # type: ignore[arg-type]
                    parents.setdefault(root_of(parent.model), {})[key] = task
        for root, by_key in parents.items():
            for key, rows in load_all_children(root, by_key, {}).items():
                self._leave(by_key[key], rows)

    @property
    def left(self) -> list[tuple[At, Model]]:
        """The children that are not brought along by now, each with root model and key of the one that is."""
        return [(at, row) for at, rows in self._left.items() for row in rows]

    @property
    def leaves_any(self) -> bool:
        """Whether there are any."""
        return bool(self._left)

    def is_left(self, model: type[Model], key: Any) -> bool:
        """Tell whether what a key leads to is not brought along by now: the object is, as another child than that."""
        return self._find_left(model, key) is not None

    def take_left(self, model: type[Model], key: Any) -> Model | None:
        """Return such a child, and leave it no longer; ``None``: there is none."""
        if (row := self._find_left(model, key)) is not None:
            self._left[at_of(row)].remove(row)
        return row

    def leave_again(self, row: Model) -> None:
        """Leave a child, after all, that was taken and could not be written."""
        self._left[at_of(row)].append(row)

    def _find_left(self, model: type[Model], key: Any) -> Model | None:
        root = root_of(model)
        brought = self._models.get((root, key)) if model is not root and self._left else None
        if brought is None or issubclass(brought, model):
            return None
        rows = self._left.get((root, key), ())
        return next((row for row in rows if isinstance(row, model) and at_of(row) == (root, key)), None)

    def _leave(self, task: ObjectTask, rows: Iterable[Model]) -> None:
        if others := [row for row in rows if type(row) is not task.shape.model]:
            self._left.setdefault(task.at, []).extend(others)
