"""Links of a number that was given to another object, of which nothing was logged.

Where an object goes past all cascades and another one is made under its number, in one transaction, its links stay: on
LOCAL they are the other one's then. On the remote they go with the old object, whose number nobody else gets there. So
they are looked at where that object is deleted, in the same transaction: what cannot be linked yet is kept like any
failure, and a run that is killed has done both or neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import Model

from ...capture.tables import captured_models, encode_key
from ...conf import LOCAL, get_settings
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..schema.keys import FormerKey
from ..schema.shape import model_of, read_key, root_of, shape_of
from .changes import Change


def with_links_of_numbers(changes: Sequence[Change]) -> list[Change]:
    """Return changes, and one for each link that LOCAL has under the number of a former object among them.

    Args:
        changes: of one transaction. Links of which they speak already are not added.
    """
    formers: dict[type[Model], dict[Any, Change]] = {}
    for change in changes:
        model = model_of(change.label) if FormerKey.is_one(change.key) else None
        key = read_key(model, change.key) if model is not None else None
        if model is not None and isinstance(key, FormerKey):
            formers.setdefault(root_of(model), {})[read_key(model, key.number, zone_of(LOCAL))] = change
    if not formers:
        return list(changes)
    known = {(change.label, change.key) for change in changes}
    added = (link for root, numbers in formers.items() for link in _links_of(root, numbers))
    return [*changes, *{at: link for link in added if (at := (link.label, link.key)) not in known}.values()]


def _links_of(root: type[Model], numbers: dict[Any, Change]) -> Iterator[Change]:
    for end in _ends_at(root):
        links = rows_with(end.model, LOCAL, **{end.attname: numbers}).values_list("pk", end.attname)
        for key, number in links:
            former = numbers[number]
            yield Change(end.model._meta.label, encode_key(key), former.last, former.last, False, former.logged_at)


def _ends_at(root: type[Model]) -> Iterable[Any]:
    """Yield the foreign keys of captured link tables that hold keys of a root model, or of a child that shares them."""
    for model in captured_models(get_settings().models):
        for field in model._meta.concrete_fields if model._meta.auto_created else ():
            target: Any = field.related_model
            if target is not None and root_of(target) is root and shape_of(target).root is root:
                yield field
