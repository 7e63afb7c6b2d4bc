"""Rows of the remote that have the natural key of a local object: of one object, or of many in a few queries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist
from django.db import connections
from django.db.models import Count, Model, QuerySet

from ...capture.tables import natural_key_fields, natural_key_of, natural_manager
from ...conf import local_alias
from ...exceptions import ObjectNotApplied
from ...vendors.vendor import database_of
from ..rows.selecting import rows_of, rows_with
from ..schema.keys import FormerKey
from ..schema.shape import root_of
from .keys_there import NaturalKeys
from .natural_lookup import IS_NULL, as_lookups, ask_by_natural_key, compare_exactly, looks_up_fields

#: The values of look-ups to the local keys of the objects that have them.
_Wanted = dict[tuple[Any, ...], list[Any]]


class NaturalMatches:
    """Finds remote rows by natural key."""

    def __init__(self, keys: NaturalKeys) -> None:
        self.keys = keys
        self._remote = keys.remote
        self._differs = database_of(connections[keys.remote])
        self._looked_for: set[tuple[type[Model], Any]] = set()

    def find(self, instance: Model) -> Any:
        """Return the key of the remote row with the instance's natural key, or ``None``.

        A natural key with a NULL in it counts only where no other object has it, on either side: the database lets any
        number of rows have the same one.

        Raises:
            ObjectNotApplied: several rows have it, and no NULL explains it.
        """
        model = type(instance)
        manager = natural_manager(model)
        at = (root_of(model), instance.pk)
        if manager is None or at in self._looked_for:  # the latter: keys that lead back to one another
            return None
        key: Any = ()
        self._looked_for.add(at)
        try:
            lookups = self.keys.lookups(instance)
            if lookups is not None:
                key = tuple(None if name.endswith(IS_NULL) else value for name, value in lookups.items())
            else:
                key = self.keys.whole(instance)
            if any(part is None for part in key) and self._is_shared_here(instance, manager):
                return None
            if lookups is not None:
                found = self._get(model, manager, lookups)
            else:
                found = ask_by_natural_key(manager, self._remote, key)
        except MultipleObjectsReturned as error:
            if any(part is None for part in key):
                return None
            raise self._told_of_several(key) from error
        except ObjectDoesNotExist:
            return None
        finally:
            self._looked_for.discard(at)
        if found is None or (lookups is None and not self._differs.is_exactly(key, natural_key_of(found))):
            return None
        return found.pk

    def _told_of_several(self, key: tuple[Any, ...]) -> ObjectNotApplied:
        return ObjectNotApplied(
            f"MultipleObjectsReturned: the natural key {key!r} finds several objects on {self._remote!r}. "
            "Make it unique there, or set allow_many"
        )

    def _is_shared_here(self, instance: Any, manager: Any) -> bool:
        """Tell whether another object of LOCAL has the same natural key."""
        if (values := self.keys.values_here(instance)) is not None:
            lookups = as_lookups({name: value for name, (_, value) in values.items()})
        elif looks_up_fields(manager):
            lookups = dict(zip(natural_key_fields(type(instance)), natural_key_of(instance), strict=True))
        else:
            return self._is_told_of_another(instance, manager)
        rows = rows_of(type(instance), local_alias()).filter(**lookups)
        # An object whose key is another's now is not among them.
        return (rows if isinstance(instance.pk, FormerKey) else rows.exclude(pk=instance.pk)).exists()

    def _is_told_of_another(self, instance: Any, manager: Any) -> bool:
        try:
            found = ask_by_natural_key(manager, local_alias(), natural_key_of(instance))
        except ObjectDoesNotExist:
            return False
        except MultipleObjectsReturned:
            return True
        return found is not None and found.pk != instance.pk

    def _get(self, model: type[Model], manager: Any, lookups: dict[str, Any]) -> Any:
        rows = rows_of(model, self._remote).filter(**lookups).order_by("pk")
        found = list(self._exactly(model, rows, lookups) if self._differs.CONFUSES_TEXTS else rows[:2])
        if len(found) > 1 and not getattr(manager, "allow_many", False):
            raise MultipleObjectsReturned
        return found[0] if found else None

    def _exactly(self, model: type[Model], rows: QuerySet[Any], lookups: dict[str, Any]) -> Iterator[Any]:
        """Yield two of the rows, at the most, whose texts are what was asked for, and not only equal to it there."""
        names = [name for name in lookups if not name.endswith(IS_NULL)]
        wanted = [lookups[name] for name in names]
        number = 0
        for key, *values in rows.values_list("pk", *names):
            if self._differs.is_exactly(wanted, values):
                yield rows_of(model, self._remote).get(pk=key)
                number += 1
            if number == 2:
                return

    def find_many(self, model: type[Model], instances: Sequence[Model]) -> tuple[dict[Any, Any], set[Any]]:
        """Look up many objects in a few queries.

        Returns:
            Local key to remote key of those that were found; and the local keys of those that must be looked up one by
            one: their look-up is the user's own, Python cannot tell what the database finds equal, or several have it.
        """
        if natural_manager(model) is None:
            return {}, set()
        if not compare_exactly(model, self._remote):
            return {}, {instance.pk for instance in instances}
        found: dict[Any, Any] = {}
        alike: dict[tuple[str, ...], dict[tuple[Any, ...], list[Any]]] = {}
        paths = self.keys.at_paths(model, instances)
        for instance in instances:
            try:
                lookups = self.keys.lookups(instance, paths.get(instance.pk))
            except ObjectDoesNotExist:
                continue
            if lookups is None:
                return {}, {each.pk for each in instances}
            alike.setdefault(tuple(lookups), {}).setdefault(tuple(lookups.values()), []).append(instance.pk)
        unclear: set[Any] = set()
        by_key = {instance.pk: (instance, paths.get(instance.pk)) for instance in instances}
        for names, wanted in alike.items():
            if any(name.endswith(IS_NULL) for name in names):
                wanted = self._without_shared(model, names, wanted, by_key)
            matches = self._rows_with(model, names, wanted)
            if matches is None:
                unclear.update(key for keys in wanted.values() for key in keys)
                continue
            for values, remote_keys in matches.items():
                if len(remote_keys) == 1 and len(wanted[values]) == 1:
                    found[wanted[values][0]] = remote_keys[0]
                else:
                    unclear.update(wanted[values])
        return found, unclear

    def _without_shared(
        self,
        model: type[Model],
        names: tuple[str, ...],
        wanted: _Wanted,
        instances: Mapping[Any, tuple[Model, Mapping[str, Any] | None]],
    ) -> _Wanted:
        """Leave out natural keys with a NULL in them that several objects of LOCAL have, of the batch or not.

        Args:
            model, names: the model, and the names of the look-ups.
            wanted: their values to the local keys.
            instances: the objects and what they have at paths, by local key.
        """
        columns = [name.removesuffix(IS_NULL) for name in names]
        here: dict[tuple[Any, ...], tuple[Any, ...]] = {}  # what LOCAL has to what the remote shall have
        for there, keys in wanted.items():
            if len(keys) == 1:
                values = self.keys.values_here(*instances[keys[0]])
                assert values is not None  # they were looked up by name
                here[tuple(values[column][1] for column in columns)] = there
        if not here:
            return {}
        nulls = {name: True for name in names if name.endswith(IS_NULL)}
        among = {column: {each[at] for each in here} for at, column in enumerate(columns) if column in names}
        rows = rows_with(model, local_alias(), **among).filter(**nulls).values(*columns).annotate(_times=Count("pk"))
        times = {tuple(values): number for *values, number in rows.values_list(*columns, "_times")}
        return {there: wanted[there] for values, there in here.items() if times.get(values, 0) <= 1}

    def _rows_with(
        self, model: type[Model], names: tuple[str, ...], wanted: Collection[tuple[Any, ...]]
    ) -> dict[tuple[Any, ...], list[Any]] | None:
        """Return the remote keys of the rows that have one of the wanted tuples of values; ``None``: too many."""
        nulls = {name: True for name in names if name.endswith(IS_NULL)}
        lookups = {name: {each[number] for each in wanted} for number, name in enumerate(names) if name not in nulls}
        columns = [name.removesuffix(IS_NULL) for name in names]
        rows = rows_with(model, self._remote, **lookups).filter(**nulls).values_list("pk", *columns)
        matches: dict[tuple[Any, ...], list[Any]] = {}
        # Values are looked for column by column: of a dense table that may find nearly all of it.
        most = 20 * len(wanted) + 1000
        for number, (remote_key, *values) in enumerate(rows[: most + 1]):
            if number == most:
                return None
            at = tuple(True if name.endswith(IS_NULL) else value for name, value in zip(names, values, strict=True))
            if at in wanted:
                matches.setdefault(at, []).append(remote_key)
        return matches
