"""Objects that end with the natural key of another one, where no constraint of the database holds them apart."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model

from ...capture.keys import encode_key
from ...capture.tables import natural_manager
from ...exceptions import ObjectNotApplied
from ...key_texts import stored_key
from ...models import Afterwards, Conflict, ConflictKind
from ...moment import UtcNow
from ..identity.natural_lookup import IS_NULL
from ..log.changes import Change
from ..plan.context import RunContext
from ..report import SyncReport, Told
from ..rows.selecting import rows_of
from ..rows.values import local_value
from ..schema.shape import shape_of
from ..tasks import ObjectTask
from .clashes import NATURAL_KEY, Clashes
from .known import Known


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
        for task in tasks if not self._context.dry_run else ():
            change, instance = task.change, task.instance
            if change is None or instance is None or change in not_done or not self._is_concerned(task, change):
                continue
            remote_key = self._known.identity.known(task.shape.model, task.key)
            if remote_key is None:
                continue
            try:
                row = self._other_row(instance, remote_key)
            except ObjectNotApplied as error:  # several have it, and its manager does not tell which
                report.remark(Told.DOUBLE, task.shape.label, encode_key(task.key), str(error))
                continue
            if row is not None:
                self._note(task, change, remote_key, row)
            elif change.old_values:
                self._close(task, remote_key)

    def _is_concerned(self, task: ObjectTask, change: Change) -> bool:
        manager: Any = natural_manager(task.shape.model)
        if manager is None or getattr(manager, "allow_many", False):
            return False
        return bool(change.old_values) or task.at in self._known.matching.doubled

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

    def _close(self, task: ObjectTask, remote_key: Any) -> None:
        """Note on record of an object that it has a natural key of its own."""
        rows = Conflict._base_manager.using(self._known.remote).filter(
            kind=ConflictKind.UNIQUE, rule=NATURAL_KEY, taken="", model_label=task.shape.label
        )
        here = rows.filter(source=self._context.source, local_pk=stored_key(encode_key(task.key)))
        there = rows.filter(remote_pk=stored_key(encode_key(remote_key)))
        (here | there).update(taken=Afterwards.SETTLED, taken_at=UtcNow())
