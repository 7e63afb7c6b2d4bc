"""The natural keys that local objects would have on the remote: what they point to has other keys there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model

from ...conf import LOCAL
from ..rows.held_keys import held_key, target_with
from ..rows.selecting import rows_of, rows_with
from ..rows.values import local_value
from ..schema.key_columns import KeyColumn
from ..schema.shape import concrete_of, is_foreign_key, key_column_at, points_to_key, target_of
from .keys_there import KeysThere
from .natural_lookup import IS_NULL, as_lookups, named_paths, natural_key_across
from .references import Identity


class NaturalKeys:
    """Tells which natural key an object would have on the remote.

    Args:
        identity: the batch's references.
        keys: what foreign keys are there.
    """

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
            instance: the local object.
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
            instance: the local object.
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
        rows = rows_with(model, LOCAL, pk=[instance.pk for instance in instances]).values_list("pk", *names)
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
