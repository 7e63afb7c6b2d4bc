"""What the values of a local object are on the remote: the same, but for references, which have other keys there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from django.db.models import FileField, JSONField, Model

from ...conf import LOCAL
from ...exceptions import ObjectNotApplied
from ..errors import KeyNotYet, waiting
from ..identity.references import Identity
from ..rows.generic import generic_target
from ..rows.values import local_value
from ..schema.shape import GenericKey, Shape, is_foreign_key, points_to_key, root_of, shape_of, target_of
from ..tasks import At
from .agenda import Agenda
from .cycles import StandIns, Unfinished
from .targets import Targets

Values = dict[str, Any]


class Translation:
    """Translates the references of objects; of those that are written one by one, it brings their targets along.

    Args:
        stand_ins: values for references that have to wait.
        agenda: who is being written further up.
        ensure: returns the remote key of a local object, bringing it along if it is not there.
    """

    def __init__(
        self,
        identity: Identity,
        targets: Targets,
        stand_ins: StandIns,
        agenda: Agenda,
        ensure: Callable[[type[Model], Any], Any],
    ) -> None:
        self._identity, self._targets, self._stand_ins = identity, targets, stand_ins
        self._agenda, self._ensure = agenda, ensure

    def values(self, shape: Shape, instance: Model) -> tuple[Values, list[Unfinished]]:
        """Return the values that the remote row shall have, by attribute name, and the references that have to wait.

        Raises:
            ObjectNotApplied: a reference leads to nothing, or to what could not be brought along.
        """
        unfinished: list[Unfinished] = []
        values: Values = {}
        for copied in shape.copied:
            value = local_value(instance, copied)
            if is_foreign_key(copied) and value is not None:
                value = self._foreign_key(instance, copied, value, unfinished)
            values[copied.attname] = value
        for part in shape.foreign_keys:
            if part not in shape.copied:
                self._foreign_key(instance, part, local_value(instance, part), unfinished)
        for generic in shape.generic_keys:
            values[generic.object_attname] = self._generic_key(generic, instance, unfinished)
        return values, unfinished

    def references(
        self, shape: Shape, instance: Model, chosen: Collection[Any] | None = None
    ) -> tuple[Values, list[Unfinished]]:
        """Return the same of an object's references alone; of some of their fields, if these are chosen."""
        unfinished: list[Unfinished] = []
        values: Values = {}
        for field in shape.foreign_keys:
            value = local_value(instance, field)
            if field in shape.copied and (chosen is None or field in chosen):
                there = None if value is None else self._foreign_key(instance, field, value, unfinished)
                values[field.attname] = there
        for generic in shape.generic_keys:
            if chosen is None or generic.object_field in chosen:
                values[generic.object_attname] = self._generic_key(generic, instance, unfinished)
        return values, unfinished

    def _foreign_key(self, instance: Model, foreign_key: Any, value: Any, unfinished: list[Unfinished]) -> Any:
        model, targets = target_of(foreign_key)[0], self._targets
        root = root_of(model)
        key = targets.key_of(foreign_key, value)
        if key is None or (root, key) in targets.missing:
            if getattr(foreign_key, "db_constraint", True):
                text = f"its {foreign_key.name}, {model._meta.label} {value!r}, is missing on {LOCAL!r}"
                raise waiting(ObjectNotApplied(text), root, value if key is None else key)
            return value if key is None else targets.nowhere(instance, foreign_key, (model, key), value)
        copied = foreign_key in shape_of(type(instance)).copied
        if self._closes_a_cycle(instance, (root, key)):
            if not copied:
                raise KeyNotYet(targets.comes_with((root, key)), foreign_key, value)
        else:
            try:
                remote_key = self._ensure(model, key)
                return remote_key if points_to_key(foreign_key) else value
            except KeyNotYet as error:  # it comes when that one has its key
                if error.target not in self._agenda.under_way or not copied:
                    raise
        unfinished.append(Unfinished(foreign_key, model, key, value))
        return self._stand_ins.value(foreign_key, model, key, value, unheard=False)

    def _generic_key(self, generic: GenericKey, instance: Model, unfinished: list[Unfinished]) -> Any:
        """Return the object id of a generic foreign key on the remote; what leads nowhere does so there too."""
        target = generic_target(generic, instance)
        value = instance.__dict__.get(generic.object_attname)
        if target is None:
            return value
        at = (root_of(target[0]), target[1])
        if at in self._targets.missing:
            return self._targets.nowhere(instance, generic.object_field, target, value)
        if not self._closes_a_cycle(instance, at):
            try:
                return generic.value_there(target[1], self._ensure(*target), instance)
            except KeyNotYet as error:
                if error.target not in self._agenda.under_way:
                    raise
        unfinished.append(Unfinished(generic.object_field, *target, value))
        return value

    def _closes_a_cycle(self, instance: Model, target: At) -> bool:
        """Tell whether the target has no key on the remote yet and cannot come first."""
        at = (root_of(type(instance)), instance.pk)
        return self._agenda.waits_for(at, self._targets.comes_with(target)) and not self._targets.is_there(target)

    def reader(self, shape: Shape) -> Callable[[Any], list[Any]]:
        """Return a function that gives the values of an instance's copied fields, as the remote shall have them.

        For objects that nobody observes, whose targets are there, missing, or written later. It asks no database.
        """
        attnames = [field.attname for field in shape.copied]
        special = [
            (number, field) for number, field in enumerate(shape.copied) if isinstance(field, FileField | JSONField)
        ]
        keys = [
            (number, field, target_of(field)[0])
            for number, field in enumerate(shape.copied)
            if is_foreign_key(field) and points_to_key(field)
        ]
        at_number = {attname: number for number, attname in enumerate(attnames)}
        known, targets, stand_ins = self._identity.known, self._targets, self._stand_ins

        def read(instance: Any) -> list[Any]:
            stored = instance.__dict__
            values = [stored.get(attname) for attname in attnames]
            for number, field in special:
                values[number] = local_value(instance, field)
            for number, foreign_key, model in keys:
                if (value := values[number]) is not None and (remote_key := known(model, value)) is not None:
                    values[number] = remote_key
                elif value is not None and (root_of(model), value) in targets.missing:
                    values[number] = targets.nowhere(instance, foreign_key, (model, value), value)
                elif value is not None:
                    values[number] = stand_ins.value(foreign_key, model, value, value, unheard=True)
            for generic in shape.generic_keys:
                if (target := generic_target(generic, instance)) is None:
                    continue
                number = at_number[generic.object_attname]
                if (remote_key := known(*target)) is not None:
                    values[number] = generic.value_there(target[1], remote_key, instance)
                elif (root_of(target[0]), target[1]) in targets.missing:
                    values[number] = targets.nowhere(instance, generic.object_field, target, values[number])
            return values

        return read
