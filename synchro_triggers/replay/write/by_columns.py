"""A writer by columns: new objects whose rows never become instances.

Of what LOCAL's users have made since the last run, under a key that the database gave out, nothing has to be matched,
compared or decided: it is not there yet, and is created. Where nobody observes the model, nothing tells its objects but
references, and both databases store its values alike, rows go from one to the other as they are stored; Python sees
keys alone: those of the rows, and those in foreign keys, which have others there. All else is left to the writers of
``Batch``; so is what cannot be written so: a batch is one transaction, in which this writer comes first, as if its
objects had been in the batch before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Model

from ...capture.tables import is_of_links, natural_manager
from ...conf import local_alias
from ..errors import reraise_if_hopeless
from ..identity.content_types import are_told_by_names
from ..identity.made_here import MadeHere
from ..identity.reference_table import ReferenceTable
from ..log.changes import Change
from ..plan.context import RunContext
from ..plan.decisions import Action
from ..report import SyncReport
from ..rows.as_stored import AsStored, carrying
from ..schema.observed import is_observed, rows_are_observed
from ..schema.relations import links_to_children
from ..schema.shape import model_of, points_to_key, root_of, shape_of, target_of
from .batch import identity_for
from .known import Known


class ByColumns:
    """Creates the objects of one batch that it can; tells what is left.

    Args:
        context: where and how to write.

    Attributes:
        report: counts what was created.
    """

    def __init__(self, context: RunContext) -> None:
        self._context, self._remote, self._here = context, context.remote, local_alias()
        table = ReferenceTable(context.remote, context.source, context.node)
        self._made_here = MadeHere(table, context.knowledge.here, logs=context.logs)
        self.report = SyncReport()

    def apply(self, changes: Sequence[Change], formers: Iterable[tuple[type[Model], Any, int]]) -> Sequence[Change]:
        """Create what can be; return the changes that are left, in their order.

        Args:
            changes: those of a batch, in whose transaction this is.
            formers: as for ``Batch``.
        """
        new = {} if self._context.dry_run else _of_new_objects(changes)
        former = {root for root, *_ in formers}
        unclear = former | _roots_of_others(changes, new)
        carriers = {label: carrier for label in new if (carrier := self._carrier(label, former, unclear)) is not None}
        if not carriers or not _may_come_first(changes, carriers) or not self._made_here.suffices:
            return changes
        done: set[Change] = set()
        for label in _targets_first(carriers):
            done.update(self._create(label, carriers[label], new[label]))
        return [change for change in changes if change not in done] if done else changes

    def _carrier(
        self, label: str, former: Collection[type[Model]], unclear: Collection[type[Model]]
    ) -> AsStored | None:
        """Return what carries the rows of a model; ``None``: its objects are for other writers.

        Args:
            label: the model's.
            former: root models of which a key was given out again.
            unclear: those of whose keys the batch says more than that they are new: nothing may point there.
        """
        model = model_of(label)
        if model is None or model._meta.label != label or model in former or not self._is_plain(model):
            return None
        targets = [target_of(field)[0] for field in shape_of(model).foreign_keys]
        if any(target in unclear or root_of(target) is not target for target in targets):
            return None
        return carrying(self._here, self._remote, model, shape_of(model).copied)

    def _is_plain(self, model: type[Model]) -> bool:
        """Tell whether new objects of a model are rows of one table, of which nothing but references tells which."""
        context, shape = self._context, shape_of(model)
        if is_of_links(model) or shape.root is not model or shape.other_parents or links_to_children(model):
            return False
        if not shape.automatic_key or shape.skipped or shape.key_columns:
            return False
        if not all(map(points_to_key, shape.foreign_keys)):
            return False
        labels = {shape.label}
        if not labels.isdisjoint(context.kept_keys | context.by_field | context.counters.keys()):
            return False
        if shape.label in context.batch_signals or is_observed(model) or natural_manager(model) is not None:
            return False
        return not are_told_by_names(model) and not context.redirects.concern(model)

    def _create(self, label: str, carrier: AsStored, changes: list[Change]) -> list[Change]:
        """Create objects of one model; return those that are done: all that can be, or none."""
        model: Any = model_of(label)
        by_key = {change.key: change for change in changes}
        rows, keys = self._read(label, carrier, by_key)
        if not keys or self._made_here.are_known(model, keys):
            return []
        some = [by_key[key] for key in keys]
        try:
            with transaction.atomic(using=self._remote):
                there = carrier.insert(rows)
                if len(there) != len(keys):
                    transaction.set_rollback(True, using=self._remote)
                    return []
                self._made_here.store(model, list(zip(some, there, strict=True)))
        except Exception as error:
            reraise_if_hopeless(error, self._remote)
            return []
        self.report.count(label, Action.CREATE.counted_as, len(some))
        return some

    def _read(self, label: str, carrier: AsStored, changes: Mapping[str, Change]) -> tuple[Any, list[str]]:
        """Read rows that are as the log of the run's window tells, and point to what is there.

        Returns:
            The rows, with the remote's keys in their foreign keys, and their own keys on LOCAL.
        """
        later, keys = self._context.later, list(changes)
        while keys:
            try:
                found, rows = carrier.read(keys)
            except Exception as error:
                reraise_if_hopeless(error, self._remote)
                return None, []
            later.look()
            left = later.speak_of(label, found)
            if not left and found:
                rows, left = self._pointing(label, carrier, [changes[key] for key in found], rows)
            if not left:
                return rows, found
            keys = [key for key in found if key not in left]
        return None, []

    def _pointing(self, label: str, carrier: AsStored, changes: Sequence[Change], rows: Any) -> tuple[Any, set[str]]:
        """Return rows with the remote's keys of what they point to; and the keys of those whose targets it lacks."""
        model: Any = model_of(label)
        foreign_keys: Any = shape_of(model).foreign_keys
        if not foreign_keys:
            return rows, set()
        identity, context = identity_for(self._context), self._context
        known = Known(context, identity, changes, ())
        held = {field: carrier.keys_in(field, rows) for field in foreign_keys}
        for field, targets in held.items():
            identity.load(target_of(field)[0], set(targets) - {None})
        known.remote_changes.look()
        if context.logs:
            identity.watch(context.users_changes)
        left: set[str] = set()
        for field, targets in held.items():
            to = {key: identity.known(target_of(field)[0], key) for key in set(targets) - {None}}
            lacking = (key is not None and to[key] is None for key in targets)
            left.update(change.key for change, lacks in zip(changes, lacking, strict=True) if lacks)
            if not left:
                rows = carrier.with_keys(field, rows, [None if key is None else to[key] for key in targets])
        return rows, left


