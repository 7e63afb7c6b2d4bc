"""What a closer look has found of objects that were not shown to be equal. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .report import FieldDifference


@dataclass(frozen=True)
class Finding:
    """An object that is not the same on both sides; of a link, the keys are pairs.

    Attributes:
        key, remote_key: the primary keys; ``None``: it has none there, or nobody knows it.
        only: ``'local'`` or ``'remote'`` where only that side has it; else ``''``.
        fields: what differs, where both sides have it.
        reason: why it cannot be compared; ``''``: it can.
        row: of a link, the primary key of its row on the side that has it.
    """

    key: Any
    remote_key: Any
    only: str = ""
    fields: tuple[FieldDifference, ...] = ()
    reason: str = ""
    row: Any = None
