"""What the keys of local objects are on the remote: kept ones, natural ones, and those of what they point to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model

from ...conf import local_alias
from ..rows.held_keys import held_key, target_with
from ..rows.selecting import rows_of, rows_with
from ..rows.utc import doubling_zone, is_doubled
from ..rows.values import local_value
from ..schema.findable import is_findable
from ..schema.key_columns import KeyColumn
from ..schema.keys import FormerKey, Unreadable
from ..schema.shape import (
    Shape,
    concrete_of,
    is_foreign_key,
    key_column_at,
    points_to_key,
    root_of,
    shape_of,
    target_of,
)
from .logged_keys import number_of
from .natural_lookup import IS_NULL, as_lookups, named_paths, natural_key_across
from .references import Identity


class KeysThere:
    """Tells what local keys are on the remote, as far as it is known or can be looked up; brings nothing along.

    Args:
        key_there: returns what a local primary key is there, or ``None``: ``Matching.match_key()``.
    """

    def __init__(self, identity: Identity, key_there: Callable[[type[Model], Any], Any]) -> None:
        self.remote = identity.remote
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
        return self._kept_key(shape, key, self.translate)

    def kept_key_of_deleted(self, shape: Shape, key: Any) -> Any:
        """Return the same of an object that LOCAL has deleted.

        Where its key is that of another object, whose number was given out again since, it went before that: it was the
        former one's.
        """
        number = number_of(shape.root, key) if isinstance(key, FormerKey) else key
        if not self._identity.keeps_key(shape) or isinstance(number, Unreadable):
            return None
        parts = zip(shape.key, number if shape.composite_key else (number,), strict=True)
        if isinstance(key, FormerKey) and not any(self._former(field, part) for field, part in parts):
            return None  # who has the key now has the row too
        return self._kept_key(shape, number, self._translate_former)

    def _translate_former(self, field: Any, value: Any) -> Any:
        if (former := self._former(field, value)) is None:
            return self.translate(field, value)
        root = root_of(target_of(field)[0])
        known = self._identity.find(root, former)
        return known if known is not None else self.kept_key_of_deleted(shape_of(root), former)

    def _former(self, field: Any, value: Any) -> FormerKey | None:
        """Return the key of the object that had the number of a foreign key's target before; ``None``: nobody had."""
        if not is_foreign_key(field) or not points_to_key(field):
            return None
        return self._identity.log.formers.get((root_of(target_of(field)[0]), value))

    def _kept_key(self, shape: Shape, key: Any, translate: Callable[[Any, Any], Any]) -> Any:
        translated = []
        for field, part in zip(shape.key, key if shape.composite_key else (key,), strict=True):
            value = translate(field, part) if is_foreign_key(field) else part
            if value is None or is_doubled(self._zone, value):
                return None
            translated.append(value)
        return tuple(translated) if shape.composite_key else translated[0]


class NaturalKeys:
    """Tells which natural key an object would have on the remote."""

    def __init__(self, identity: Identity, keys: KeysThere) -> None:
        self.remote = identity.remote
        self._identity, self._keys = identity, keys

    def whole(self, instance: Model) -> tuple[Any, ...]:
        """Return the natural key that ``natural_key()`` would tell on the remote.

        Raises:
            ObjectDoesNotExist: something that it speaks of is not there, so neither is the object.
        """
        return natural_key_across(instance, self._keys.translate, self._held_there, self._row_there)

    def lookups(self, instance: Model, at_paths: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """Return the look-ups of a natural key that names its fields, as the remote has them; else ``None``.

        Args:
            at_paths: of ``at_paths()``.

        Raises:
            ObjectDoesNotExist: as for ``whole()``.
        """
        values = self.values_here(instance, at_paths)
        if values is None:
            return None
        there: dict[str, Any] = {}
        for attname, (field, value) in values.items():
            there[attname] = self._there(instance, attname, field, value)
            if there[attname] is None and value is not None:
                raise ObjectDoesNotExist
        return as_lookups(there)

    def _there(self, instance: Model, attname: str, field: Any, value: Any) -> Any:
        """Return a part of a natural key as the remote has it, or ``None`` if what it leads to is not known there."""
        if value is None or is_foreign_key(field):
            return value if value is None else self._keys.translate(field, value)
        if "__" not in attname:
            return self._keys.value_there(instance, field)
        column = key_column_at(field)
        target = target_with(column.model, value) if column is not None and column.model is not None else None
        return value if column is None or target is None else self._keys.held_there(column, target, value)

    def of_many(self, model: type[Model], instances: Sequence[Model]) -> dict[Any, tuple[Any, ...]]:
        """Return the natural keys of many objects, where they name their fields, have no NULL, and can be translated.

        Returns:
            Local key to the values, in the order of ``natural_key_fields()``.
        """
        paths = self.at_paths(model, instances)
        found: dict[Any, tuple[Any, ...]] = {}
        for instance in instances:
            try:
                lookups = self.lookups(instance, paths.get(instance.pk))
            except ObjectDoesNotExist:
                continue
            if lookups is not None and not any(name.endswith(IS_NULL) for name in lookups):
                found[instance.pk] = tuple(lookups.values())
        return found

    def values_here(
        self, instance: Model, at_paths: Mapping[str, Any] | None = None
    ) -> dict[str, tuple[Any, Any]] | None:
        """Return the fields of a natural key that names them, and their local values, by attribute names.

        Args:
            at_paths: of ``at_paths()``.

        Returns:
            ``None`` where the key names no fields, some that are not known, or some that were to be in ``at_paths``.
        """
        paths = named_paths(type(instance))
        if not paths or (at_paths is None and any("__" in attname for _, attname in paths)):
            return None
        values: dict[str, tuple[Any, Any]] = {}
        for field, attname in paths:
            if at_paths and attname in at_paths:
                value = at_paths[attname]
            else:
                getattr(instance, attname)  # may be deferred
                value = local_value(instance, field)
            values[attname] = (field, value)
        return values

    def at_paths(self, model: type[Model], instances: Sequence[Model]) -> dict[Any, dict[str, Any]]:
        """Read what natural keys name beyond foreign keys (``city__name``), of many objects in one query.

        Returns:
            Local key to the values by attribute names; nothing where the natural key names no such path.
        """
        beyond = [(field, attname) for field, attname in named_paths(model) if "__" in attname]
        if not beyond:
            return {}
        names = [attname for _, attname in beyond]
        rows = rows_with(model, local_alias(), pk=[instance.pk for instance in instances]).values_list("pk", *names)
        values_of = {key: dict(zip(names, values, strict=True)) for key, *values in rows}
        for field, attname in beyond:
            if is_foreign_key(field) and points_to_key(field):
                self._identity.load(target_of(field)[0], {values[attname] for values in values_of.values()} - {None})
        return values_of

    def _held_there(self, column: KeyColumn, instance: Model) -> Callable[[], Any] | None:
        target = held_key(column, instance)
        value = instance.__dict__.get(column.field.attname)
        return None if target is None else partial(self._keys.held_there, column, target, value)

    def _row_there(self, target: Model) -> Model:
        model = concrete_of(type(target))
        row: Model = rows_of(model, self.remote).get(pk=self._keys.key_there(model, target.pk))
        return row
