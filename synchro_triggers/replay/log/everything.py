"""Every object of the captured models, for the initial load: as changes of long ago, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Model

from ...capture.install import captured_models_on
from ...capture.keys import encode_key
from ...capture.tables import is_of_links
from ...conf import local_alias
from ..rows.raw_keys import is_of_one_object, may_hide, texts_after
from ..rows.selecting import rows_of
from ..schema.relations import models_in_order
from ..schema.shape import read_keys, root_of, shape_of
from .changes import LONG_AGO, Change


def every_object(labels: Sequence[str] | None, size: int) -> Iterator[list[Change]]:
    """Yield a change for each row of LOCAL, ``size`` at a time; what others point to first, links last.

    Pages are read by primary key: nothing holds a transaction on LOCAL meanwhile, and what is written behind a
    page is logged, for the next run.

    Args:
        labels: only these models; ``None``: all that are captured.
        size: how many at a time.
    """
    models = [model for model in captured_models_on(local_alias()) if labels is None or model._meta.label in labels]
    links = [model for model in models if is_of_links(model)]
    objects = [model for model in models if not is_of_links(model)]
    if labels is None:  # an object of multi-table inheritance once, by its root
        objects = list(dict.fromkeys(root_of(model) for model in objects))
    for model in (*(shape.model for shape in models_in_order([shape_of(model) for model in objects])), *links):
        yield from (changes for changes, _ in _of_model(model, size))


def objects_of(
    label: str, size: int, after: str | None = None, *, as_written: bool = False
) -> Iterator[tuple[list[Change], bool]]:
    """Yield the same of one model, and whether they come in the order of their keys' texts.

    Args:
        label: the model's; of what is not captured there is nothing.
        size: how many at a time.
        after: the key of the last one that was looked at before, as it was yielded.
        as_written: whether it came in the order of the texts.
    """
    for model in captured_models_on(local_alias()):
        if model._meta.label == label:
            yield from _of_model(model, size, after, as_written=as_written)


def _of_model(
    model: type[Model], size: int, after: str | None = None, *, as_written: bool = False
) -> Iterator[tuple[list[Change], bool]]:
    if not as_written:
        try:
            for texts in _pages(model, size, after):
                yield _changes(model, texts), False
            return
        except Exception as error:
            if not is_of_one_object(error):
                raise
        after = None  # a key that cannot be read: all of them once more, as triggers write them
    while texts := texts_after(local_alias(), model, after, size):
        yield _changes(model, texts), True
        after = texts[-1]


def _changes(model: type[Model], texts: Sequence[str]) -> list[Change]:
    return [
        Change(model._meta.label, text, number, number, False, LONG_AGO) for number, text in enumerate(texts, start=1)
    ]


def _pages(model: type[Model], size: int, after: str | None) -> Iterator[list[str]]:
    last: Any = None if after is None else read_keys(model, [after])[0]
    while keys := _keys_after(model, last, size):
        hash(tuple(keys))
        texts = [encode_key(key) for key in keys]
        if last in keys or read_keys(model, texts) != keys or not _is_found(model, keys[-1]):
            raise ValueError(f"{model._meta.label} has keys that are not found by what they are read as")
        yield texts
        last = keys[-1]


def _is_found(model: type[Model], key: Any) -> bool:
    """Tell whether what comes after a key can be asked for; SQLite may have it as a blob, or in another spelling."""
    return not may_hide(local_alias(), model) or rows_of(model, local_alias()).filter(pk=key).exists()


def _keys_after(model: type[Model], last: Any, size: int) -> list[Any]:
    rows = rows_of(model, local_alias()).order_by("pk")
    if last is not None:
        rows = rows.filter(pk__gt=last)
    return list(rows.values_list("pk", flat=True)[:size])
