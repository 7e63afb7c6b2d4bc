"""Which local object a remote row is, and whether LOCAL still has it: identity, asked from the other end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import Any

from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist
from django.db.models import Model

from ..capture.tables import natural_key_fields, natural_key_of, natural_manager
from ..conf import LOCAL
from .changes import FormerKey
from .identity import Identity, compare_exactly
from .local import load_instances
from .rows import rows_of, rows_with
from .shape import field_at, is_foreign_key, points_to_key, root_of, shape_of, target_of
from .writing import local_value


class Living:
    """Tells which of the remote's rows LOCAL still has.

    A row is known by the references of either direction: what was made on the remote, and came from there, has its
    reference on LOCAL. Where these tell nothing, or of an object that is gone, its key or its natural key tells.

    Args:
        identity: the batch's references.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def keys_of(self, rows: Iterable[Model]) -> dict[tuple[type[Model], Any], Any]:
        """Return the local keys of those rows that LOCAL still has, by root model and remote key."""
        alike: dict[type[Model], list[Model]] = {}
        for row in rows:
            alike.setdefault(type(row), []).append(row)
        found: dict[tuple[type[Model], Any], Any] = {}
        for model, some in alike.items():
            root = root_of(model)
            found.update(((root, remote_key), key) for remote_key, key in self._keys_of(model, some).items())
        return found

    def _keys_of(self, model: type[Model], rows: Sequence[Model]) -> dict[Any, Any]:
        root, remote_keys = root_of(model), [row.pk for row in rows]
        known = self._known_keys(root, remote_keys)
        if self._identity.keeps_key(shape_of(model)):
            known += [(key, self._kept_key(model, key)) for key in remote_keys]
        there = self._those_there(root, (key for _, key in known if key is not None))
        found: dict[Any, Any] = {}
        for remote_key, key in known:
            if key in there:
                found.setdefault(remote_key, key)
        for remote_key, key in self.by_natural_key([row for row in rows if row.pk not in found]).items():
            if not self._is_another(root, remote_key, key):
                found[remote_key] = key
        return found

    def _known_keys(self, root: type[Model], remote_keys: Sequence[Any]) -> list[tuple[Any, Any]]:
        self._identity.load_claims(root, remote_keys)
        claims = [(key, self._identity.claimed_by(root, key)) for key in remote_keys]
        known = [(key, claim) for key, claim in claims if not isinstance(claim, FormerKey)]
        backwards = self._identity.claims_backwards(root, [key for key, _ in known])
        self._identity.load(root, backwards.values())
        return known + [(key, claim) for key, claim in backwards.items() if not self._is_another(root, key, claim)]

    def _is_another(self, root: type[Model], remote_key: Any, key: Any) -> bool:
        """Tell whether the object that has the key now is known to be another remote row."""
        self._identity.load(root, [key])
        known = self._identity.known(root, key)
        return known is not None and known != remote_key

    def _those_there(self, root: type[Model], keys: Iterable[Any]) -> set[Any]:
        wanted = list(dict.fromkeys(keys))
        return set(rows_with(root, LOCAL, pk=wanted).values_list("pk", flat=True)) if wanted else set()

    def _kept_key(self, model: type[Model], remote_key: Any) -> Any:
        """Return the local key of an object that keeps its key, foreign keys in it translated."""
        shape = shape_of(model)
        parts = remote_key if shape.composite_key else (remote_key,)
        here = [self._translated(field, part) for field, part in zip(shape.key, parts, strict=True)]
        if None in here:
            return None
        return tuple(here) if shape.composite_key else here[0]

    # Natural keys ---------------------------------------------------------------------------------

    def by_natural_key(self, rows: Sequence[Model]) -> dict[Any, Any]:
        """Return the local keys of the objects that have the natural keys of remote rows, by remote key."""
        if not rows or (manager := natural_manager(type(rows[0]))) is None:
            return {}
        model: type[Model] = type(rows[0])
        found = [field_at(model, name) for name in natural_key_fields(model)]
        paths = [at for at in found if at is not None]
        if not self._identity.looks_up_fields(model) or len(paths) < len(found) or not compare_exactly(model, LOCAL):
            return dict(self._one_by_one(manager, rows))
        columns = self._columns(model, paths, rows)
        wanted: dict[tuple[Any, ...], list[Any]] = {}
        for number, row in enumerate(rows):
            values = tuple(column[number] for column in columns)
            if _UNKNOWN not in values:
                wanted.setdefault(values, []).append(row.pk)
        # Nulls are looked for by the other columns.
        whole = [number for number in range(len(paths)) if all(values[number] is not None for values in wanted)]
        if not wanted or not whole:
            return dict(self._one_by_one(manager, rows)) if wanted else {}
        attnames = [attname for _, attname in paths]
        lookups = {attnames[number]: {values[number] for values in wanted} for number in whole}
        matches: dict[tuple[Any, ...], list[Any]] = {}
        for key, *values_here in rows_with(model, LOCAL, **lookups).order_by("pk").values_list("pk", *attnames):
            if tuple(values_here) in wanted:
                matches.setdefault(tuple(values_here), []).append(key)
        many = getattr(manager, "allow_many", False)
        return {
            remote_key: keys[0]
            for values, keys in matches.items()
            for remote_key in wanted[values]
            if many or len(keys) == 1
        }

    def _columns(self, model: type[Model], paths: Sequence[tuple[Any, str]], rows: Sequence[Model]) -> list[list[Any]]:
        """Return the values that remote rows have at paths of a natural key, as LOCAL has them."""
        beyond = [attname for _, attname in paths if "__" in attname]
        there: dict[Any, dict[str, Any]] = {}
        if beyond:
            found = rows_with(model, self._identity.remote, pk=[row.pk for row in rows]).values_list("pk", *beyond)
            there = {key: dict(zip(beyond, values, strict=True)) for key, *values in found}
        columns = []
        for field, attname in paths:
            if attname in beyond:
                values = [there.get(row.pk, {}).get(attname) for row in rows]
            else:
                values = [local_value(row, field) for row in rows]
            if is_foreign_key(field) and points_to_key(field):
                here = self._keys_there(target_of(field)[0], {value for value in values if value is not None})
                values = [None if value is None else here.get(value, _UNKNOWN) for value in values]
            columns.append(values)
        return columns

    def _keys_there(self, model: type[Model], remote_keys: Iterable[Any]) -> dict[Any, Any]:
        root = root_of(model)
        found = self.keys_of(rows_with(root, self._identity.remote, pk=list(remote_keys)))
        return {remote_key: key for (_, remote_key), key in found.items()}

    def _translated(self, field: Any, value: Any) -> Any:
        if value is None or not is_foreign_key(field) or not points_to_key(field):
            return value
        return self._keys_there(target_of(field)[0], [value]).get(value)

    def _one_by_one(self, manager: Any, rows: Iterable[Model]) -> Iterator[tuple[Any, Any]]:
        for row in rows:
            try:
                key = self._natural_key_here(row)
                yield row.pk, manager.db_manager(LOCAL).get_by_natural_key(*key).pk
            except (ObjectDoesNotExist, MultipleObjectsReturned):
                continue

    def _natural_key_here(self, row: Any) -> tuple[Any, ...]:
        """Return the natural key that a remote row would have on LOCAL, foreign keys in it translated.

        Raises:
            ObjectDoesNotExist: one of its targets is not on LOCAL, so neither is the object.
        """
        model: type[Model] = type(row)
        there = tuple(natural_key_of(row))  # reads the targets it asks for: the copies need not, and must not
        here, without = copy(row), copy(row)
        for field in shape_of(model).foreign_keys:
            value = row.__dict__.get(field.attname)
            if value is not None:
                here.__dict__[field.attname] = translated = self._translated(field, value)
                if translated is None:
                    without.__dict__[field.attname] = None
        if tuple(natural_key_of(without)) != there:
            raise ObjectDoesNotExist
        return tuple(self._row_here(part) if isinstance(part, Model) else part for part in natural_key_of(here))

    def _row_here(self, target: Model) -> Model:
        key = self.keys_of([target]).get((root_of(type(target)), target.pk))
        found = load_instances(root_of(type(target)), [key]).get(key) if key is not None else None
        if found is None:
            raise ObjectDoesNotExist
        return found


def natural_key_there(model: type[Model], alias: str, key: Any) -> tuple[Any, ...] | None:
    """Return the natural key of a row; ``None``: it is not there, or has none."""
    row: Any = rows_of(model, alias).filter(pk=key).first()
    return tuple(natural_key_of(row)) if row is not None and natural_manager(model) is not None else None


_UNKNOWN = object()
