"""What a local key is on the remote: that of a foreign key's target, or of an object that keeps its key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Model

from ...capture.tables import natural_manager
from ...conf import LOCAL
from ..rows.doubled_hours import doubling_zone, is_doubled
from ..rows.held_keys import held_key
from ..rows.selecting import rows_of
from ..rows.values import local_value
from ..schema.findable import is_findable
from ..schema.key_columns import KeyColumn
from ..schema.keys import FormerKey, Unreadable
from ..schema.shape import Shape, is_foreign_key, key_column_at, points_to_key, shape_of, target_of
from .references import Identity


class KeysThere:
    """Tells what local keys are on the remote, as far as it is known or can be looked up; brings nothing along.

    Args:
        identity: the batch's references.
        by_natural_key: returns the key of the remote row with a local object's natural key, or ``None``.
    """

    def __init__(self, identity: Identity, by_natural_key: Callable[[Model], Any]) -> None:
        self.remote = identity.remote
        self._identity, self._by_natural_key = identity, by_natural_key
        self._zone = doubling_zone(identity.remote)

    def translate(self, field: Any, value: Any) -> Any:
        """Return what a foreign key's local value is on the remote, or ``None`` if its target is not known there."""
        model, _ = target_of(field)
        at = shape_of(model).root, value
        if not is_findable(field, value):
            return value  # no database gives out such a key: it is the same on both sides
        if at in self._identity.nowhere:
            return self._identity.nowhere[at]
        return self.key_there(model, value) if points_to_key(field) else value  # a to_field's value is the same

    def key_there(self, model: type[Model], key: Any) -> Any:
        """Return what a local primary key is on the remote, or ``None`` if its object is not known there.

        The kept key is tried before the natural key, unlike in ``Matching.match()``: a target that is there under its
        kept key need not be read on LOCAL.
        """
        shape = shape_of(model)
        known = self._identity.find(model, key)
        if known is None:
            known = self.kept_key(shape, key)
            if known is not None and not self._identity.existing(shape.root, [known]):
                return None
        if known is None and natural_manager(model) is not None:
            target = rows_of(model, LOCAL).filter(pk=key).first()
            known = self._by_natural_key(target) if target is not None else None
        return known

    def held_there(self, column: KeyColumn, target: tuple[type[Model], Any], value: Any) -> Any:
        """Return what a column that holds a key has on the remote, or ``None`` as for ``key_there()``.

        Args:
            column: the column.
            target: model and key that it holds here.
            value: the key as it is written.
        """
        known = self.key_there(*target)
        return None if known is None else column.value_there(target[1], known, value)

    def value_there(self, instance: Model, field: Any) -> Any:
        """Return what a field of a local object has on the remote, or ``None`` if what it leads to is not known there.

        What only a callable can tell stays as it is.
        """
        value = local_value(instance, field)
        if value is None:
            return None
        if is_foreign_key(field):
            return self.translate(field, value)
        column = key_column_at(field)
        target = None if column is None else held_key(column, instance)
        return value if column is None or target is None else self.held_there(column, target, value)

    def kept_key(self, shape: Shape, key: Any) -> Any:
        """Return the key that an object keeps on the remote, foreign keys in it translated; nobody looks for its row.

        Returns:
            ``None`` when the model does not keep keys, it cannot be read, or a target of it is not on the remote.
        """
        if not self._identity.keeps_key(shape) or isinstance(key, (FormerKey, Unreadable)):
            return None
        translated = []
        for field, part in zip(shape.key, key if shape.composite_key else (key,), strict=True):
            value = self.translate(field, part) if is_foreign_key(field) else part
            if value is None or is_doubled(self._zone, value):
                return None
            translated.append(value)
        return tuple(translated) if shape.composite_key else translated[0]
