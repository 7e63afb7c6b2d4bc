"""Keys of a table that was read by their texts, as triggers write them; those that lead to no row of it among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from ...capture.keys import logged_texts
from ..rows.raw_keys import may_hide, texts_after, there_as_text
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..schema.keys import Unreadable
from ..schema.shape import read_key, read_keys


def pages_by_texts(alias: str, model: type[Model], size: int) -> Iterator[list[Any]]:
    """Yield the keys of all rows, page by page; ``Unreadable`` are those by which their row is not found.

    SQLite stores what it is given: as a blob, or in another spelling than Django's, which may be there too.
    """
    last: str | None = None
    while texts := texts_after(alias, model, last, size):
        if len(texts) == size and texts[0] != texts[-1]:  # rows whose keys are written alike stay together
            texts = texts[: texts.index(texts[-1])]
        yield _keys(alias, model, texts)
        last = texts[-1]


def _keys(alias: str, model: type[Model], texts: Sequence[str]) -> list[Any]:
    keys = read_keys(model, texts, zone_of(alias))
    if not may_hide(alias, model):
        return keys
    found = set(rows_with(model, alias, pk=keys).values_list("pk", flat=True))
    doubtful = [
        text
        for text, key in zip(texts, keys, strict=True)
        if not isinstance(key, Unreadable) and (key not in found or not _is_usual(model, key, text))
    ]
    hidden = there_as_text(alias, model, doubtful) if doubtful else set()  # else it is gone by now
    times = Counter(texts)  # one of them is found, and cannot be told from the others
    hidden |= {text for text in times if times[text] > 1}
    return [Unreadable(text) if text in hidden else key for text, key in zip(texts, keys, strict=True)]


def why_unreadable(model: type[Model], key: Unreadable, alias: str) -> str:
    """Return what is told of a row whose key leads to none."""
    if isinstance(read_key(model, key, zone_of(alias)), Unreadable):
        return _("its key cannot be read on '%(database)s'") % {"database": alias}
    return _("its key is stored in a form that finds no row on '%(database)s'") % {"database": alias}


def _is_usual(model: type[Model], key: Any, text: str) -> bool:
    usual = logged_texts(model, [key])
    return usual is None or text in usual
