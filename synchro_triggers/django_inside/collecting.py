"""What ``delete()`` of a row would do, before it does it; and a delete of a child's row alone.

Relies on: a ``Collector`` says it in ``data``, ``fast_deletes`` and ``field_updates``, and asks ``related_objects()``
what points to a row (part ``collecting`` of ``expected``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet
from django.db.models.deletion import Collector

from ..exceptions import ObjectNotApplied
from .expected import PARTS, is_as_expected


@dataclass(frozen=True)
class Collected:
    """What a delete would do.

    Attributes:
        rows: the rows that are read and deleted one by one, by model; the row itself is among them.
        unread: the rows that are deleted without being read.
        emptied: the rows whose foreign keys are set to something else, by the foreign key.
    """

    rows: dict[type[Model], list[Model]]
    unread: list[QuerySet[Any]]
    emptied: dict[Any, list[Model]]

    def read(self) -> Iterator[tuple[type[Model], Model]]:
        """Yield the rows that are read, each with its model."""
        for model, rows in self.rows.items():
            for row in rows:
                yield model, row


def collect(row: Model, using: str, *, keep_parents: bool) -> Collected | None:
    """Return what ``row.delete(using=using, keep_parents=keep_parents)`` would do; ``None``: nothing but that.

    Raises:
        ProtectedError, RestrictedError: it cannot be deleted.
        ObjectNotApplied: Django does not say so any more.
    """
    if not is_as_expected("collecting"):
        raise ObjectNotApplied(f"it was deleted; {PARTS['collecting'].otherwise}")
    alone = keep_parents and has_djangos_delete(type(row))
    collector: Any = (_OfOneRow if alone else Collector)(using=using, origin=row)
    if collector.can_fast_delete(row):
        return None
    collector.collect([row], keep_parents=keep_parents)
    emptied: dict[Any, list[Model]] = {}
    for (field, _), groups in collector.field_updates.items():
        emptied.setdefault(field, []).extend(instance for group in groups for instance in group)
    unread = [rows for rows in collector.fast_deletes if not isinstance(rows, Model)]
    return Collected({model: list(rows) for model, rows in collector.data.items()}, unread, emptied)


def has_djangos_delete(model: type[Model]) -> bool:
    """Tell whether a child's row may be deleted alone: a ``delete()`` of the model's own is called."""
    return model.delete is Model.delete


def delete_alone(row: Model, using: str) -> None:
    """Do what ``row.delete(using=using, keep_parents=True)`` does, and leave alone what points to its parents' proxies.

    Django takes what points to a proxy of a parent for something that points to the child.
    """
    collector: Any = _OfOneRow(using=using, origin=row)
    collector.collect([row], keep_parents=True)
    collector.delete()


class _OfOneRow(Collector):
    """Finds nothing by foreign keys to parents of the row that it was made for, and to their proxies."""

    def related_objects(self, related_model: Any, related_fields: Any, objs: Any) -> Any:
        origin: Any = self.origin
        if any(each is origin for each in objs):
            stay = origin._meta.all_parents
            related_fields = [each for each in related_fields if _concrete(each.remote_field.model) not in stay]
            if not related_fields:
                return related_model._base_manager.using(self.using).none()
        return super().related_objects(related_model, related_fields, objs)


def _concrete(model: Any) -> Any:
    return model._meta.concrete_model
