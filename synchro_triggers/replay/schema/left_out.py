"""Fields that a run leaves out, because one of the two databases does not have their columns yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db.models import Field

_Fields = frozenset["Field[object, object]"]

_left_out: ContextVar[_Fields] = ContextVar("synchro_left_out", default=frozenset())

#: The fields that are left out in this thread; asked for each object, so it is the variable's own method.
left_out = _left_out.get


@contextmanager
def leaving_out(fields: Iterable[Field[object, object]]) -> Iterator[None]:
    """Leave fields out in the block: each side keeps its own values, as of fields that are skipped."""
    token = _left_out.set(frozenset(fields))
    try:
        yield
    finally:
        _left_out.reset(token)
