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
    return overrides_writing(model)


def deletes_are_observed(model: type[Model]) -> bool:
    """Tell whether somebody listens to deletes of the model: of a child's row, its parents' are announced too."""
    return pre_delete.has_listeners(model) or post_delete.has_listeners(model)


def overrides_writing(model: type[Model]) -> bool:
    """Tell whether a model overrides a method that writes one object."""
    return any(getattr(model, name) is not getattr(Model, name) for name in _METHODS if hasattr(Model, name))


def rows_are_observed(model: type[Model]) -> bool:
    """Tell whether somebody would notice how the rows of a logged table are written, be it one of links."""
    return links_are_observed(model) if model._meta.auto_created else is_observed(model)


def links_are_observed(through: type[Any]) -> bool:
    """Tell whether somebody listens to the changes of an automatic many-to-many table."""
    return bool(m2m_changed.has_listeners(through))
