"""Measuring: contenders take turns, a figure is the median of its runs, a target is met or missed."""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


class WorkNotDone(Exception):
    """A contender did not do the work it was measured for: its figure would be worthless, so there is none."""


@dataclass(frozen=True)
class Figure:
    """One number of one contender.

    Attributes:
        measure: what was measured; figures of the same measure are compared with one another.
        value: median of ``runs``; None when there is none, and ``note`` says why.
    """

    measure: str
    contender: str
    unit: str
    value: float | None
    runs: tuple[float, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Target:
    """A limit that a ratio, or a figure itself, should keep.

    Attributes:
        against: the contender it is compared with; empty: the figure itself.
        value: the ratio or the figure; None when one of the two is missing.
    """

    measure: str
    contender: str
    against: str
    comparison: Literal["<=", ">="]
    limit: float
    value: float | None
    unit: str = "x"

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        kept = self.value <= self.limit if self.comparison == "<=" else self.value >= self.limit
        return "met" if kept else "MISSED"


@dataclass
class Results:
    """What a theme has found.

    Attributes:
        baseline: the contender that ratios are shown against.
        notes: what the reader has to know about how it was measured.
    """

    baseline: str = ""
    figures: list[Figure] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, measure: str, contender: str, unit: str, runs: Iterable[float], note: str = "") -> None:
        """Add a figure, the median of its runs."""
        values = tuple(runs)
        self.figures.append(Figure(measure, contender, unit, statistics.median(values), values, note))

    def add_missing(self, measure: str, contender: str, unit: str, why: str) -> None:
        """Say that there is no figure, and why."""
        self.figures.append(Figure(measure, contender, unit, None, (), why))

    def value_of(self, measure: str, contender: str) -> float | None:
        """Return a figure's value, None without one."""
        return next((f.value for f in self.figures if (f.measure, f.contender) == (measure, contender)), None)

    def compare(
        self, measure: str, contender: str, against: str, comparison: Literal["<=", ">="], limit: float
    ) -> None:
        """Hold the ratio of two contenders' figures against a limit."""
        ours, theirs = self.value_of(measure, contender), self.value_of(measure, against)
        ratio = ours / theirs if ours is not None and theirs else None
        self.targets.append(Target(measure, contender, against, comparison, limit, ratio))

    def limit(self, measure: str, contender: str, comparison: Literal["<=", ">="], limit: float, unit: str) -> None:
        """Hold a figure against a limit."""
        value = self.value_of(measure, contender)
        self.targets.append(Target(measure, contender, "", comparison, limit, value, unit))

    def as_dict(self) -> dict[str, Any]:
        targets = [{**asdict(target), "verdict": target.verdict} for target in self.targets]
        return {**asdict(self), "targets": targets}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Results:
        return cls(
            baseline=stored["baseline"],
            figures=[Figure(**{**figure, "runs": tuple(figure["runs"])}) for figure in stored["figures"]],
            targets=[Target(**{k: v for k, v in t.items() if k != "verdict"}) for t in stored["targets"]],
            notes=list(stored["notes"]),
        )


@dataclass
class Stopwatch:
    """Seconds of one ``timed()`` block."""

    seconds: float = 0.0


@contextmanager
def timed() -> Iterator[Stopwatch]:
    """Measure a block; the garbage of what came before is collected first, and not during it."""
    watch = Stopwatch()
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        yield watch
        watch.seconds = time.perf_counter() - start
    finally:
        gc.enable()


def take_turns(
    contenders: Mapping[str, Callable[[], Mapping[str, float]]], rounds: int, *, warm_up: bool = True
) -> dict[tuple[str, str], list[float]]:
    """Run all contenders, then all again: what disturbs the machine for a while disturbs all of them.

    Args:
        contenders: by name, what does one round and returns its figures by measure.
        rounds: how many rounds count.
        warm_up: do another one first, which does not count.

    Returns:
        The figures of all rounds by measure and contender.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for number in range(0 if warm_up else 1, rounds + 1):
        for name, do_round in contenders.items():
            progress(f"round {number} of {rounds}: {name}" if number else f"warming up: {name}")
            figures = do_round()
            if number:
                for measure, value in figures.items():
                    found.setdefault((measure, name), []).append(value)
    return found


def check(done: object, expected: object, what: str) -> None:
    """Raise ``WorkNotDone`` unless the work was done."""
    if done != expected:
        raise WorkNotDone(f"{what}: {done!r} instead of {expected!r}")


def progress(text: str) -> None:
    """Say on stderr what is being done."""
    print(f"  {text}", file=sys.stderr, flush=True)
