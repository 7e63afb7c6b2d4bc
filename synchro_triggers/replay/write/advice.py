"""What to do about an error that a model's own ``save()`` or ``delete()`` has raised: its text says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import unwrap
from types import CodeType
from typing import Any

from django.db.models import Model

from ...django_inside.saving import WRITING
from ..schema.observed import overrides_writing


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
