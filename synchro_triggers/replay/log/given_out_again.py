"""Keys that were given out again: what the log says of such a key is about two objects."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db.models import Model

from ..schema.keys import FormerKey
from ..schema.shape import gives_keys_again, model_of, root_of
from .absent import Absent
from .changes import Change, divided

#: An object whose key another one has now: its root model, its key, and the id of the log row of the other's insert.
Former = tuple[type[Model], FormerKey, int]


def of_one_object_each(
    changes: Iterable[Change], absent: Absent, kept_keys: Collection[str]
) -> tuple[list[Change], list[Former]]:
    """Divide the changes of keys that were given out again; and add what was held back of their objects.

    Args:
        changes: of one page, one for each key.
        absent: what was held back of earlier pages.
        kept_keys: labels of models that keep their primary key.

    Returns:
        The changes, in the order of their first log rows, and the objects whose keys others have now.
    """
    found: list[Change] = []
    formers: list[Former] = []
    for change in changes:
        change = absent.completed(change) or change
        model = model_of(change.label) if change.ended else None
        if model is not None and gives_keys_again(model, kept_keys):
            former, later = divided(change)
            found += (former, later)
            formers.append((root_of(model), FormerKey(former.key), later.begun))
        else:
            found.append(change)
    return sorted(found, key=lambda change: (change.first, change.label, change.key)), formers
