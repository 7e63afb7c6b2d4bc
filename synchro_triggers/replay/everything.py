"""Every object of the captured models, for the initial load: as changes of long ago, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Model

from ..capture.tables import captured_models, encode_key
from ..conf import LOCAL, get_settings
from .changes import LONG_AGO, Change
from .order import models_in_order
from .rows import rows_of
from .shape import root_of, shape_of


def every_object(labels: Sequence[str] | None, size: int) -> Iterator[list[Change]]:
    """Yield a change for each row of LOCAL, ``size`` at a time; what others point to first, links last.

    Pages are read by primary key: nothing holds a transaction on LOCAL meanwhile, and what is written behind a
    page is logged, for the next run.

    Args:
        labels: only these models; ``None``: all that are captured.
        size: how many at a time.
    """
    models = [
        model for model in captured_models(get_settings().models) if labels is None or model._meta.label in labels
    ]
    links = [model for model in models if model._meta.auto_created]
    objects = [model for model in models if not model._meta.auto_created]
    if labels is None:  # an object of multi-table inheritance once, by its root
        objects = list(dict.fromkeys(root_of(model) for model in objects))
    for model in (*(shape.model for shape in models_in_order([shape_of(model) for model in objects])), *links):
        last: Any = None
        while keys := _keys_after(model, last, size):
            yield [
                Change(model._meta.label, encode_key(key), number, number, False, LONG_AGO)
                for number, key in enumerate(keys, start=1)
            ]
            last = keys[-1]


def _keys_after(model: type[Model], last: Any, size: int) -> list[Any]:
    rows = rows_of(model, LOCAL).order_by("pk")
    if last is not None:
        rows = rows.filter(pk__gt=last)
    return list(rows.values_list("pk", flat=True)[:size])
