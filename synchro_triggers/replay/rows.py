"""Rows of a table, all of them; and those of the remote that were read ahead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Model, QuerySet


def rows_of(model: type[Model], alias: str) -> QuerySet[Any]:
    """Return every row of a model on a database, past its managers: those may hide some (soft deletion)."""
    return QuerySet(model, using=alias)


class ReadAhead:
    """Remote rows that were read for a whole batch, until somebody may have changed them."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._rows: dict[type[Model], dict[Any, Model]] = {}

    def load(self, model: type[Model], keys: Iterable[Any]) -> None:
        """Read the rows of a model that have not been read."""
        known = self._rows.setdefault(model, {})
        missing = [key for key in keys if key not in known]
        if missing:
            known.update({row.pk: row for row in rows_of(model, self._alias).filter(pk__in=missing)})

    def peek(self, model: type[Model], key: Any) -> Model | None:
        """Return a row that has been read."""
        return self._rows.get(model, {}).get(key)

    def take(self, model: type[Model], key: Any) -> Model | None:
        """Return a row, reading it if need be, and forget it: whoever takes it will change it."""
        row = self._rows.get(model, {}).pop(key, None)
        return row if row is not None else rows_of(model, self._alias).filter(pk=key).first()

    def drop(self, model: type[Model], key: Any) -> None:
        """Forget a row that was changed."""
        self._rows.get(model, {}).pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._rows.clear()
