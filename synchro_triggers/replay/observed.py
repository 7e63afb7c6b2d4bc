"""Who would notice how an object is written: receivers of its signals, and methods of its own.

A model that somebody observes is written object by object, as a receiver expects it. One that nobody observes may
be written many objects at a time, since nobody can tell.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

#: Methods of ``Model`` that writing one object calls.
_METHODS = ("save", "save_base", "delete", "_save_table", "_do_insert", "_do_update", "_save_parents")


def is_observed(model: type[Model]) -> bool:
    """Tell whether somebody listens to the model's saves or deletes, or it overrides a method that does them."""
    if any(signal.has_listeners(model) for signal in (pre_save, post_save, pre_delete, post_delete)):
        return True
    return any(getattr(model, name) is not getattr(Model, name) for name in _METHODS if hasattr(Model, name))


def links_are_observed(through: type[Any]) -> bool:
    """Tell whether somebody listens to the changes of an automatic many-to-many table."""
    return bool(m2m_changed.has_listeners(through))
