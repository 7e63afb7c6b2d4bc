"""What a run did: counts per model, and the objects that could not be applied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

COUNTED = ("created", "updated", "deleted", "unchanged", "conflicts", "failed")


@dataclass
class Counts:
    """How many objects of one model were created, updated, … on the remote.

    Of an automatic many-to-many table, ``created`` and ``deleted`` count links.
    """

    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    conflicts: int = 0
    failed: int = 0


@dataclass(frozen=True)
class FailedObject:
    """An object that could not be applied: kept on the remote and tried again first in the next run."""

    model: str
    key: str
    error: str


@dataclass
class SyncReport:
    """The result of ``synchronize()``.

    Attributes:
        remotes: the aliases that were written, in order.
        models: counts per model label.
        failures: the objects that could not be applied, old failures included.
        seconds: how long the run took.
        dry_run: nothing was written; the counts say what would have been.
    """

    remotes: tuple[str, ...] = ()
    models: dict[str, Counts] = field(default_factory=dict)
    failures: list[FailedObject] = field(default_factory=list)
    seconds: float = 0.0
    dry_run: bool = False

    def count(self, label: str, what: str, number: int = 1) -> None:
        counts = self.models.setdefault(label, Counts())
        setattr(counts, what, getattr(counts, what) + number)

    def add(self, other: SyncReport) -> None:
        """Add another report's counts and failures to this one."""
        for label, counts in other.models.items():
            for what, number in asdict(counts).items():
                if number:
                    self.count(label, what, number)
        self.failures.extend(other.failures)

    def fail(self, failures: Iterable[FailedObject]) -> None:
        """Record objects that could not be applied."""
        for failure in failures:
            self.failures.append(failure)
            self.count(failure.model, "failed")

    def _total(self, what: str) -> int:
        return sum(getattr(counts, what) for counts in self.models.values())

    @property
    def created(self) -> int:
        return self._total("created")

    @property
    def updated(self) -> int:
        return self._total("updated")

    @property
    def deleted(self) -> int:
        return self._total("deleted")

    @property
    def unchanged(self) -> int:
        return self._total("unchanged")

    @property
    def conflicts(self) -> int:
        return self._total("conflicts")

    @property
    def failed(self) -> int:
        return self._total("failed")

    @property
    def changed(self) -> bool:
        """Whether there was anything to do: something was written, left alone in a conflict, or failed."""
        return bool(self.created or self.updated or self.deleted or self.conflicts or self.failed)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON."""
        return {
            "remotes": list(self.remotes),
            "changed": self.changed,
            "dry_run": self.dry_run,
            "seconds": round(self.seconds, 3),
            **{what: self._total(what) for what in COUNTED},
            "models": {label: asdict(counts) for label, counts in sorted(self.models.items())},
            "failures": [asdict(failure) for failure in self.failures],
        }
