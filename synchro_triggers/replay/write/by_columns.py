"""A writer by columns: new objects whose rows never become instances.

Of what LOCAL's users have made since the last run, under a key that the database gave out, nothing has to be matched,
compared or decided: it is not there yet, and is created. Where nobody observes the model, nothing tells its objects but
references, and both databases store its values alike, rows go from one to the other as they are stored; Python sees
keys alone. All else is left to the writers of ``Batch``; so is what cannot be written so: a batch is one transaction,
in which this writer comes first, as if its objects had been in the batch before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
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
from ..schema.shape import model_of, shape_of


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
        by_label = {} if self._context.dry_run else _of_new_objects(changes)
        carriers = {label: carrier for label in by_label if (carrier := self._carrier(label, formers)) is not None}
        if not carriers or not _may_come_first(changes, carriers) or not self._made_here.suffices:
            return changes
        done: set[Change] = set()
        for label, carrier in carriers.items():
            done.update(self._create(label, carrier, by_label[label]))
        return [change for change in changes if change not in done] if done else changes

    def _carrier(self, label: str, formers: Iterable[tuple[type[Model], Any, int]]) -> AsStored | None:
        """Return what carries the rows of a model; ``None``: its objects are for other writers."""
        model = model_of(label)
        if model is None or model._meta.label != label or not self._is_plain(model):
            return None
        if any(root is model for root, *_ in formers):
            return None
        return carrying(self._here, self._remote, model, shape_of(model).copied)

    def _is_plain(self, model: type[Model]) -> bool:
        """Tell whether new objects of a model are rows of one table, of which nothing but references tells which."""
        context, shape = self._context, shape_of(model)
        if is_of_links(model) or shape.root is not model or shape.other_parents or links_to_children(model):
            return False
        if not shape.automatic_key or shape.skipped or shape.foreign_keys or shape.key_columns:
            return False
        labels = {shape.label}
        if not labels.isdisjoint(context.kept_keys | context.by_field | context.counters.keys()):
            return False
        if shape.label in context.batch_signals or is_observed(model) or natural_manager(model) is not None:
            return False
        return not are_told_by_names(model) and not context.redirects.concern(model)

    def _create(self, label: str, carrier: AsStored, changes: list[Change]) -> list[Change]:
        """Create objects of one model; return those that are done: all that can be read, or none."""
        model: Any = model_of(label)
        by_key = {change.key: change for change in changes}
        rows, keys = self._read(label, carrier, [*by_key])
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

    def _read(self, label: str, carrier: AsStored, keys: list[str]) -> tuple[Any, list[str]]:
        """Read rows that are as the log of the run's window tells; return them, and their keys."""
        later = self._context.later
        while keys:
            try:
                found, rows = carrier.read(keys)
            except Exception as error:
                reraise_if_hopeless(error, self._remote)
                return None, []
            later.look()
            if not (changed := later.speak_of(label, found)):
                return rows, found
            keys = [key for key in found if key not in changed]
        return None, []


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
