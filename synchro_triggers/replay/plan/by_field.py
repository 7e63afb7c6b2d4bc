"""Of objects that are merged by field, which fields each side has changed; what nobody has changed on LOCAL stays.

The idea is that of column-level merging, as databases with several masters have it (PostgreSQL BDR's column-level
conflict resolution), without its clocks for each column: the logs name the fields.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property, partial
from typing import Any

from django.db.models import Model

from ...capture.keys import logged_texts
from ...conf import local_alias
from ...models import ChangeLog, Operation
from ..log.changes import Change
from ..log.own_windows import OwnRow
from ..log.users_changes import changed_fields
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..rows.values import local_value
from ..schema.family import family_of
from ..schema.keys import FormerKey
from ..schema.shape import Shape, read_key
from ..tasks import At, ObjectTask
from .both_sides import Changed, nobody_knows
from .context import RunContext

#: A log row of an object: its id and transaction, whose change it was, what was done, and to which fields.
_Row = tuple[int, int, str, str, str]


class ByField:
    """Tells which fields LOCAL has changed in a batch's objects, and which the remote, unseen by LOCAL.

    Args:
        context: where and how to write.
        tasks: what the batch is to do.
    """

    def __init__(self, context: RunContext, tasks: Iterable[object]) -> None:
        self._context = context
        self._tasks = [task for task in tasks if isinstance(task, ObjectTask)] if context.by_field else []
        self._changed: dict[Shape, dict[At, frozenset[str] | None]] = {}

    def concerns(self, shape: Shape) -> bool:
        """Tell whether objects are merged by field: those with rows under several keys are not."""
        return shape.label in self._context.by_field and not shape.other_parents and self._is_between_two

    @cached_property
    def _is_between_two(self) -> bool:
        return is_between_two(self._context)

    def changed(self, shape: Shape, key: Any) -> frozenset[str] | None:
        """Return the names of the fields that LOCAL has changed in an object; ``None``: its log does not tell."""
        if shape not in self._changed:
            self._changed[shape] = self._load(shape)
        return self._changed[shape].get((shape.root, key))

    def unchanged(self, shape: Shape, key: Any, row: Model) -> dict[str, Any]:
        """Return what stays on the remote, since LOCAL has not changed it: attribute names to values of its row."""
        changed = self.changed(shape, key)
        if changed is None:
            return {}
        return {each.attname: local_value(row, each) for each in shape.copied if each.name not in changed}

    def written(self, shape: Shape, key: Any, row: Model, values: Sequence[Any]) -> list[Any]:
        """Return what a row shall hold, in the order of the copied fields."""
        staying = self.unchanged(shape, key, row)
        return [staying.get(each.attname, value) for each, value in zip(shape.copied, values, strict=True)]

    def told(
        self, shape: Shape, key: Any, change: Change, remote_key: Any, seen: int | None, *, by_field: bool
    ) -> tuple[Changed, Changed]:
        """Return what tells, when it is asked, which fields LOCAL, and which the remote has changed.

        Args:
            shape, key: the object.
            change: what LOCAL logged of it.
            remote_key: its row there.
            seen: how far the remote's log went when it received the object; ``None``: it is not known.
            by_field: the object is merged by field.
        """
        here: Changed = nobody_knows
        there: Changed = nobody_knows
        family = family_of(shape)
        if by_field:
            here = partial(self.changed, shape, key)
        elif change.logged and not isinstance(key, FormerKey):
            here = partial(changed_fields, local_alias(), family, key, after=change.first - 1, until=change.last)
        if by_field and self._context.logs and remote_key is not None:
            there = partial(self._changed_there, shape, remote_key, seen)
        elif seen is not None:
            there = partial(changed_fields, self._context.remote, family, remote_key, after=seen)
        return here, there

    def _changed_there(self, shape: Shape, remote_key: Any, seen: int | None) -> frozenset[str] | None:
        """Return the names of the fields that were changed on the remote, unseen by LOCAL; ``None``: nobody knows.

        That is what its users have changed since it last received the object, and what it has received from others
        that LOCAL has not.
        """
        models, knowledge = family_of(shape), self._context.knowledge
        labels = [model._meta.label for model in models]

        def is_unseen(row: _Row) -> bool:
            row_id, txid, origin, *_ = row
            if not origin and seen is not None and row_id <= seen:
                return False
            return not knowledge.has_received(labels, OwnRow(row_id, txid, None))

        rows = _logged(self._context.remote, models, [remote_key], but_of=self._context.source).get(remote_key, ())
        return _fields_of(filter(is_unseen, rows))

    def _load(self, shape: Shape) -> dict[At, frozenset[str] | None]:
        """Read, in one query, what the log says of the batch's objects of one shape."""
        changes: dict[Any, Change] = {
            task.key: task.change
            for task in self._tasks
            if task.shape is shape and task.instance is not None and not isinstance(task.key, FormerKey)
            if task.change is not None and task.change.logged and not task.change.created
        }
        if not changes:
            return {}
        first, last = min(each.first for each in changes.values()), max(each.last for each in changes.values())
        logged = _logged(
            local_alias(), family_of(shape), changes, but_of=self._context.node, id__gte=first, id__lte=last
        )
        return {
            (shape.root, key): _fields_of(row for row in logged.get(key, ()) if change.first <= row[0] <= change.last)
            for key, change in changes.items()
        }


def is_between_two(context: RunContext) -> bool:
    """Tell whether neither side has received anything from a third database.

    Who has got which field of an object some other way is not written down: versions are those of whole objects.
    """
    knowledge = context.knowledge
    return knowledge.local.authors | knowledge.remote.authors <= {context.source, context.node}


def _logged(
    alias: str, models: Collection[type[Model]], keys: Iterable[Any], *, but_of: str, **between: int
) -> dict[Any, list[_Row]]:
    """Return the log rows of objects by their keys, but for those of changes that came from one node."""
    model = next(iter(models))
    texts = logged_texts(model, keys)
    if texts is None:
        return {}
    rows = rows_with(ChangeLog, alias, object_pk=texts).filter(
        model_label__in=[each._meta.label for each in models], **between
    )
    found: dict[Any, list[_Row]] = {}
    zone, read = zone_of(alias), dict[str, Any]()
    columns = ("object_pk", "id", "txid", "origin", "operation", "changed_fields")
    for text, *row in rows.exclude(origin=but_of).values_list(*columns):
        if text not in read:
            read[text] = read_key(model, text, zone)
        found.setdefault(read[text], []).append(tuple(row))
    return found


def _fields_of(rows: Iterable[_Row]) -> frozenset[str] | None:
    """Return the fields that a database's own users have changed; what it hands on of others counts as a whole.

    Nobody has written down which of the fields that came from elsewhere the other side has got another way.
    """
    names: set[str] = set()
    for _, _, origin, operation, changed in rows:
        if origin or operation != Operation.UPDATE or not changed.strip("?"):
            return None
        names.update(changed.split(","))
    return frozenset(names) or None
