"""What ``synchro_adopt`` has taken over, and what it has left. Pure."""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass, field
from typing import Any

from ...key_texts import printable_key


@dataclass
class AdoptedCounts:
    """Of one model.

    Attributes:
        references: taken over now.
        known: references that were known already, or that nobody needs: a key or a name tells which object is which.
        outdated: references to what is gone on one of the two sides, or that were of another object with the key.
        pending: objects, and owners of links, that the next run is going to look at, since django-synchro has not
            sent them.
        done: objects of which its log speaks, and of which there is nothing to send: they came and went.
    """

    references: int = 0
    known: int = 0
    outdated: int = 0
    pending: int = 0
    done: int = 0


@dataclass(frozen=True)
class LeftRow:
    """A row of django-synchro's that could not be taken over.

    Attributes:
        table: ``reference`` or ``changelog``.
        model: the label, as far as it is known.
        key: the primary key on LOCAL, as text.
        reason: why, for people.
    """

    table: str
    model: str
    key: str
    reason: str


@dataclass
class AdoptionReport:
    """The result of ``adopt()``.

    Attributes:
        models: counts by model label.
        left: what could not be taken over; of references, only those that contradict what is known.
        last_run: when django-synchro has run last; ``None``: never, or nobody knows.
        dry_run: nothing was written.
    """

    dry_run: bool = False
    last_run: datetime.datetime | None = None
    models: dict[str, AdoptedCounts] = field(default_factory=dict)
    left: list[LeftRow] = field(default_factory=list)

    def of(self, label: str) -> AdoptedCounts:
        """Return the counts of a model."""
        return self.models.setdefault(label, AdoptedCounts())

    def leave(self, table: str, model: str | None, key: str, reason: str) -> None:
        """Note a row that cannot be taken over."""
        self.left.append(LeftRow(table, model or "?", printable_key(key), reason))

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as for JSON."""
        return {
            "dry_run": self.dry_run,
            "last_run": None if self.last_run is None else self.last_run.isoformat(),
            "models": {label: asdict(counts) for label, counts in sorted(self.models.items())},
            "left": [asdict(each) for each in self.left],
        }
