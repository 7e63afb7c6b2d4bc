"""Kept failures that somebody wants to be tried with the next run, whatever their pauses."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from ...capture.own_tables import require_own_tables
from ...conf import local_alias
from ...models import Failure
from ...vendors.vendor import writing_on
from ..rows.selecting import rows_with
from ..state.node import node_id


def make_due(alias: str, numbers: Collection[int]) -> list[Failure]:
    """Take the pauses of failures away; return those that are still kept.

    Args:
        alias: the database that keeps them: of a remote those of LOCAL's changes, of LOCAL everybody's.
        numbers: their ids.

    Raises:
        Refused: tables of this package are missing there.
    """
    require_own_tables(alias)
    with writing_on(alias):
        kept = list(kept_on(alias, numbers))
        rows_with(Failure, alias, pk=[each.pk for each in kept]).update(next_at=None)
    return kept


def kept_on(alias: str, numbers: Collection[int]) -> QuerySet[Failure]:
    """Return those of the failures that a database keeps, oldest first."""
    rows = rows_with(Failure, alias, pk=list(numbers))
    rows = rows if alias == local_alias() else rows.filter(source=node_id(local_alias()))
    return rows.order_by("pk")
