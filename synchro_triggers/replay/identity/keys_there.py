"""What a local key is on the remote: that of a foreign key's target, or of an object that keeps its key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Model

from ..rows.doubled_hours import doubling_zone, is_doubled
from ..schema.findable import is_findable
from ..schema.keys import FormerKey, Unreadable
from ..schema.shape import GenericKey, Shape, is_foreign_key, points_to_key, root_of, target_of
from .references import Identity


class KeysThere:
    """Tells what local keys are on the remote, as far as it is known or can be looked up; brings nothing along.

    Args:
        key_there: returns what a local primary key is there, or ``None``: ``Matching.match_key()``.
    """

    def __init__(self, identity: Identity, key_there: Callable[[type[Model], Any], Any]) -> None:
        self._identity, self.key_there = identity, key_there
        self._zone = doubling_zone(identity.remote)

    def translate(self, field: Any, value: Any) -> Any:
        """Return what a foreign key's local value is on the remote, or ``None`` if its target is not known there."""
        model, _ = target_of(field)
        at = root_of(model), value
        if not is_findable(field, value):
            return value  # no database gives out such a key: it is the same on both sides
        if at in self._identity.nowhere:
            return self._identity.nowhere[at]
        return self.key_there(model, value) if points_to_key(field) else value  # a to_field's value is the same

    def object_id_there(self, generic: GenericKey, target: tuple[type[Model], Any], instance: Model) -> Any:
        """Return what a generic foreign key's object id is on the remote, or ``None`` as for ``key_there()``."""
        known = self.key_there(*target)
        return None if known is None else generic.value_there(target[1], known, instance)

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
