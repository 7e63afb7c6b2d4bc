"""Which objects LOCAL's log has seen being made."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Model

from ...capture.keys import logged_texts
from ...conf import local_alias
from ...models import ChangeLog, Operation
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..schema.shape import read_keys, telling_labels
from .changes import Change


def says_made(change: Change, root: type[Model]) -> bool:
    """Tell whether a change is of an object that the log has seen being made: the row at its root, not a child's alone.

    Args:
        change: of any row of the object.
        root: the root of its models.
    """
    if not change.created:
        return False
    labels = {change.label, *(label for label, _ in change.other_rows)}
    return root._meta.label in labels or not labels.isdisjoint(telling_labels(root))


def made_and_there(model: type[Model], keys: Collection[Any], alias: str | None = None, **origin: str) -> set[Any]:
    """Return those of the keys whose objects a log has seen being made, and not being deleted since.

    Args:
        model: a root model.
        keys: primary keys.
        alias: the database; ``None``: LOCAL.
        **origin: by whom, if that matters.
    """
    if not keys:
        return set()
    alias, texts = alias or local_alias(), logged_texts(model, keys)
    of_keys = {} if texts is None else {"object_pk": texts}
    rows = rows_with(ChangeLog, alias, model_label=telling_labels(model), **of_keys).filter(**origin)
    rows = rows.filter(operation__in=(Operation.INSERT, Operation.DELETE)).order_by("id")
    last = dict(rows.values_list("object_pk", "operation"))
    there = [text for text, operation in last.items() if operation == Operation.INSERT]
    return set(read_keys(model, there, zone_of(alias))).intersection(keys)
