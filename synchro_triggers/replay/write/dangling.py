"""Living objects that point to nothing on LOCAL, and to what is being deleted on the remote.

A foreign key without a constraint (``db_constraint=False``), or a generic one, may lead to what SQL has deleted: the
database does not mind, and leaves the key as it is. Django's ``delete()`` does mind: on the remote it would take along
what points there, or refuse. While it is called these keys hold another value, and then again their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import Model

from ...conf import local_alias
from ..plan.cascades import protecting_keys
from ..rows.held_keys import held_key
from ..rows.selecting import rows_of
from ..rows.values import local_value
from ..schema.findable import is_findable
from ..schema.shape import Shape, concrete_of, shape_of, target_of
from ..tasks import at_of
from .unique_values import park, row_with

Place = tuple[Shape, Any, Any]
"""Shape and remote key of a row, and the field."""


class Dangling:
    """Sets the keys aside that point to nothing, for as long as a delete takes.

    Args:
        match: returns the key of the remote row that is a local object, or ``None``.
    """

    def __init__(self, remote: str, match: Callable[[Shape, Any], Any]) -> None:
        self._remote, self._match = remote, match
        self._held: dict[Place, Any] = {}

    @contextmanager
    def put_back(self) -> Iterator[None]:
        """Give the keys, after the block, the values that they had, whatever it raises."""
        try:
            yield
        finally:
            held, self._held = self._held, {}
            for (shape, remote_key, field), value in held.items():
                row_with(self._remote, shape, remote_key, field).update(**{field.attname: value})

    def set_aside(self, living: Iterable[Model]) -> bool:
        """Let keys of the objects' remote rows that point to nothing on LOCAL hold what is no key; tell if any does.

        Nobody hears of it: it is as it was when the delete is over.
        """
        found = False
        for instance in living:
            shape = shape_of(type(instance))
            fields = list(_pointing_nowhere(shape, instance))
            remote_key = self._match(shape, instance) if fields else None
            for field in fields if remote_key is not None else ():
                found |= self._set_aside((shape, remote_key, field))
        return found

    def let_go_of_itself(self, row: Model, protecting: Iterable[Model]) -> bool:
        """Let keys by which an object that is to be deleted protects itself hold what is no key; tell whether any did.

        Args:
            protecting: rows that protect it; those of its children's tables are parts of it.
        """
        found = False
        for part in (row, *self._parts_among(protecting, row)):
            shape = shape_of(type(part))
            for field in dict.fromkeys((*protecting_keys(part, part), *protecting_keys(part, row))):
                found |= field in shape.copied and self._set_aside((shape, part.pk, field))
        return found

    def _parts_among(self, rows: Iterable[Model], row: Model) -> Iterator[Model]:
        """Yield those rows that are the same object's as another row, whole: Django reads but what it needs."""
        for model in {concrete_of(type(each)) for each in rows if at_of(each) == at_of(row)} - {type(row)}:
            yield from rows_of(model, self._remote).filter(pk=row.pk)

    def _set_aside(self, place: Place) -> bool:
        shape, remote_key, field = place
        row = rows_of(shape.model, self._remote).filter(pk=remote_key).first()
        value = local_value(row, field) if row is not None else None
        if value is None or place in self._held or not park(self._remote, shape, remote_key, field, set(), set()):
            return False
        self._held[place] = value
        return True


def _pointing_nowhere(shape: Shape, instance: Model) -> Iterator[Any]:
    """Yield the fields of a local object that hold the key of what is not there, and may do so."""
    for field in shape.foreign_keys:
        value = local_value(instance, field)
        if (
            value is None
            or getattr(field, "db_constraint", True)
            or field in shape.key
            or not is_findable(field, value)
        ):
            continue
        model, attname = target_of(field)
        if not rows_of(model, local_alias()).filter(**{attname: value}).exists():
            yield field
    for column in shape.key_columns:  # by others than these nothing is taken along
        target = held_key(column, instance) if column.told_by is not None else None
        if target is not None and not rows_of(target[0], local_alias()).filter(pk=target[1]).exists():
            yield column.field
