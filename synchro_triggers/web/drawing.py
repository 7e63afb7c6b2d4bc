"""Pure: numbers as lengths and points, for drawings that need no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..replay.status.runs import PastRun

#: The drawing of the last runs: its width and height, and the distance between two runs.
WIDTH, HEIGHT, STEP = 300, 48, 10

#: How many runs it shows.
RUNS = WIDTH // STEP


@dataclass(frozen=True)
class Bar:
    """A model with objects that wait.

    Attributes:
        label: ``app.Model``.
        number: how many objects.
        width: of a hundred.
    """

    label: str
    number: int
    width: float


def bars_of(objects: Mapping[str, int]) -> tuple[Bar, ...]:
    """Return a bar for each model, the longest first.

    Example:
        >>> bars_of({"shop.Item": 5, "shop.Order": 10})
        (Bar(label='shop.Order', number=10, width=100.0), Bar(label='shop.Item', number=5, width=50.0))
    """
    most = max(objects.values(), default=0)
    ordered = sorted(objects.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Bar(label, number, _share(number, most, 100)) for label, number in ordered if number)


@dataclass(frozen=True)
class Column:
    """A run in the drawing: how many objects it wrote.

    Attributes:
        x, y, height: where it stands.
        went_wrong: something has ended it.
        told: the run in words.
    """

    x: float
    y: float
    height: float
    went_wrong: bool
    told: str


@dataclass(frozen=True)
class Sparkline:
    """The last runs, the newest on the right.

    Attributes:
        columns: how many objects each wrote.
        line: points of a line: how many seconds each took.
        number: how many runs.
        most_objects, most_seconds: what the highest column and point stand for.
        wrong: how many runs something has ended.
    """

    columns: tuple[Column, ...]
    line: str
    number: int
    most_objects: int
    most_seconds: float
    wrong: int


def sparkline_of(newest_first: Sequence[PastRun]) -> Sparkline | None:
    """Return the drawing of the last runs; ``None``: there are none."""
    runs = list(newest_first[:RUNS])[::-1]
    if not runs:
        return None
    objects = [run.written + run.deleted + run.links for run in runs]
    seconds = [run.seconds or 0.0 for run in runs]
    most_objects, most_seconds = max(objects), max(seconds)
    left = WIDTH - STEP * len(runs)
    columns = []
    for place, (run, number) in enumerate(zip(runs, objects, strict=True)):
        height = max(1.0, _share(number, most_objects, HEIGHT - 2))
        columns.append(Column(left + STEP * place + 1, HEIGHT - height, height, run.went_wrong, run.describe()))
    points = (
        f"{left + STEP * (place + 0.5):g},{HEIGHT - 1 - _share(each, most_seconds, HEIGHT - 2):g}"
        for place, each in enumerate(seconds)
    )
    return Sparkline(
        columns=tuple(columns),
        line=" ".join(points),
        number=len(runs),
        most_objects=most_objects,
        most_seconds=most_seconds,
        wrong=sum(run.went_wrong for run in runs),
    )


def _share(number: float, most: float, of: float) -> float:
    return round(number / most * of, 2) if most else 0.0
