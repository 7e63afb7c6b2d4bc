"""Rows whose keys Python cannot hash, lists and JSON among them: nobody can look up whether LOCAL still has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import Model

from ...exceptions import ObjectNotApplied
from ..schema.relations import hanging_on
from ..schema.shape import concrete_of, is_parent_link, points_to_key
from .selecting import rows_with


@contextmanager
def hangers_told(row: Model, alias: str) -> Iterator[None]:
    """Raise ``ObjectNotApplied`` where the block stumbles over such a row, which hangs on ``row``."""
    try:
        yield
    except TypeError as error:
        for hanger in _hangers(row, alias):
            if not is_hashable(hanger.pk):
                raise _told(hanger, alias) from error
        raise


def require_hashable(rows: Iterable[Model], alias: str) -> None:
    """Raise ``ObjectNotApplied`` where one of the rows, which a delete would take along, has such a key."""
    for row in rows:
        if not is_hashable(row.pk):
            raise _told(row, alias)


def is_hashable(key: Any) -> bool:
    """Tell whether a key can be looked up."""
    try:
        hash(key)
    except TypeError:
        return False
    return True


def _told(row: Model, alias: str) -> ObjectNotApplied:
    label = row._meta.label
    return ObjectNotApplied(
        f"it was deleted; on {alias!r} {label} {row.pk!r} hangs on it, and by a key of this type no object can be "
        f"found: nobody can tell whether it is to stay. Delete this {label} there, or let it point elsewhere; the next "
        "run goes on"
    )


def _hangers(row: Model, alias: str) -> Iterator[Model]:
    """Yield what hangs on a row, and on that, each model once."""
    seen: set[type[Model]] = set()
    level: list[tuple[type[Model], list[Model]]] = [(type(row), [row])]
    while level:
        model, rows = level.pop()
        for field in hanging_on(model):
            holder = concrete_of(field.model)
            if holder in seen or is_parent_link(field):
                continue
            attname = "pk" if points_to_key(field) else field.target_field.attname
            found = list(rows_with(holder, alias, **{field.attname: [getattr(each, attname) for each in rows]}))
            if found:
                seen.add(holder)
                yield from found
                level.append((holder, found))
