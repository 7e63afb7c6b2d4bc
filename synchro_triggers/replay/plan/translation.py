"""What the values of a local object are on the remote: the same, but for references, which have other keys there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from django.db.models import SET_NULL, FileField, JSONField, Model

from ...conf import local_alias
from ...exceptions import ObjectNotApplied
from ..errors import KeyNotYet, LeftBehind, waiting
from ..identity.references import Identity
from ..rows.values import local_value
from ..schema.key_columns import KeyColumn
from ..schema.made_up import until_it_comes
from ..schema.shape import Shape, is_foreign_key, points_to_key, root_of, shape_of, target_of
from ..tasks import Agenda, At
from .cycles import StandIns, Unfinished
from .rewriting import rewritten
from .targets import Targets
from .unseen import Unseen

Values = dict[str, Any]


class Translation:
    """Translates the references of objects; of those that are written one by one, it brings their targets along.

    Args:
        stand_ins: values for references that have to wait.
        agenda: who is being written further up.
        ensure: returns the remote key of a local object, bringing it along if it is not there.
        unseen: decides whether one comes back that the remote has deleted.
    """

    def __init__(
        self,
        identity: Identity,
        targets: Targets,
        stand_ins: StandIns,
        agenda: Agenda,
        ensure: Callable[[type[Model], Any], Any],
        unseen: Unseen,
    ) -> None:
        self._unseen = unseen
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
        for column in shape.key_columns:
            values[column.field.attname] = self._key_column(instance, column, unfinished)
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
        for column in shape.key_columns:
            if chosen is None or column.field in chosen:
                values[column.field.attname] = self._key_column(instance, column, unfinished)
        return values, unfinished

    def _foreign_key(self, instance: Model, foreign_key: Any, value: Any, unfinished: list[Unfinished]) -> Any:
        model, targets = target_of(foreign_key)[0], self._targets
        root = root_of(model)
        key = targets.key_of(foreign_key, value)
        if key is None or targets.is_missing((root, key)):
            if getattr(foreign_key, "db_constraint", True):
                text = f"its {foreign_key.name}, {model._meta.label} {value!r}, is missing on {local_alias()!r}"
                raise waiting(ObjectNotApplied(text), root, value if key is None else key)
            return value if key is None else targets.nowhere(instance, foreign_key, (model, key), value)
        copied = foreign_key in shape_of(type(instance)).copied
        if self._closes_a_cycle(instance, (root, key)):
            if not copied:
                raise KeyNotYet(targets.comes_with((root, key)), foreign_key, value)
        else:
            change = self._agenda.change_of(instance)
            try:
                self._unseen.require(model, key, foreign_key, instance, change)
                remote_key = self._ensure(model, key)
                return remote_key if points_to_key(foreign_key) else value
            except LeftBehind as left:
                self._unseen.goes_too(left, instance, change)
                if foreign_key.remote_field.on_delete is not SET_NULL or not copied:
                    raise
                return None  # as its delete there does with what it has seen
            except KeyNotYet as error:  # it comes when that one has its key
                if error.target not in self._agenda.under_way or not copied:
                    raise
        unfinished.append(Unfinished(foreign_key, model, key, value))
        return self._stand_ins.value(foreign_key, model, key, value, unheard=False)

    def _key_column(self, instance: Model, column: KeyColumn, unfinished: list[Unfinished]) -> Any:
        """Return what a column that holds keys has on the remote; what leads nowhere does so there too."""
        key_there = partial(self._held_key, instance, column, unfinished)
        return rewritten(column, instance, key_there, self._identity.remote)

    def _held_key(
        self, instance: Model, column: KeyColumn, unfinished: list[Unfinished], target: At, value: Any
    ) -> Any:
        at = (root_of(target[0]), target[1])
        if self._targets.is_missing(at):
            return self._targets.nowhere(instance, column.field, target, value)
        if not self._closes_a_cycle(instance, at):
            change = self._agenda.change_of(instance)
            try:
                self._unseen.require(*target, column.field, instance, change)
                return column.value_there(target[1], self._ensure(*target), value)
            except LeftBehind as left:
                self._unseen.goes_too(left, instance, change)
                if column.field.null:
                    return None  # as where no number can be made up for what LOCAL does not have
                # No delete takes along what holds a key only: it stays on LOCAL, and leads nowhere there, too.
                nowhere = self._targets.nowhere(instance, column.field, target, value)
                self._targets.leads_nowhere_as_before(instance, column.field)  # it is told with what goes
                return nowhere
            except KeyNotYet as error:
                if error.target not in self._agenda.under_way:
                    raise
        again = partial(self._key_column, instance, column, []) if column.rewrite is not None else None
        unfinished.append(Unfinished(column.field, *target, value, again))
        return until_it_comes(column, *target, value)

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
        remote = self._identity.remote

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
            for column in shape.key_columns:
                known_there = partial(self._known_there, instance, column)
                values[at_number[column.field.attname]] = rewritten(column, instance, known_there, remote)
            return values

        return read

    def _known_there(self, instance: Any, column: KeyColumn, target: At, value: Any) -> Any:
        """Return how a key is written on the remote; it asks no database.

        Raises:
            ObjectNotApplied: that cannot be told so; the object is written by itself.
        """
        if (remote_key := self._identity.known(*target)) is not None:
            return column.value_there(target[1], remote_key, value)
        if (root_of(target[0]), target[1]) in self._targets.missing:
            return self._targets.nowhere(instance, column.field, target, value)
        raise ObjectNotApplied(f"its {column.field.name} leads to what was not brought along")
