"""What a comparison found: counts by model, and the objects that differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from ..rows.shown_values import FieldDifference

#: Objects of one model and state that a report keeps by name; beyond that they are counted, so that memory stays flat.
NAMED = 1_000


class State(StrEnum):
    """What is known of an object that is not the same on both sides."""

    DIFFERS = "differs"
    """Nothing is on its way that would make it equal."""
    PENDING = "pending"
    """It is logged, and not yet replayed."""
    KEPT = "kept"
    """It is kept as a failure: it could not be applied."""
    CONFLICT = "conflict"
    """Both sides changed it, and the version of the one that received was kept."""
    CHANGING = "changing"
    """It was changed each time that it was looked at."""


@dataclass(frozen=True)
class Difference:
    """An object that is not the same on both sides.

    Attributes:
        remote: the alias of the remote.
        model: the label, ``app.Model``; of an automatic many-to-many table ``app.Model_field``.
        local_key, remote_key: the primary keys as text, of a link its two ends; ``None``: there is none, or it is not
            known.
        state: what is known of it.
        only: ``'local'`` or ``'remote'`` where only that side has it; else ``''``.
        fields: the fields that differ, where both sides have it.
        reason: what else there is to say, for people: the error of a kept object, or why it cannot be compared.
    """

    remote: str
    model: str
    local_key: str | None
    remote_key: str | None
    state: State
    only: str = ""
    fields: tuple[FieldDifference, ...] = ()
    reason: str = ""


@dataclass
class ModelComparison:
    """Objects of one model; of a model that inherits from another one's table, those of its own table.

    Attributes:
        local, remote: how many rows each side has.
        equal: how many are the same on both.
        differing, only_local, only_remote: what differs, and what only one side has, for no known reason.
        pending, kept, conflicts, changing: what is not the same for a known reason: see ``State``.
        not_compared: names of the fields that are not compared: skipped ones.
    """

    local: int = 0
    remote: int = 0
    equal: int = 0
    differing: int = 0
    only_local: int = 0
    only_remote: int = 0
    pending: int = 0
    kept: int = 0
    conflicts: int = 0
    changing: int = 0
    not_compared: tuple[str, ...] = ()

    @property
    def unexplained(self) -> int:
        """How many objects differ, or are on one side only, for no known reason."""
        return self.differing + self.only_local + self.only_remote

    @property
    def explained(self) -> int:
        """How many are not the same for a known reason."""
        return self.pending + self.kept + self.conflicts + self.changing


#: Which count an object goes into that is not the same for a known reason.
_COUNTED_AS = {
    State.PENDING: "pending",
    State.KEPT: "kept",
    State.CONFLICT: "conflicts",
    State.CHANGING: "changing",
}


@dataclass
class ComparisonReport:
    """The result of ``compare()``.

    Attributes:
        remotes: the aliases that LOCAL was compared with, in order.
        models: counts by alias and model label.
        differences: the objects that are not the same; of each remote, model and state the first ``NAMED``.
        left_out: by alias, the fields that were not compared, because one side does not have their columns, or waits
            for the values.
        logged: how many objects ``repair`` has logged.
        repair: ``''``, ``'local'`` or ``'remote'``: where it has logged them.
        seconds: how long it took.
    """

    remotes: tuple[str, ...] = ()
    models: dict[str, dict[str, ModelComparison]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    logged: int = 0
    repair: str = ""
    seconds: float = 0.0
    _named: dict[tuple[str, str, State], int] = field(default_factory=dict, repr=False)

    @property
    def differs(self) -> bool:
        """Whether anything differs for no known reason."""
        return any(each.unexplained for each in self._all())

    @property
    def equal(self) -> bool:
        """Whether both sides hold the same, with nothing pending, kept, in conflict or left out."""
        return not any(self.left_out.values()) and not any(each.unexplained or each.explained for each in self._all())

    def total(self, name: str) -> int:
        """Return the sum of one count over all remotes and models: ``report.total('pending')``."""
        return sum(int(getattr(each, name)) for each in self._all())

    def _all(self) -> Iterator[ModelComparison]:
        return (each for models in self.models.values() for each in models.values())

    def begin(self, remote: str, label: str, not_compared: tuple[str, ...]) -> ModelComparison:
        """Start to count a model's objects; what was found before is forgotten."""
        self.differences = [each for each in self.differences if (each.remote, each.model) != (remote, label)]
        for state in State:
            self._named.pop((remote, label, state), None)
        counts = self.models.setdefault(remote, {})[label] = ModelComparison(not_compared=not_compared)
        return counts

    def add(self, found: Difference) -> None:
        """Count an object that is not the same, and keep it by name if there are not too many."""
        counts = self.models[found.remote][found.model]
        name = _COUNTED_AS.get(found.state) or (f"only_{found.only}" if found.only else "differing")
        setattr(counts, name, getattr(counts, name) + 1)
        at = found.remote, found.model, found.state
        self._named[at] = self._named.get(at, 0) + 1
        if self._named[at] <= NAMED:
            self.differences.append(found)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "remotes": list(self.remotes),
            "equal": self.equal,
            "differs": self.differs,
            "models": {
                remote: {label: asdict(counts) for label, counts in models.items()}
                for remote, models in self.models.items()
            },
            "differences": [asdict(each) for each in self.differences],
            "left_out": {remote: list(names) for remote, names in self.left_out.items() if names},
            "repair": self.repair,
            "logged": self.logged,
            "seconds": round(self.seconds, 3),
        }


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
