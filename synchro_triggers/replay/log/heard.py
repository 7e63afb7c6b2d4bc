"""What was seen of all nodes' changes, of all models and of single ones. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .versions import Known


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
