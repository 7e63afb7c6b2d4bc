"""Fields and models that a run leaves out, because one of the two databases does not have their columns or tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from django.db.models import Field, Model

_Fields = frozenset["Field[object, object]"]

_left_out: ContextVar[_Fields] = ContextVar("synchro_left_out", default=frozenset())
_absent: ContextVar[Mapping[type[Model], str]] = ContextVar("synchro_absent", default={})  # noqa: B039  # never written

#: The fields that are left out in this thread; asked for each object, so it is the variable's own method.
left_out = _left_out.get

#: The models that are left out in this thread as a whole, with the reason: nothing is read of them, or written.
absent = _absent.get


@contextmanager
def leaving_out(
    fields: Iterable[Field[object, object]], models: Mapping[type[Model], str] | None = None
) -> Iterator[None]:
    """Leave fields and models out in the block: each side keeps its own values, as of fields that are skipped."""
    token, of_models = _left_out.set(frozenset(fields)), _absent.set(models or {})
    try:
        yield
    finally:
        _left_out.reset(token)
        _absent.reset(of_models)
