"""Which local object a remote row is, and whether LOCAL still has it: identity, asked from the other end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist
from django.db.models import Model

from ...capture.tables import natural_key_of, natural_manager
from ...conf import local_alias
from ...exceptions import ObjectNotApplied
from ..log.made import made_and_there
from ..rows.held_keys import held_key
from ..rows.local_rows import load_all_children
from ..rows.selecting import rows_of, rows_with
from ..rows.values import local_value
from ..schema.findable import is_findable
from ..schema.key_columns import KeyColumn
from ..schema.keys import FormerKey
from ..schema.shape import concrete_of, is_foreign_key, key_column_at, points_to_key, root_of, shape_of, target_of
from .natural_lookup import (
    as_lookups,
    ask_by_natural_key,
    compare_exactly,
    has_null,
    named_paths,
    natural_key_across,
)
from .references import Identity


class Living:
    """Tells which of the remote's rows LOCAL still has.

    A row is known by the references of either direction: what was made on the remote, and came from there, has its
    reference on LOCAL. Where these tell nothing, or of an object that is gone, its natural key tells, or else its key:
    unless the object that has it on LOCAL is another row, as ``Matching`` has it.

    Args:
        identity: the batch's references.
        match_key: returns the key of the remote row that a local object is: ``Matching.match_key()``.
    """

    def __init__(self, identity: Identity, match_key: Callable[[type[Model], Any], Any]) -> None:
        self._identity, self._match_key = identity, match_key
        self._looked_for: set[tuple[type[Model], Any]] = set()

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

    def among(self, rows: Iterable[Model], unreadable: dict[tuple[Any, Any], Exception] | None = None) -> list[Model]:
        """Return the local objects that remote rows are, where there are any; as each child of several at once.

        Args:
            rows: the remote rows.
            unreadable: takes those that cannot be read, with the errors; without it, they are raised.
        """
        keys: dict[type[Model], list[Any]] = {}
        for (root, _), key in self.keys_of(rows).items():
            keys.setdefault(root, []).append(key)
        found: list[Model] = []
        for root, some in keys.items():
            errors: dict[Any, Exception] | None = None if unreadable is None else {}
            found += chain.from_iterable(load_all_children(root, some, errors).values())
            if unreadable is not None and errors:
                unreadable.update(((root, key), error) for key, error in errors.items())
        return found

    def _keys_of(self, model: type[Model], rows: Sequence[Model]) -> dict[Any, Any]:
        root, remote_keys = root_of(model), [row.pk for row in rows]
        known = self._known_keys(root, remote_keys)
        there = self._those_there(root, (key for _, key in known if key is not None))
        found: dict[Any, Any] = {}
        for remote_key, key in known:
            if key in there:
                found.setdefault(remote_key, key)
        found |= self.by_natural_key([row for row in rows if row.pk not in found])
        return found | self._by_kept_key(model, [key for key in remote_keys if key not in found])

    def _known_keys(self, root: type[Model], remote_keys: Sequence[Any]) -> list[tuple[Any, Any]]:
        self._identity.load_claims(root, remote_keys)
        claims = [(key, self._identity.claimed_by(root, key)) for key in remote_keys]
        known = [(key, claim) for key, claim in claims if not isinstance(claim, FormerKey)]
        backwards = self._identity.claims_backwards(root, [key for key, _ in known])
        self._identity.load(root, backwards.values())
        return known + [(key, claim) for key, claim in backwards.items() if not self._is_another(root, key, claim)]

    def _is_another(self, root: type[Model], remote_key: Any, key: Any) -> bool:
        """Tell whether the object that has the key now is known to be another remote row."""
        known = self._identity.find(root, key)
        return known is not None and known != remote_key

    def _those_there(self, root: type[Model], keys: Iterable[Any]) -> set[Any]:
        wanted = list(dict.fromkeys(keys))
        return set(rows_with(root, local_alias(), pk=wanted).values_list("pk", flat=True)) if wanted else set()

    def _by_kept_key(self, model: type[Model], remote_keys: Sequence[Any]) -> dict[Any, Any]:
        """Return the local keys of the objects that have the keys of remote rows, and are no other ones there."""
        if not remote_keys or not self._identity.keeps_key(shape_of(model)):
            return {}
        root = root_of(model)
        kept = {remote_key: self._kept_key(model, remote_key) for remote_key in remote_keys}
        there = self._those_there(root, (key for key in kept.values() if key is not None))
        self._identity.load(root, there)
        return {
            remote_key: key
            for remote_key, key in kept.items()
            if key in there and not self._is_another(root, remote_key, key)
            if not self._is_another_by_natural_key(model, remote_key, key)
        }

    def _is_another_by_natural_key(self, model: type[Model], remote_key: Any, key: Any) -> bool:
        """Tell whether the object that has the key is, by its natural key, another row of the remote."""
        if natural_manager(model) is None:
            return False
        try:
            return bool(self._match_key(model, key) != remote_key)
        except ObjectNotApplied:
            return False  # several rows have it: this may be the one

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
        """Return the local keys of the objects that have the natural keys of remote rows, by remote key.

        An object that is known to be another row of the remote is left out: it has only taken the natural key over.
        """
        found = self._whoever_has_the_natural_key(rows)
        if not found:
            return {}
        root = root_of(type(rows[0]))
        self._identity.load(root, found.values())
        return {remote_key: key for remote_key, key in found.items() if not self._is_another(root, remote_key, key)}

    def renumbered(self, rows: Sequence[Model]) -> dict[Any, Any]:
        """Return the local keys of the objects that rows of deleted ones are: they have only changed their numbers.

        An object that the remote has had in a row of its own is none of them, though that row is gone: the remote's
        users have deleted it, and have maybe given its natural key to the deleted one. Where the natural key has a NULL
        in it, several could have it all the time: then it counts only if LOCAL's log has seen the object being made.
        """
        found = self.by_natural_key(rows)
        if not found:
            return {}
        model = type(rows[0])
        root = root_of(model)
        found = {remote_key: key for remote_key, key in found.items() if not self._identity.was_there(root, key)}
        unsure = {row.pk for row in rows if row.pk in found and has_null(row)}
        made = made_and_there(model, [found[remote_key] for remote_key in unsure])
        return {remote_key: key for remote_key, key in found.items() if remote_key not in unsure or key in made}

    def _whoever_has_the_natural_key(self, rows: Sequence[Model]) -> dict[Any, Any]:
        if not rows or (manager := natural_manager(type(rows[0]))) is None:
            return {}
        root = root_of(type(rows[0]))
        rows = [row for row in rows if (root, row.pk) not in self._looked_for]  # keys may lead back to one another
        asked = {(root, row.pk) for row in rows}
        self._looked_for |= asked
        try:
            return self._by_natural_key(manager, rows) if rows else {}
        finally:
            self._looked_for -= asked

    def _by_natural_key(self, manager: Any, rows: Sequence[Model]) -> dict[Any, Any]:
        model: type[Model] = type(rows[0])
        paths = named_paths(model)
        if not paths or not compare_exactly(model, local_alias()):
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
        for key, *values_here in rows_with(model, local_alias(), **lookups).order_by("pk").values_list("pk", *attnames):
            if tuple(values_here) in wanted:
                matches.setdefault(tuple(values_here), []).append(key)
        many = getattr(manager, "allow_many", False)
        return {
            remote_key: keys[0]
            for values, keys in matches.items()
            for remote_key in wanted[values]
            if len(keys) == 1 or (many and None not in values)
            if None not in values or not self._is_shared_there(model, attnames, remote_key)
        }

    def _is_shared_there(self, model: type[Model], attnames: Sequence[str], remote_key: Any) -> bool:
        """Tell whether other rows of the remote have a row's natural key too, as they may where it has a NULL in it."""
        rows = rows_of(model, self._identity.remote)
        for values in rows.filter(pk=remote_key).values_list(*attnames):
            same = as_lookups(dict(zip(attnames, values, strict=True)))
            return rows.filter(**same).exclude(pk=remote_key).exists()
        return False

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
            if (column := key_column_at(field)) is not None and "__" not in attname:
                held = [self._held_here(column, row) for row in rows]
                values = [
                    _UNKNOWN if key is None and value is not None else key
                    for value, key in zip(values, held, strict=True)
                ]
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
        if value is None or not is_foreign_key(field) or not points_to_key(field) or not is_findable(field, value):
            return value
        return self._keys_there(target_of(field)[0], [value]).get(value)

    def _one_by_one(self, manager: Any, rows: Iterable[Model]) -> Iterator[tuple[Any, Any]]:
        for row in rows:
            try:
                key = self._natural_key_here(row)
                found = ask_by_natural_key(manager, local_alias(), key)
                if None in key:  # where several have it, it tells nothing
                    ask_by_natural_key(manager, self._identity.remote, natural_key_of(row))
                if found is not None:
                    yield row.pk, found.pk
            except (ObjectDoesNotExist, MultipleObjectsReturned):
                continue

    def _natural_key_here(self, row: Model) -> tuple[Any, ...]:
        return natural_key_across(row, self._translated, self._held, self._row_here)

    def _held(self, column: KeyColumn, row: Model) -> Callable[[], Any] | None:
        value = row.__dict__.get(column.field.attname)
        return None if value is None else partial(self._held_here, column, row)

    def _held_here(self, column: KeyColumn, row: Model) -> Any:
        value, target = row.__dict__.get(column.field.attname), held_key(column, row, self._identity.remote)
        if target is None:
            return value
        key = self._keys_there(root_of(target[0]), [target[1]]).get(target[1])
        return None if key is None else column.value_there(target[1], key, value)

    def _row_here(self, target: Model) -> Model:
        root = root_of(concrete_of(type(target)))
        key = self._keys_there(root, [target.pk]).get(target.pk)
        rows = load_all_children(root, [key]).get(key, []) if key is not None else []
        if not rows:
            raise ObjectDoesNotExist
        return next((row for row in rows if isinstance(row, concrete_of(type(target)))), rows[-1])


_UNKNOWN = object()
