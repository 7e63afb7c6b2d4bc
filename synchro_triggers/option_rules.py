"""Rules for conflicts, and what they are over, as settings give them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.module_loading import import_string

#: Characters of the name of a counter, ``app.Model.field``, at the most.
COUNTER_LENGTH = 200

POLICIES = ("newest", "local", "remote")

#: What is merged where both sides have changed an object: nothing, one of both stands; or what each alone has changed.
MERGES = ("objects", "fields")

#: One of ``POLICIES``, or what decides.
Rule = str | Callable[..., Any]


class WrongRule(ValueError):
    """A value is no rule; the message goes on after where it was given."""


def read_callable(value: object) -> Callable[..., Any]:
    """Read a callable, or the dotted path of one.

    Raises:
        WrongRule: it is none.
    """
    if isinstance(value, str) and "." in value:
        try:
            value = import_string(value)
        except ImportError as error:
            raise WrongRule(f"cannot import {value!r}: {error}.") from error
    if callable(value):
        return value
    raise WrongRule(f"must be a callable, or the dotted path of one, not {value!r}.")


def read_rule(value: object) -> Rule:
    """Read a rule: one of ``POLICIES``, a callable, or the dotted path of one.

    Raises:
        WrongRule: it is none.
    """
    if isinstance(value, str) and "." in value:
        try:
            value = import_string(value)
        except ImportError as error:
            raise WrongRule(f"cannot import {value!r}: {error}.") from error
    if callable(value) or (isinstance(value, str) and value in POLICIES):
        return value
    raise WrongRule(f"must be one of {', '.join(map(repr, POLICIES))} or the dotted path of a callable, not {value!r}.")
