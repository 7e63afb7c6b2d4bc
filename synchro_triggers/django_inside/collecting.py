"""What ``delete()`` of a row would do, before it does it.

Relies on: a ``Collector`` says it in ``data``, ``fast_deletes`` and ``field_updates`` (part ``collecting`` of
``expected``).
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
    collector: Any = Collector(using=using, origin=row)
    if collector.can_fast_delete(row):
        return None
    collector.collect([row], keep_parents=keep_parents)
    emptied: dict[Any, list[Model]] = {}
    for (field, _), groups in collector.field_updates.items():
        emptied.setdefault(field, []).extend(instance for group in groups for instance in group)
    unread = [rows for rows in collector.fast_deletes if not isinstance(rows, Model)]
    return Collected({model: list(rows) for model, rows in collector.data.items()}, unread, emptied)
