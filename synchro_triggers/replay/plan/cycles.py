"""Cycles of foreign keys: what stands for a reference until its target has got its key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import Model

from ...exceptions import ObjectNotApplied
from ..errors import BatchBroken
from ..identity.keys_there import KeysThere
from ..schema.made_up import free_values
from ..schema.shape import is_foreign_key, points_to_key, root_of, shape_of


@dataclass(frozen=True)
class Unfinished:
    """A reference to an object further up in a cycle, to be set when that one has got its key.

    Attributes:
        field: the field that holds the key: a foreign key, or a column that holds keys.
        model, key: the local target.
        value: what the field holds on LOCAL.
        again: of what a callable finds in a column, what tells the whole value then.
    """

    field: Any
    model: type[Model]
    key: Any
    value: Any
    again: Callable[[], Any] | None = None

    def value_for(self, remote_key: Any) -> Any:
        """Return what the field shall hold when the target has that key on the remote."""
        if self.again is not None:
            return self.again()
        if not is_foreign_key(self.field):
            return self.value if remote_key == self.key else self.field.to_python(remote_key)
        return remote_key if points_to_key(self.field) else self.value


class StandIns:
    """Finds values for foreign keys whose targets have no key on the remote yet.

    Args:
        keys: what keys that are kept are there.
    """

    def __init__(self, remote: str, keys: KeysThere) -> None:
        self.remote, self._keys = remote, keys

    def value(self, foreign_key: Any, model: type[Model], key: Any, value: Any, *, unheard: bool) -> Any:
        """Return what a foreign key holds until its target, further up in a cycle, has got its key.

        It is nothing, if it may be NULL: no receiver shall see a target that is not there. Where foreign keys are
        checked at the commit, the target need not exist: else it is the key that it will keep, else a value that no
        key is. What nobody hears of has the key that it will keep from the beginning, which saves a write.

        Args:
            model, key: its local target.
            value: what it holds on LOCAL.
            unheard: no receiver hears of the object that points.

        Raises:
            BatchBroken: there is no such value.
            ObjectNotApplied: the remote would not take it.
        """
        if checked_at_once(self.remote, foreign_key):
            if foreign_key.null:
                return None
            raise ObjectNotApplied(
                f"its {foreign_key.name} points to {model._meta.label} {key!r}, which cannot come before it (a cycle), "
                f"and may not be NULL: {self.remote!r} checks foreign keys at once, not at the commit. Let one "
                "foreign key of the cycle be null=True, or db_constraint=False there"
            )
        if foreign_key.null and not unheard:
            return None
        if not points_to_key(foreign_key):
            return value
        kept = self._keys.kept_key(shape_of(root_of(model)), key)
        if kept is not None:
            return kept
        if foreign_key.null:
            return None
        if isinstance(key, int):
            return -key - 1
        made_up = next(free_values(foreign_key, set()), None)
        if made_up is None:
            raise BatchBroken("a cycle of foreign keys cannot be closed: no made-up key fits")
        return made_up

    def is_there_one(self, foreign_key: Any, key: Any) -> bool:
        """Tell whether a foreign key can wait for a target with that local key."""
        if checked_at_once(self.remote, foreign_key):
            return bool(foreign_key.null)
        return foreign_key.null or isinstance(key, int)


def checked_at_once(alias: str, foreign_key: Any) -> bool:
    """Tell whether a database checks a foreign key with each statement: MySQL and MariaDB know no other way."""
    waits = connections[alias].features.can_defer_constraint_checks
    return not waits and getattr(foreign_key, "db_constraint", True)
