"""Totals that never fall: what all runs have applied, and how many conflicts were decided, whatever was pruned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from django.db import connections, transaction
from django.db.models import Count, F, QuerySet, Sum

from ...conf import LOCAL
from ...models import AppliedTotal, Conflict, ConflictTotal, Node
from ..report import SyncReport
from ..rows.selecting import rows_with

#: Operations that are counted; what was left as it is was not applied.
OPERATIONS = ("created", "updated", "deleted")

#: Conflicts that one transaction deletes at the most.
_AT_A_TIME = 10_000


class Applied(NamedTuple):
    """What is counted apart: a model's label, and one of ``OPERATIONS``."""

    label: str
    operation: str


def applied_in(report: SyncReport) -> Counter[Applied]:
    """Return how many objects a report speaks of that were applied, by model and operation."""
    return +Counter(
        {
            Applied(label, operation): getattr(counts, operation)
            for label, counts in report.models.items()
            for operation in OPERATIONS
        }
    )


def add_applied(remote: str, direction: str, numbers: Mapping[Applied, int]) -> None:
    """Add to the totals on LOCAL, in the transaction of the caller.

    In order, so that two runs that end at one time do not wait for one another.
    """
    with connections[LOCAL].cursor() as cursor:
        for (label, operation), number in sorted(numbers.items()):
            cursor.execute(_ADD, [number, remote, str(direction), label, operation])
            if not cursor.rowcount:
                total = AppliedTotal(
                    remote=remote, direction=direction, model_label=label, operation=operation, number=number
                )
                AppliedTotal._base_manager.using(LOCAL).bulk_create([total])  # nobody is told of it by signals


# Two runs that end at one time may have made a row each: they are summed up when they are read.
_ADD = """
UPDATE synchro_triggers_appliedtotal SET number = number + %s
 WHERE id = (SELECT min(id) FROM synchro_triggers_appliedtotal
              WHERE remote = %s AND direction = %s AND model_label = %s AND operation = %s)
"""


def applied_totals() -> list[tuple[str, str, Applied, int]]:
    """Return what all runs have ever applied: remote, direction, what, number."""
    rows = AppliedTotal._base_manager.using(LOCAL).values_list("remote", "direction", "model_label", "operation")
    summed = rows.annotate(Sum("number")).order_by("remote", "direction", "model_label", "operation")
    return [(remote, way, Applied(label, operation), int(number)) for remote, way, label, operation, number in summed]


def conflict_totals(alias: str, source: str) -> Counter[str]:
    """Return how many conflicts with ``source`` each rule has ever decided on a database."""
    on_record = Conflict._base_manager.using(alias).filter(source=source).order_by()
    found = Counter(dict(on_record.values_list("rule").annotate(Count("pk"))))
    for rule, number in ConflictTotal._base_manager.using(alias).filter(source=source).values_list("rule", "number"):
        found[rule] += number
    return found


def delete_conflicts(alias: str, chosen: QuerySet[Conflict]) -> int:
    """Take conflicts off the record of a database, but not out of its totals; return how many."""
    deleted = 0
    while True:
        with transaction.atomic(using=alias):
            # A lock that two who delete wait for, one for the other: each would count what both have seen.
            Node._base_manager.using(alias).filter(pk=1).update(pruned_to=F("pruned_to"))
            some = list(chosen.using(alias).order_by("pk").values_list("pk", "source", "rule")[:_AT_A_TIME])
            if not some:
                return deleted
            for (source, rule), number in Counter((source, rule) for _, source, rule in some).items():
                _add_conflicts(alias, source, rule, number)
            deleted += rows_with(Conflict, alias, pk=[pk for pk, *_ in some])._raw_delete(alias)


def _add_conflicts(alias: str, source: str, rule: str, number: int) -> None:
    totals = ConflictTotal._base_manager.using(alias)
    if not totals.filter(source=source, rule=rule).update(number=F("number") + number):
        totals.bulk_create([ConflictTotal(source=source, rule=rule, number=number)])
