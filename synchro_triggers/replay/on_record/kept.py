"""Kept failures, as people decide about them: tried with the next run, or given up."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from ...capture.own_tables import require_own_tables
from ...conf import local_alias
from ...models import Failure
from ...vendors.vendor import writing_on
from ..state.node import node_id


def kept_on(alias: str) -> QuerySet[Failure]:
    """Return what a database keeps of LOCAL's changes; LOCAL itself: of everybody's."""
    rows: QuerySet[Failure] = QuerySet(Failure, using=alias)
    return rows if alias == local_alias() else rows.filter(source=node_id(local_alias()))


def make_due(alias: str, numbers: Collection[int]) -> list[Failure]:
    """Let the next run try failures, whatever their pauses; return those that are still kept.

    Args:
        alias: the database that keeps them.
        numbers: their ids.

    Raises:
        Refused: tables of this package are missing there.
    """
    require_own_tables(alias)
    with writing_on(alias):
        kept = list(kept_on(alias).filter(pk__in=numbers).order_by("pk"))
        kept_on(alias).filter(pk__in=[each.pk for each in kept]).update(next_at=None)
    return kept


def give_up(alias: str, numbers: Collection[int]) -> list[Failure]:
    """Forget failures: no run brings those changes any more, unless their objects change again; return them.

    Args:
        alias: the database that keeps them.
        numbers: their ids.

    Raises:
        Refused: tables of this package are missing there.
    """
    require_own_tables(alias)
    with writing_on(alias):
        kept = list(kept_on(alias).filter(pk__in=numbers).order_by("pk"))
        kept_on(alias).filter(pk__in=[each.pk for each in kept])._raw_delete(alias)
    return kept
