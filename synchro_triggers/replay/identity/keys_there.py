"""What the keys of local objects are on the remote: kept ones, natural ones, and those of what they point to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from ..schema.shape import Shape, concrete_of, is_foreign_key, key_column_at, points_to_key, root_of, target_of
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
        self._formerly = False

    @contextmanager
    def formerly(self) -> Iterator[bool]:
        """Take keys, in the block, for those of the objects that had them before they were given out again.

        Yields:
            Whether any was.
        """
        self._formerly = True
        try:
            yield bool(self._identity.log.formers)
        finally:
            self._formerly = False

    def _whose(self, model: type[Model], key: Any) -> Any:
        """Return the key of the object that a key is taken for."""
        return self._identity.log.formers.get((root_of(model), key), key) if self._formerly else key

    def translate(self, field: Any, value: Any) -> Any:
        """Return what a foreign key's local value is on the remote, or ``None`` if its target is not known there."""
        model, _ = target_of(field)
        if not is_findable(field, value):
            return value  # no database gives out such a key: it is the same on both sides
        at = root_of(model), value
        if at in self._identity.nowhere:
            return self._identity.nowhere[at]
        # A to_field's value is the same.
        return self.key_there(model, self._whose(model, value)) if points_to_key(field) else value

    def held_there(self, column: KeyColumn, target: tuple[type[Model], Any], value: Any) -> Any:
        """Return what a column that holds a key has on the remote, or ``None`` as for ``key_there()``.

        Args:
            column: the column.
            target: model and key that it holds here.
            value: the key as it is written.
        """
        model, key = target
        known = self.key_there(model, self._whose(model, key))
        return None if known is None else column.value_there(key, known, value)

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
        if not self._identity.keeps_key(shape) or isinstance(key, Unreadable):
            return None
        parts = self._parts(shape, key)
        if isinstance(key, FormerKey) and not self._is_of_formers(shape, parts):
            return None
        translated = []
        for field, part in zip(shape.key, parts, strict=True):
            value = self.translate(field, part) if is_foreign_key(field) else part
            if value is None or is_doubled(self._zone, value):
                return None
            translated.append(value)
        return tuple(translated) if shape.composite_key else translated[0]

    def _parts(self, shape: Shape, key: Any) -> Sequence[Any]:
        key = number_of(shape.root, key) if isinstance(key, FormerKey) else key
        return key if shape.composite_key else (key,)

    def _is_of_formers(self, shape: Shape, parts: Sequence[Any]) -> bool:
        """Tell whether a key, which another object has now, was that of an object whose key another one has, too."""
        foreign = [(field, part) for field, part in zip(shape.key, parts, strict=True) if is_foreign_key(field)]
        return any(isinstance(self._whose(target_of(field)[0], part), FormerKey) for field, part in foreign)


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
