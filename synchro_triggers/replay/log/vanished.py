"""Changes whose row LOCAL does not have any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Model

from ...conf import LOCAL
from ..rows.raw_keys import may_hide, there_as_text
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..schema.keys import Unreadable
from ..schema.shape import model_of, read_key
from .changes import Change

#: Keys that are looked for at a time. Of some kinds each column is a parameter, of which SQLite takes 32,766 at once;
#: of keys of several columns each is a level of an expression, which may have 1,000 there.
_LOOKED_FOR = 500


def without_a_row(changes: Iterable[Change]) -> list[Change]:
    """Return those changes whose row LOCAL does not have any more."""
    gone: list[Change] = []
    for model, alike in by_model(changes).items():
        for start in range(0, len(alike), _LOOKED_FOR):
            gone += _without_a_row(model, alike[start : start + _LOOKED_FOR])
    return gone


def by_model(changes: Iterable[Change]) -> dict[type[Model], list[Change]]:
    """Group changes by their models; those of models that no longer exist are left out."""
    by_label: dict[str, list[Change]] = {}
    for change in changes:
        by_label.setdefault(change.label, []).append(change)
    found: dict[type[Model], list[Change]] = {}
    for label, alike in by_label.items():
        if (model := model_of(label)) is not None:
            found.setdefault(model, []).extend(alike)
    return found


def _without_a_row(model: type[Model], changes: Sequence[Change]) -> list[Change]:
    keys = {change: read_key(model, change.key, zone_of(LOCAL)) for change in changes}
    there = set(rows_with(model, LOCAL, pk=list(keys.values())).values_list("pk", flat=True))
    missing = {change: key for change, key in keys.items() if key not in there}
    hidden = hidden_rows(model, missing)
    return [change for change in missing if change not in hidden]


def hidden_rows(model: type[Model], missing: Mapping[Change, Any]) -> set[Change]:
    """Return those whose rows are there, though their keys cannot be read, or find nothing."""
    doubtful = [change for change, key in missing.items() if isinstance(key, Unreadable) or may_hide(LOCAL, model)]
    there = there_as_text(LOCAL, model, [change.key for change in doubtful]) if doubtful else ()
    return {change for change in doubtful if change.key in there}
