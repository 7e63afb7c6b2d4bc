"""The signals of writing, as Django would send them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import django
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from ..schema.link_shapes import LinkShape


def send_m2m(shape: LinkShape, owner: Model, keys: set[Any], remote: str, action: str) -> None:
    """Send ``m2m_changed`` as the related manager would."""
    extra = {"raw": False} if django.VERSION >= (6, 1) else {}
    m2m_changed.send(
        sender=shape.through,
        instance=owner,
        action=action,
        reverse=False,
        model=shape.target_model,
        pk_set=keys,
        using=remote,
        **extra,
    )


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
