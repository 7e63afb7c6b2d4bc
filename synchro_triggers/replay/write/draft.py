"""One object on its way to the remote: what it shall be there, and what it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from ..log.changes import Change
from ..plan.cycles import Unfinished
from ..plan.translation import Values
from ..schema.shape import Shape
from .becoming import Staying


@dataclass
class Draft:
    """One object on its way to the remote.

    Attributes:
        shape, instance: the local object.
        change: what LOCAL logged; ``None``: it is only needed by another one.
        remote_key: its key on the remote; ``None``: it has none yet.
        row: the remote row; ``None``: there is none.
        others: what the keys of parents with keys of their own are there, by the attributes that hold them.
        values: all that it shall hold there, by attribute name.
        unfinished: the references that have to wait.
        changed: the attributes in which the row differs.
        staying: what is left as it is in parents' rows that are there already.
    """

    shape: Shape
    instance: Model
    change: Change | None
    remote_key: Any
    row: Model | None
    others: Values
    values: Values
    unfinished: list[Unfinished]
    changed: list[str] = field(default_factory=list)
    staying: Staying = field(default_factory=Staying)

    @property
    def is_equal(self) -> bool:
        """Whether the row is there and holds all that it shall hold."""
        return self.row is not None and not self.unfinished and not self.changed

    @property
    def is_written(self) -> bool:
        """Whether LOCAL has changed it, or given it another parent: else it is only created where it is missing."""
        return self.change is not None or not self.others.keys().isdisjoint(self.changed)
