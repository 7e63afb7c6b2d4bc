"""Who would notice how an object is written: receivers of its signals, and methods of its own.

A model that somebody observes is written object by object, as a receiver expects it. One that nobody observes may
be written many objects at a time, since nobody can tell.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from .local import ObjectTask
from .shape import parents_of

#: Methods of ``Model`` that writing one object calls.
_METHODS = ("save", "save_base", "delete", "_save_table", "_do_insert", "_do_update", "_save_parents")


class Observers:
    """Who observes the objects of a batch, and which models are announced a batch at a time.

    Args:
        batch_signals: labels of the latter.
    """

    def __init__(self, batch_signals: Container[str]) -> None:
        self._batch_signals = batch_signals
        self._observed: dict[tuple[type[Model], bool], bool] = {}

    def sends_signals(self, model: type[Model]) -> bool:
        """Tell whether the model's objects are announced a batch at a time.

        What lies in several tables is not: Django has no bulk write for it that leaves receivers any say.
        """
        return model._meta.label in self._batch_signals and not parents_of(model)

    def notice(self, task: ObjectTask) -> bool:
        """Tell whether somebody would notice how the task's object is written."""
        model, goes = task.shape.model, task.instance is None
        if (model, goes) not in self._observed:
            heard = is_observed(model) or (goes and any(map(deletes_are_observed, parents_of(model))))
            self._observed[model, goes] = heard and not self.sends_signals(model)
        return self._observed[model, goes]


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


def send_pre_save(instance: Any, using: str) -> None:
    """Send what ``save(using=using)`` sends before it writes."""
    pre_save.send(sender=type(instance), instance=instance, raw=False, using=using, update_fields=None)


def send_post_save(instance: Any, using: str, *, created: bool) -> None:
    """Send what ``save(using=using)`` sends when it has written; the instance is then as it would be."""
    instance._state.db = using
    instance._state.adding = False
    post_save.send(
        sender=type(instance), instance=instance, created=created, raw=False, using=using, update_fields=None
    )


@contextmanager
def deletes_announced(instances: Iterable[Any], using: str) -> Iterator[None]:
    """Send ``pre_delete`` for each instance, then do the block, then send ``post_delete`` for each.

    Each gets what its own ``delete(using=using)`` would send.
    """
    for instance in instances:
        pre_delete.send(sender=type(instance), instance=instance, using=using, origin=instance)
    yield
    for instance in instances:
        post_delete.send(sender=type(instance), instance=instance, using=using, origin=instance)


def links_are_observed(through: type[Any]) -> bool:
    """Tell whether somebody listens to the changes of an automatic many-to-many table."""
    return bool(m2m_changed.has_listeners(through))
