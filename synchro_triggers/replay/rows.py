"""Rows of a table, all of them."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, QuerySet


def rows_of(model: type[Model], alias: str) -> QuerySet[Any]:
    """Return every row of a model on a database, past its managers: those may hide some (soft deletion)."""
    return QuerySet(model, using=alias)
