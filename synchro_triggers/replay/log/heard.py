"""What was seen of all nodes' changes: of all models, of single ones, and of single objects. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NamedTuple

from .versions import Known, Version, had


class Heard:
    """Whose changes were seen, up to which windows: of all models, and of some more.

    Args:
        rows: authors, model labels (empty: all), and numbers of windows.
    """

    def __init__(self, rows: Iterable[tuple[str, str, int]] = ()) -> None:
        self.of_all: dict[str, int] = {}
        self.of_models: dict[str, dict[str, int]] = {}
        for row in rows:
            self.add(*row)

    def add(self, author: str, label: str, number: int) -> None:
        """Take note of one more row."""
        known = self.of_models.setdefault(label, {}) if label else self.of_all
        known[author] = max(number, known.get(author, 0))

    @property
    def rows(self) -> list[tuple[str, str, int]]:
        """Authors, model labels (empty: all), and numbers of windows."""
        known = {"": self.of_all, **self.of_models}
        return [(author, label, number) for label, some in known.items() for author, number in some.items()]

    def of(self, labels: Collection[str]) -> Known:
        """Return what was seen of objects of a model, whose rows are in tables with these labels."""
        known = dict(self.of_all)
        more = [self.of_models[label] for label in labels if label in self.of_models]
        if more and len(more) == len(labels):  # of all tables
            for author in set.intersection(*map(set, more)):
                known[author] = max(known.get(author, 0), min(each[author] for each in more))
        return known


class Basis(NamedTuple):
    """What the sender of an object had seen of it, where its receiver has not seen as much of all objects.

    Attributes:
        came_with: the number of what it had seen of all (see the model ``Knowledge``).
        upon: versions of the object itself.
    """

    came_with: int | None = None
    upon: tuple[Version, ...] = ()

    def includes(self, version: Version) -> bool:
        """Tell whether a version of the object is one of ``upon``, or older than one of its author's."""
        return any(had(each, version) for each in self.upon)


@lru_cache(maxsize=10_000)
def read_versions(text: str) -> tuple[Version, ...]:
    """Return what ``versions_text()`` has written.

    Example:
        >>> read_versions('[["a", 3, 17]]')
        (Version(author='a', number=3, time=17),)
    """
    return tuple(Version(*each) for each in json.loads(text))


def versions_text(versions: Iterable[Version]) -> str | None:
    """Return versions as they are stored; ``None``: there are none."""
    return json.dumps(sorted(set(versions)), separators=(",", ":")) if versions else None
