"""Instances past ``Model.__init__()``, which takes longer than reading a row.

Relies on: an instance is its class, its ``__dict__`` and its ``ModelState`` (part ``instances`` of ``expected``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from inspect import getattr_static
from typing import Any

from django.db.models import Model
from django.db.models.base import ModelState
from django.db.models.fields.files import FileDescriptor
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.query_utils import DeferredAttribute
from django.db.models.signals import post_init, pre_init

from .expected import is_as_expected

#: What makes an instance.
_MAKERS = ("__new__", "__init__", "__setattr__", "from_db")

#: Descriptors that take a value as it is.
_WITHOUT_OPINION = frozenset({DeferredAttribute, ForeignKeyDeferredAttribute, FileDescriptor})


def is_made_plainly(model: type[Model]) -> bool:
    """Tell whether nobody would notice that an instance was made without ``Model.__init__()``."""
    return _is_plain(model) and not pre_init.has_listeners(model) and not post_init.has_listeners(model)


def bare_instance(model: type[Any], alias: str, *, adding: bool) -> Any:
    """Make an instance without any value; only of a model that ``is_made_plainly``."""
    instance: Any = object.__new__(model)
    vars(instance)["_state"] = state = ModelState()
    state.db, state.adding = alias, adding
    return instance


@contextmanager
def marked(instance: Model, name: str) -> Iterator[None]:
    """Let an instance carry a mark in the block: what a method that was wrapped for all instances looks for."""
    vars(instance)[name] = True
    try:
        yield
    finally:
        vars(instance).pop(name, None)


@cache
def _is_plain(model: type[Any]) -> bool:
    if not is_as_expected("instances"):
        return False
    if any(getattr_static(model, name) is not getattr_static(Model, name) for name in _MAKERS):
        return False
    descriptors = (getattr_static(model, field.attname) for field in model._meta.concrete_fields)
    return all(type(descriptor) in _WITHOUT_OPINION for descriptor in descriptors)
