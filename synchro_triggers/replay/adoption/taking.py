"""What an adoption works with: both databases, what is pending, and what has been found so far."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.apps import apps
from django.db.models import Model

from ...capture.own_tables import with_tables
from ...capture.tables import captured_models, model_for, natural_manager
from ...conf import get_settings, local_alias
from ...models import ChangeLog
from ..identity.references import Identity
from ..rows.selecting import rows_with
from ..schema.shape import Shape
from ..tasks import At
from .old_tables import LastRun, OldRow
from .report import AdoptionReport

#: Objects of one model that are looked at in one query.
CHUNK = 1000


@dataclass
class Taking:
    """One adoption.

    Attributes:
        pending: what django-synchro has not sent, by content type and key, in order.
        found: root models and keys of objects to the remote rows that references tell.
        gone_there: those whose reference leads to a row that the remote has no more.
        log: the rows that LOCAL's log gets, each with what it is to be ordered by.
    """

    remote: str
    source: str
    target: str
    last_run: LastRun
    report: AdoptionReport
    pending: Mapping[tuple[int, str], list[OldRow]]
    dry_run: bool
    found: dict[At, Any] = field(default_factory=dict)
    gone_there: set[At] = field(default_factory=set)
    log: list[tuple[tuple[datetime.datetime, int], ChangeLog]] = field(default_factory=list)

    def identity(self) -> Identity:
        """Return the references of both sides, of which none is read yet."""
        return Identity(self.remote, self.source, self.target, get_settings().identity)

    @cached_property
    def captured(self) -> dict[str, type[Model]]:
        """The models whose tables are captured, by label."""
        return {model._meta.label: model for model in captured_models(get_settings().models)}

    @cached_property
    def _on_both(self) -> dict[type[Model], bool]:
        return {}

    def is_surely_pending(self, row: OldRow) -> bool:
        """Tell whether a row was surely not sent: of the times about the last run nobody knows."""
        return self.last_run.latest is not None and row.date > self.last_run.latest

    def model_of(self, label: str | None) -> type[Model] | None:
        """Return the model of a content type; ``None``: it is gone."""
        if label is None:
            return None
        try:
            model: type[Model] = apps.get_model(label)
        except LookupError:
            return None
        return model_for(model._meta.concrete_model or model)

    def is_on_both(self, model: type[Model]) -> bool:
        """Tell whether both databases have the model's table."""
        if model not in self._on_both:
            self._on_both[model] = all(model in with_tables(each, [model]) for each in (local_alias(), self.remote))
        return self._on_both[model]

    def known(self, identity: Identity, at: At) -> Any:
        """Return the remote row of an object, ``None`` where nothing tells it. In a dry run nothing was stored."""
        return identity.known(*at) if (there := self.found.get(at)) is None else there

    def write(self, model: type[Model], key: str, operation: str, row: OldRow, **values: Any) -> None:
        """Let LOCAL's log get a row."""
        at = row.date, row.id
        logged = ChangeLog(
            model_label=model._meta.label, object_pk=key, operation=operation, origin="", logged_at=row.date, **values
        )
        self.log.append((at, logged))


def existing(model: type[Model], alias: str, keys: Collection[Any]) -> set[Any]:
    """Return those of the keys that a table has."""
    return set(rows_with(model, alias, pk=keys).order_by().values_list("pk", flat=True)) if keys else set()


def is_told_by_key(identity: Identity, shape: Shape) -> bool:
    """Tell whether the key alone tells objects of a model on both sides."""
    return identity.keeps_key(shape) and natural_manager(shape.model) is None


def lineage(model: type[Model]) -> list[type[Model]]:
    """Return a model and those of its parents whose keys are the same, the parents first."""
    found = [model]
    while (link := found[-1]._meta.pk) is not None and getattr(link.remote_field, "parent_link", False):
        found.append(link.related_model)  # type: ignore[arg-type]
    return found[::-1]


def chunks(items: Iterable[Any]) -> Iterable[list[Any]]:
    """Return items, some at a time."""
    some = list(items)
    return (some[start : start + CHUNK] for start in range(0, len(some), CHUNK))