def _of_new_objects(changes: Iterable[Change]) -> dict[str, list[Change]]:
    """Return, by label, what LOCAL's users have made and nobody else has touched, under keys that are numbers."""
    found: dict[str, list[Change]] = {}
    for change in changes:
        if (
            change.created
            and change.own == change.last
            and not (change.deleted or change.ended or change.old_values or change.attempts or change.other_rows)
            and change.logged
            and not change.read_until
            and _is_number(change.key)
        ):
            found.setdefault(change.label, []).append(change)
    return found


def _is_number(text: str) -> bool:
    """Tell whether a key is written as triggers write automatic ones."""
    return text.isascii() and text.isdigit() and (text[0] != "0" or text == "0") and len(text) < 19


def _may_come_first(changes: Iterable[Change], mine: Collection[str]) -> bool:
    """Tell whether nobody would notice that some objects come before all others of a batch.

    A receiver would find objects on the remote that come after what it hears of; and of one object that was logged
    under two labels, which two models over one table have, a writer that knows both must decide.

    Args:
        changes: of the batch.
        mine: the labels of the models in question.
    """
    others = [model_of(label) for label in {change.label for change in changes}.difference(mine)]
    return not any(
        model is None or model._meta.label in mine or any(map(rows_are_observed, (model, *model._meta.all_parents)))
        for model in others
    )


def _roots_of_others(changes: Iterable[Change], new: Mapping[str, Sequence[Change]]) -> set[type[Model]]:
    """Return the root models of the changes of a batch that are not of new objects."""
    new_ones = {label: len(some) for label, some in new.items()}
    others = Counter(change.label for change in changes)
    models = (model_of(label) for label, number in others.items() if number > new_ones.get(label, 0))
    return {root_of(model) for model in models if model is not None}


def _targets_first(labels: Iterable[str]) -> list[str]:
    """Return labels of models, those of what others point to before these, as far as they form no cycle."""
    waiting, ordered = list(labels), list[str]()
    while waiting:
        ready = [label for label in waiting if _targets_of(label).isdisjoint({*waiting} - {label})] or waiting[:1]
        ordered += ready
        waiting = [label for label in waiting if label not in ready]
    return ordered


def _targets_of(label: str) -> set[str]:
    model: Any = model_of(label)
    return {target_of(field)[0]._meta.label for field in shape_of(model).foreign_keys}
