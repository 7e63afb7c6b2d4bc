"""Who would notice how an object is written: receivers of its signals, and methods of its own.

A model that somebody observes is written object by object, as a receiver expects it. One that nobody observes may
be written many objects at a time, since nobody can tell.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from ...capture.tables import is_of_links
from ...conf import options_of
from ...django_inside.receivers import has_other_listeners
from ...django_inside.saving import WRITING
from ...muted import is_muted


def is_observed(model: type[Model]) -> bool:
    """Tell whether somebody listens to the model's saves or deletes, or it overrides a method that does them."""
    return overrides_writing(model) or _is_heard(model, pre_save, post_save, pre_delete, post_delete)


def deletes_are_observed(model: type[Model]) -> bool:
    """Tell whether somebody listens to deletes of the model: of a child's row, its parents' are announced too."""
    return _is_heard(model, pre_delete, post_delete)


def saves_are_heard(model: type[Model]) -> bool:
    """Tell whether somebody listens to saves of the model."""
    return _is_heard(model, pre_save, post_save)


def overrides_writing(model: type[Model]) -> bool:
    """Tell whether a model overrides a method that writes one object, and it is called."""
    return goes_by_its_methods(model) and any(getattr(model, name) is not getattr(Model, name) for name in WRITING)


def goes_by_its_methods(model: type[Model]) -> bool:
    """Tell whether ``save()`` and ``delete()`` of the model write its objects, and not Django's own past them."""
    return options_of(model).write == "save"


def is_written_in_silence(model: type[Model]) -> bool:
    """Tell whether nobody hears of what happens to the model's objects (``write: 'rows'``)."""
    return options_of(model).write == "rows"


def rows_are_observed(model: type[Model]) -> bool:
    """Tell whether somebody would notice how the rows of a logged table are written, be it one of links."""
    return links_are_observed(model) if is_of_links(model) else is_observed(model)


def links_are_observed(through: type[Any]) -> bool:
    """Tell whether somebody listens to the changes of an automatic many-to-many table."""
    return _is_heard(through, m2m_changed)


def _is_heard(model: type[Any], *signals: Any) -> bool:
    return any(has_other_listeners(signal, model, is_muted) for signal in signals)
