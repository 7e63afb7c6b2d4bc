"""Unique values that a row of the remote's own has: a dry run foresees them, and a failure names who has them."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from django.db import IntegrityError
from django.db.models import Model

from ...capture.tables import natural_manager
from ..log.changes import Change
from ..rows.local_rows import load_all_children
from ..rows.selecting import rows_of, rows_with
from ..rows.values import differing, local_value, same_value
from ..schema.findable import is_hashable
from ..schema.shape import Shape, leads_elsewhere, parents_of, root_of, shape_of
from ..tasks import At, LinkTask, ObjectTask
from .known import Known


class _LookedUp(NamedTuple):
    """The values, foreign keys left out, that were looked up; and the rows that have them, by all values."""

    asked: set[tuple[Any, ...]]
    holders: dict[tuple[Any, ...], Any]


class Foresight:
    """Looks whether unique values are taken on the remote, and will stay so.

    Args:
        gone: in a dry run, root model and remote key of what would have been deleted.
        tasks: of the batch: what they want of one column is looked up together.
        pending: objects that may still be written; by default those of the batch.
    """

    def __init__(
        self,
        known: Known,
        gone: Container[At] = (),
        tasks: Iterable[ObjectTask | LinkTask] = (),
        pending: Container[At] | None = None,
    ) -> None:
        self._remote_changes = known.remote_changes
        self._pending = known.of_batch if pending is None else pending
        self._matching, self._identity, self._remote = known.matching, known.identity, known.remote
        self._gone, self._tasks = gone, tasks
        self._looked_up: dict[tuple[Any, ...], _LookedUp] = {}

    def what_is_taken(
        self, shape: Shape, values: Mapping[str, Any], remote_key: Any, changed: Collection[str] | None
    ) -> str | None:
        """Say which unique values of an object another row has, and will keep.

        Args:
            values: its values on the remote, by attribute names.
            remote_key: its key there, if it has one.
            changed: the attributes that an update changes; ``None``: it is new.
        """
        for fields in _unique_together(shape):
            wanted = {field.attname: values.get(field.attname) for field in fields}
            if None in wanted.values() or not all(map(is_hashable, wanted.values())):
                continue
            if changed is not None and wanted.keys().isdisjoint(changed):
                continue
            holder = self._holder(shape, fields, wanted)
            if holder is not None and holder != remote_key and self.stays(fields[0].model, holder, fields):
                named = ", ".join(f"{field.name}={wanted[field.attname]!r}" for field in fields)
                label = fields[0].model._meta.label
                said = f"unique {named} is taken on {self._remote!r} by {label} {holder!r}, which stays there"
                return said + (_way_out(shape, fields) if changed is None else "")
        return None

    def _holder(self, shape: Shape, fields: tuple[Any, ...], wanted: Mapping[str, Any]) -> Any:
        """Return the key of the row that has these values."""
        plain = tuple(field for field in fields if not leads_elsewhere(field))
        if plain:  # foreign keys are others there, and the batch's are not known before
            if fields not in self._looked_up:
                self._looked_up[fields] = self._look_up(shape, fields, plain)
            found = self._looked_up[fields]
            if tuple(wanted[field.attname] for field in plain) in found.asked:
                return found.holders.get(tuple(wanted.values()))
        rows = rows_with(fields[0].model, self._remote, **{name: [value] for name, value in wanted.items()})
        return rows.values_list("pk", flat=True).first()

    def _look_up(self, shape: Shape, fields: tuple[Any, ...], plain: tuple[Any, ...]) -> _LookedUp:
        """Read the rows that have what the batch's objects want, as far as they are few."""
        instances = [task.instance for task in self._tasks if isinstance(task, ObjectTask) and task.shape is shape]
        values = (tuple(local_value(each, field) for field in plain) for each in instances if each is not None)
        asked = {each for each in values if None not in each and is_hashable(each)}
        among = {field.attname: {each[number] for each in asked} for number, field in enumerate(plain)}
        rows = rows_with(fields[0].model, self._remote, **among)
        most = 20 * len(asked) + 1000  # values are looked for column by column: of a dense table that finds nearly all
        found = list(rows.values_list("pk", *(field.attname for field in fields))[: most + 1])
        if len(found) > most:
            return _LookedUp(set(), {})
        return _LookedUp(asked, {tuple(there): key for key, *there in found if is_hashable(tuple(there))})

    def stays(self, model: type[Model], holder: Any, fields: Iterable[Any]) -> bool:
        """Tell whether a row keeps its values.

        It is the remote's own, or LOCAL's object has them too, or does not know yet who has written them there.
        """
        root = root_of(model)
        if (root, holder) in self._gone:
            return False
        for row in rows_with(model, self._remote, pk=[holder]):
            claimed = self._identity.claimed_by(root, holder)
            key = self._matching.living.keys_of([row]).get((root, holder))
            if key is None:
                return claimed is None  # what LOCAL has lost will go
            children = load_all_children(root, [key]).get(key, ())
            here = next((child for child in children if isinstance(child, model)), None)
            if here is None:
                return True
            if all(same_value(field, self._there(here, field), local_value(row, field)) for field in fields):
                return True
            if (root, key) in self._pending:
                return False
            return self._remote_changes.unseen(shape_of(type(here)), key, holder) is not None
        return False

    def _there(self, instance: Model, field: Any) -> Any:
        return self._matching.keys_there.value_there(instance, field)


def name_holders(
    known: Known,
    refused: Mapping[Change, tuple[Shape, dict[str, Any], Any]],
    failed: dict[Change, Exception],
) -> None:
    """Say in the failures of what the remote has refused who has its unique values there.

    Args:
        refused: model, values and remote key of each change that was refused.
    """
    foresight = Foresight(known)
    for change, (shape, values, remote_key) in refused.items():
        error = failed.get(change)
        if not isinstance(error, IntegrityError):
            continue
        rows = rows_of(shape.model, known.remote)
        row = rows.filter(pk=remote_key).first() if remote_key is not None else None
        changed = None if row is None else differing(row, values)
        if said := foresight.what_is_taken(shape, values, remote_key, changed):
            named = type(error)(f"{str(error).rstrip()}; {said}")
            named.__cause__ = error
            failed[change] = named


def _way_out(shape: Shape, fields: tuple[Any, ...]) -> str:
    """Say which option makes a new object known as the row that is there, where nothing says that they are one."""
    if natural_manager(shape.model) is not None or not all(field.model is shape.model for field in fields):
        return ""
    option = {shape.label: {"natural_key": tuple(field.name for field in fields)}}
    return f". If they are one object, say so with SYNCHRO_OPTIONS = {option}, and run synchro_install_triggers"


@cache
def _unique_together(shape: Shape) -> tuple[tuple[Any, ...], ...]:
    """Return the sets of fields, each of one table, whose values are unique together: copied ones, links to parents.

    A link to a parent that has a key of its own is unique as well: there is one child to a parent's row.
    """
    links = [parent.link for parent in shape.other_parents]
    found: list[tuple[Any, ...]] = [(link,) for link in links if link.model is shape.model]
    for model in (shape.model, *parents_of(shape.model)):
        options = model._meta
        own = {field.name: field for field in options.local_concrete_fields if field in shape.copied}
        names: list[tuple[str, ...]] = [(field.name,) for field in own.values() if field.unique]
        names += [tuple(each) for each in options.unique_together]
        names += [tuple(constraint.fields) for constraint in options.total_unique_constraints]
        found += [tuple(own[name] for name in each) for each in names if each and own.keys() >= set(each)]
    return tuple(dict.fromkeys(found))
