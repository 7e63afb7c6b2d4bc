"""Methods of base classes that step aside for an instance that a replay writes (``Known.steps_aside``).

Such methods do more than to write one row, and what they do beside LOCAL has logged already. What a project's own
model does in its ``save()`` and ``delete()`` is still done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any

from django.db.models import Model

from ...conf import get_settings

_COPIED = "_synchro_copied"


def steps_aside(model: type[Model]) -> bool:
    """Tell whether a base class of the model has such methods."""
    bases = get_settings().registry.steps_aside
    return any(base in bases for base in model.__mro__)


@contextmanager
def rows_as_they_are(instance: Model) -> Iterator[None]:
    """Let those methods do for this one instance what the ones that they override do."""
    bases = get_settings().registry.steps_aside
    for base in type(instance).__mro__:
        for name in bases.get(base, ()):
            _step_aside_for_replay(base, name)
    instance.__dict__[_COPIED] = {base for base in type(instance).__mro__ if base in bases}
    try:
        yield
    finally:
        instance.__dict__.pop(_COPIED, None)


@cache
def _step_aside_for_replay(base: Any, name: str) -> None:
    """Wrap a method once; it looks at the instance, so that other threads' objects are not touched."""
    original = base.__dict__[name]

    @wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if base in self.__dict__.get(_COPIED, ()):
            return getattr(super(base, self), name)(*args, **kwargs)
        return original(self, *args, **kwargs)

    setattr(base, name, method)
