"""Objects of a batch that the remote's users have deleted there without any reference telling: copies of one import.

What both sides have from one import no log has seen being made. A natural key tells that it is one object, as long as
both have it. Once one side has deleted its copy, only the values do that its log has kept of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model

from ...capture.tables import natural_manager
from ..identity.references import Identity
from ..log.users_changes import DeletedCopy
from ..tasks import At, ObjectTask
from .context import RunContext

#: Returns the look-ups of an object's natural key, as the remote has them; ``None``: it does not name its fields.
Lookups = Callable[[Model], dict[str, Any] | None]


class DeletedCopies:
    """Finds them, where the remote's users have changed anything of their model."""

    def __init__(self, context: RunContext, identity: Identity) -> None:
        self._own, self._identity, self._logs = context.users_changes, identity, context.logs
        self._found: dict[At, DeletedCopy] = {}

    def look(self, tasks: Iterable[ObjectTask], lookups: Lookups) -> dict[type[Model], list[Any]]:
        """Look which objects of a batch they are; what the remote has, or has had a reference for, is none.

        Returns:
            The keys that they had on the remote.
        """
        by_model: dict[type[Model], list[Model]] = {}
        for task in tasks if self._logs else ():
            model, known = task.shape.model, self._identity
            told = known.known(model, task.key) is not None or known.has_reference(model, task.key)
            if task.instance is not None and model is task.shape.root and not told and natural_manager(model):
                by_model.setdefault(model, []).append(task.instance)
        found: dict[type[Model], list[Any]] = {}
        for model, instances in by_model.items():
            if copies := self._own.deleted_copies(model):
                those = self._find(instances, copies, lookups)
                there = self._identity.existing(model, {each.key for each in those.values()}) if those else ()
                those = {key: each for key, each in those.items() if each.key not in there}
                self._found.update(((model, key), each) for key, each in those.items())
                found[model] = [each.key for each in those.values()]
        return found

    @staticmethod
    def _find(instances: Collection[Model], copies: Sequence[DeletedCopy], lookups: Lookups) -> dict[Any, DeletedCopy]:
        """Return local keys of objects to those of the copies that had their natural keys."""
        by_values: dict[tuple[str, ...], Mapping[tuple[Any, ...], DeletedCopy]] = {}
        found: dict[Any, DeletedCopy] = {}
        for instance in instances:
            try:
                wanted = lookups(instance)
            except ObjectDoesNotExist:
                continue  # what its key leads to is not there, and so was not there with a copy
            if not wanted:
                continue
            names = tuple(wanted)
            if names not in by_values:
                by_values[names] = {
                    tuple(values.get(name) for name in names): each for each in copies for values in each.values
                }
            if (copy := by_values[names].get(tuple(wanted.values()))) is not None:
                found[instance.pk] = copy
        return found

    def of(self, at: At) -> DeletedCopy | None:
        """Return what the remote's users have deleted that an object is; ``None``: nothing."""
        return self._found.get(at)
