"""What is done about a model's own ``save()`` and ``delete()``: some step aside, and an error of theirs is advised on.

Methods of base classes step aside that do more than to write one row (``Known.steps_aside``): what they do beside,
LOCAL has logged already. What a project's own model does in its ``save()`` and ``delete()`` is still done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, wraps
from inspect import unwrap
from types import CodeType
from typing import Any

from django.db.models import Model

from ...conf import get_settings
from ...django_inside.saving import WRITING
from ..schema.observed import overrides_writing

_COPIED = "_synchro_copied"


def steps_aside(model: type[Model]) -> bool:
    """Tell whether a base class of the model has methods that step aside."""
    bases = get_settings().registry.steps_aside
    return any(base in bases for base in model.__mro__)


@contextmanager
def rows_as_they_are(instance: Model) -> Iterator[None]:
    """Let methods that step aside do for this one instance what the ones that they override do."""
    bases = get_settings().registry.steps_aside
    for base in type(instance).__mro__:
        for name in bases.get(base, ()):
            _step_aside_for_replay(base, name)
    vars(instance)[_COPIED] = {base for base in type(instance).__mro__ if base in bases}
    try:
        yield
    finally:
        vars(instance).pop(_COPIED, None)


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


@contextmanager
def advised(instance: Model) -> Iterator[None]:
    """Add a note to an error of the instance's own methods, which ``write: 'signals'`` passes by."""
    try:
        yield
    except Exception as error:
        model = type(instance)
        if overrides_writing(model) and (method := _own_method_that_raised(error, instance)):
            label = model._meta.label
            error.add_note(f"{method}() of {label} has raised it; {way_past(label)}")
        raise


def way_past(label: str) -> str:
    """Return what a model's users can do where its own methods do not write what LOCAL has."""
    return (
        f"SYNCHRO_OPTIONS = {{{label!r}: {{'write': 'signals'}}}} writes its values past the model's own methods, with "
        "the signals"
    )


def _own_method_that_raised(error: Exception, instance: Model) -> str | None:
    """Return the method of the instance's class that was at work when it was raised; ``None``: one of Django's.

    What the database or a receiver has raised comes from within Django's own method, which comes last then.
    """
    own, of_django = _codes(type(instance))
    last, traceback = None, error.__traceback__
    while traceback is not None:
        frame, traceback = traceback.tb_frame, traceback.tb_next
        code = frame.f_code
        if code in own or code in of_django:
            names = code.co_varnames[:1]
            if not names or frame.f_locals.get(names[0]) is instance:
                last = own.get(code)
    return last


def _codes(model: type[Model]) -> tuple[dict[CodeType, str], dict[CodeType, str]]:
    """Return the code of the methods that write an object, and their names: of the model's classes, and of Django's."""
    own: dict[CodeType, str] = {}
    of_django: dict[CodeType, str] = {}
    for base in model.__mro__:
        for name in WRITING:
            method: Any = vars(base).get(name)
            for function in (method, unwrap(method)) if callable(method) else ():
                if code := getattr(function, "__code__", None):
                    (of_django if base is Model else own)[code] = name
    return own, of_django
