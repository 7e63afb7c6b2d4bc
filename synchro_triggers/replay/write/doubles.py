"""Objects that end with the natural key of another one, where no constraint of the database holds them apart."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import reduce
from operator import or_
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, Q, QuerySet

from ...capture.keys import encode_key
from ...capture.tables import natural_key_fields, natural_manager
from ...exceptions import ObjectNotApplied
from ...key_texts import stored_key
from ...models import Afterwards, Conflict, ConflictKind
from ...moment import UtcNow
from ...natural import is_unique
from ..identity.natural_lookup import IS_NULL, compare_exactly, named_paths
from ..log.changes import Change
from ..plan.context import RunContext
from ..report import SyncReport, Told
from ..rows.selecting import rows_of
from ..rows.values import local_value
from ..schema.shape import Shape, shape_of
from ..tasks import ObjectTask
from .clashes import NATURAL_KEY, Clashes
from .known import Known

#: Another row, by the key of one with the same natural key.
Others = dict[Any, Model]

_AT_ONCE = 100


class Doubles:
    """Looks for them among what a batch has written; both stay as they are, and are told.

    Looked for are objects that were made although a row has their natural key, which is another object's, and those
    whose natural key was changed: others cost nothing.
    """

    def __init__(self, context: RunContext, known: Known, clashes: Clashes) -> None:
        self._context, self._known, self._clashes = context, known, clashes

    def look(self, tasks: Iterable[ObjectTask], not_done: Collection[Change], report: SyncReport) -> None:
        """Note them, and which are none any more.

        Args:
            tasks: of the batch.
            not_done: the changes that have failed, or were left for later.
            report: takes what cannot be noted as a pair.
        """
        concerned: dict[Shape, dict[Any, ObjectTask]] = {}
        may_be: dict[Shape, bool] = {}
        doubled = self._known.matching.doubled
        for task in tasks if not self._context.dry_run else ():
            change, shape = task.change, task.shape
            if change is None or task.instance is None or change in not_done:
                continue
            if not change.old_values and not (doubled and task.at in doubled):
                continue
            if shape not in may_be:
                may_be[shape] = _may_have_doubles(shape)
            if not may_be[shape]:
                continue
            if (remote_key := self._known.identity.known(task.shape.model, task.key)) is not None:
                concerned.setdefault(task.shape, {})[remote_key] = task
        for shape, some in concerned.items():
            others = self._other_rows(shape.model, list(some))
            is_open = self._open(shape).exists()
            for remote_key, task in some.items():
                self._look_at(task, remote_key, others, report, is_open=is_open)

    def _look_at(
        self, task: ObjectTask, remote_key: Any, others: Others | None, report: SyncReport, *, is_open: bool
    ) -> None:
        assert task.change is not None and task.instance is not None
        try:
            row = others.get(remote_key) if others is not None else self._other_row(task.instance, remote_key)
        except ObjectNotApplied as error:  # several have it, and its manager does not tell which
            report.remark(Told.DOUBLE, task.shape.label, encode_key(task.key), str(error))
            return
        if row is not None:
            self._note(task, task.change, remote_key, row)
        elif task.change.old_values and is_open:
            self._close(task, remote_key)

    def _other_rows(self, model: type[Model], remote_keys: list[Any]) -> Others | None:
        """Return, in few queries, another row with the natural key of each of some rows, as far as there is one.

        Returns:
            By the keys of the rows; ``None``: the database alone tells what is equal, or what it consists of.
        """
        remote = self._known.remote
        names = [path for _, path in named_paths(model)]
        if not names or not compare_exactly(model, remote):
            return None
        found: Others = {}
        for start in range(0, len(remote_keys), _AT_ONCE):
            keys = remote_keys[start : start + _AT_ONCE]
            own = {pk: values for pk, *values in rows_of(model, remote).filter(pk__in=keys).values_list("pk", *names)}
            wanted = [Q(**dict(zip(names, values, strict=True))) for values in own.values() if None not in values]
            if not wanted:
                continue
            having: dict[tuple[Any, ...], list[Any]] = {}
            rows = rows_of(model, remote).filter(reduce(or_, wanted)).order_by("pk")
            for pk, *values in rows.values_list("pk", *names):
                having.setdefault(tuple(values), []).append(pk)
            doubled = {pk: having.get(tuple(values), []) for pk, values in own.items()}
            of_others = {pk: next((each for each in some if each != pk), None) for pk, some in doubled.items()}
            there = rows_of(model, remote).in_bulk(list({pk for pk in of_others.values() if pk is not None}))
            found.update((pk, there[other]) for pk, other in of_others.items() if other is not None)
        return found

    def _other_row(self, instance: Model, remote_key: Any) -> Model | None:
        """Return another row with an object's natural key.

        Raises:
            ObjectNotApplied: several have it, and only a manager of the user's own finds them.
        """
        model, matching = type(instance), self._known.matching
        rows = rows_of(model, self._known.remote).exclude(pk=remote_key)
        try:
            lookups = matching.natural_keys.lookups(instance)
        except ObjectDoesNotExist:
            return None
        if lookups is None:
            found = matching.by_natural_key(instance)
            return None if found is None else rows.filter(pk=found).first()
        if any(name.endswith(IS_NULL) for name in lookups):
            return None
        row: Model | None = rows.filter(**lookups).order_by("pk").first()
        return row

    def _note(self, task: ObjectTask, change: Change, remote_key: Any, row: Model) -> None:
        own = rows_of(task.shape.model, self._known.remote).get(pk=remote_key)
        values = {field.attname: local_value(own, field) for field in task.shape.copied}
        names = [name.split("__")[0] for name in self._fields(task)]
        self._clashes.note_double(task, change, shape_of(type(row)), row, tuple(names), values)

    def _fields(self, task: ObjectTask) -> tuple[str, ...]:
        manager: Any = natural_manager(task.shape.model)
        return tuple(getattr(manager, "fields", ()))

    def _open(self, shape: Shape) -> QuerySet[Conflict]:
        return Conflict._base_manager.using(self._known.remote).filter(
            kind=ConflictKind.UNIQUE, rule=NATURAL_KEY, taken="", model_label=shape.label
        )

    def _close(self, task: ObjectTask, remote_key: Any) -> None:
        """Note on record of an object that it has a natural key of its own."""
        rows = self._open(task.shape)
        here = rows.filter(source=self._context.source, local_pk=stored_key(encode_key(task.key)))
        there = rows.filter(remote_pk=stored_key(encode_key(remote_key)))
        (here | there).update(taken=Afterwards.SETTLED, taken_at=UtcNow())


def _may_have_doubles(shape: Shape) -> bool:
    """Tell whether objects of a model have natural keys that no database holds apart, and a manager that cares."""
    manager: Any = natural_manager(shape.model)
    if manager is None or getattr(manager, "allow_many", False):
        return False
    names = natural_key_fields(shape.model)
    return not (names and is_unique(shape.model, names))
