"""Kept failures that somebody has chosen: by their numbers, or by model and key."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from ...capture.keys import decode_key, encode_key
from ...conf import local_alias
from ...key_texts import printable_key, read_full_key
from ...models import Failure
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..schema.shape import model_of, shown_key


@dataclass(frozen=True)
class ChosenFailures:
    """Which of the kept failures are meant; nothing chosen means all.

    Attributes:
        numbers: their numbers, where they are kept.
        labels: models.
        keys: primary keys of these models' objects, as people write them.
    """

    numbers: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def are_all(self) -> bool:
        """Whether nothing was chosen."""
        return not (self.numbers or self.labels or self.keys)

    def rows(self, remote: str, source: str) -> QuerySet[Failure]:
        """Return them, oldest first, of those that a database keeps of a source."""
        rows: QuerySet[Failure] = QuerySet(Failure, using=remote)
        if self.numbers or self.keys:
            rows = rows_with(Failure, remote, pk=list(self.numbers or self._ids_of_keys(remote, source)))
        if self.labels:
            rows = rows.filter(model_label__in=self.labels)
        return rows.filter(source=source).order_by("pk")

    def ids(self, remote: str, source: str) -> list[int]:
        """Return their numbers."""
        return list(self.rows(remote, source).values_list("pk", flat=True))

    def _ids_of_keys(self, remote: str, source: str) -> list[int]:
        """Return those with one of the keys: triggers of two vendors may write the same key in two ways."""
        wanted = {label: set(self.keys) | set(_as_written(label, self.keys)) for label in self.labels}
        failures: QuerySet[Failure] = QuerySet(Failure, using=remote).filter(source=source, model_label__in=self.labels)
        found = failures.values_list("pk", "model_label", "object_pk", "object_text")
        texts = ((pk, label, shown_key(label, read_full_key(key, text))) for pk, label, key, text in found.iterator())
        return [
            pk
            for pk, label, text in texts
            if not wanted[label].isdisjoint({printable_key(text), *_as_written(label, [text])})
        ]


def attempts_of(remote: str, numbers: Collection[int]) -> dict[int, int]:
    """Return, by their numbers, how often each of these failures has been tried; those that are gone are left out."""
    return dict(rows_with(Failure, remote, pk=list(numbers)).values_list("pk", "attempts"))


def _as_written(label: str, texts: Sequence[str]) -> list[str]:
    """Return keys in the one way that the package writes them; those that cannot be read are left out."""
    model = model_of(label)
    written: list[str] = []
    if model is None:
        return written
    for text in texts:
        try:
            written.append(encode_key(decode_key(model, text, zone_of(local_alias()))))
        except (ValueError, ArithmeticError, TypeError, ValidationError):
            continue
    return written
