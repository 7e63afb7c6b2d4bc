"""Taking over from django-synchro: which object is which, and what it has logged and not sent.

Its tables are read, and stay as they are. What it knew of objects is stored on the remote, as a run would have; what it
has not sent becomes rows of LOCAL's log, under the times at which they happened. LOCAL notes up to which row of the old
log that has been done, so that a second adoption finds nothing new, and one that was cut off goes on.
"""

from __future__ import annotations

from collections import defaultdict

from django.db import transaction

from ...capture.own_tables import require_own_tables
from ...conf import local_alias
from ...exceptions import Refused
from ...models import ChangeLog, Node
from ...vendors.vendor import writing_on
from ..readiness import require_ready_triggers
from ..rows.utc import times_in_utc
from ..state.node import require_two_nodes
from ..state.sight import require_sight
from .objects import take_pending
from .old_tables import OldRow, last_run, log_after, require_old_tables
from .references import take_references
from .report import AdoptionReport
from .taking import Taking

#: Log rows that are written at a time.
_AT_ONCE = 1_000


def adopt(remote: str, *, dry_run: bool = False) -> AdoptionReport:
    """Take over what django-synchro (0.5 to 0.7) knew, and what it had not sent.

    Args:
        remote: the alias that was its ``SYNCHRO_REMOTE``.
        dry_run: say what would be done, and write nothing.

    Returns:
        Counts by model, and what could not be taken over.

    Raises:
        Refused: its tables are not on LOCAL, it was adopted for another remote, the triggers on LOCAL do not fit, this
            package's tables are missing, or a database is a copy. Nothing was written.

    Example:
        >>> adopt("main").models["shop.Order"].references
        250
    """
    for alias in (local_alias(), remote):
        require_own_tables(alias)
    require_old_tables()
    require_ready_triggers([remote], dry_run=dry_run)
    require_sight(remote)
    source, target = require_two_nodes(remote)
    adopted = _adopted(source, target, remote)
    times = last_run()
    with times_in_utc(local_alias(), remote):
        rows = log_after(adopted, times.earliest)
        report = AdoptionReport(dry_run, times.earliest)
        taking = Taking(remote, source, target, times, report, _by_object(rows), dry_run)
        take_references(taking)
        take_pending(taking)
    if not dry_run:
        _write(taking, max([adopted, *(row.id for row in rows)]))
    return report


def _by_object(rows: list[OldRow]) -> dict[tuple[int, str], list[OldRow]]:
    found: dict[tuple[int, str], list[OldRow]] = defaultdict(list)
    for row in rows:
        found[row.kind, row.key].append(row)
    return dict(found)


def _adopted(source: str, target: str, remote: str) -> int:
    """Return up to which row django-synchro's log was taken over."""
    text = Node.objects.using(local_alias()).get(node_id=source).adopted
    last, _, whose = text.partition(" ")
    if whose and whose != target:
        raise Refused(
            f"What django-synchro knew was taken over for another remote than {remote!r} already: its references are "
            "of one database. For a further remote, `manage.py synchro_link --remote ALIAS` says which object is which."
        )
    return int(last or 0)


def _write(taking: Taking, last: int) -> None:
    taking.log.sort(key=lambda item: item[0])
    alias = local_alias()
    with writing_on(alias), transaction.atomic(using=alias):
        ChangeLog.objects.using(alias).bulk_create([row for _, row in taking.log], batch_size=_AT_ONCE)
        Node.objects.using(alias).filter(node_id=taking.source).update(adopted=f"{last} {taking.target}")
