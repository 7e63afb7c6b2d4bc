"""Pruning LOCAL: log rows that every known node has passed, and what nobody can ask for when they are gone.

Those are windows, of which no row is left; knowledge that other knowledge says too; tombstones, whose deletion all
have passed; and old conflicts and records of runs.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.db import connections, transaction

from ..conf import local_alias
from ..key_texts import is_digest, key_of_gone
from ..models import ChangeLog, Checkpoint, Conflict, Knowledge, Reference, Run, Window
from .choices import OnProgress
from .identity.arrivals import write_arrivals
from .log.noted_changes import delete_old_notes
from .log.notes import require_texts
from .log.vendor import Condition, log_of
from .rows.selecting import rows_with
from .state.account import Peer, all_of, are_behind, forget_nodes, peers
from .state.node import require_original
from .state.totals import delete_conflicts

#: Log rows that one transaction deletes at the most.
ROWS_AT_A_TIME = 10_000


@dataclass
class Pruned:
    """What was pruned.

    Attributes:
        rows, windows, knowledge, tombstones, conflicts, runs: how many of each.
        kept: how many old log rows were kept for a node that has not passed them, by its name.
        forgotten: the names of the nodes that were taken out of the account.
        dry_run: nothing was written; the number of log rows, and ``forgotten``, say what would have been.
    """

    rows: int = 0
    windows: int = 0
    knowledge: int = 0
    tombstones: int = 0
    conflicts: int = 0
    runs: int = 0
    kept: dict[str, int] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)
    dry_run: bool = False


def prune(
    keep: datetime.timedelta,
    forget: datetime.timedelta | None = None,
    *,
    dry_run: bool = False,
    progress: OnProgress | None = None,
) -> Pruned:
    """Prune LOCAL.

    Args:
        keep: what is younger is kept, whoever has passed it.
        forget: take nodes out of the account that have not passed something older than that. Runs to them, and from
            them, are refused then until there is a way back.
        dry_run: only tell.
        progress: called with the number of log rows that are deleted and of all that will be.

    Raises:
        Refused: LOCAL is a copy, and nobody has said what it is.
    """
    require_original(local_alias())
    now = datetime.datetime.now(datetime.UTC)
    found, known = Pruned(dry_run=dry_run), peers()
    if forget is not None:
        known = _without_those_away(known, now - forget, found)
    connection = connections[local_alias()]
    young, params = log_of(connection).logged_since(now - keep)
    old: Condition = (f"NOT ({young})", params)
    found.kept = dict(_kept_for(known, old))
    if not dry_run:
        found.runs = _delete_runs(now - keep)
        write_arrivals(local_alias())
    if not known and not found.forgotten:
        return found  # nobody has received anything: all of it waits for the first one
    passed = all_of([old, *(peer.has_passed(connection) for peer in known)])
    if dry_run:
        found.rows = _count(passed)
    else:
        _delete_passed(passed, found, progress)
        _delete_what_hangs_on_it(found, now - keep)
    return found


def _without_those_away(known: Sequence[Peer], since: datetime.datetime, found: Pruned) -> list[Peer]:
    """Take the nodes out of the account that have not passed something older; return the others."""
    away = are_behind(known, since)
    found.forgotten = [each.name for each in away]
    if away and not found.dry_run:
        forget_nodes([each.node for each in away])
    return [each for each in known if each not in away]


def _delete_passed(passed: Condition, found: Pruned, progress: OnProgress | None) -> None:
    total = 0 if progress is None else _count(passed)  # that is a walk through the log
    for number in _delete_rows(passed):
        found.rows += number
        if progress is not None:
            progress(found.rows, max(total, found.rows))


def _delete_what_hangs_on_it(found: Pruned, before: datetime.datetime) -> None:
    delete_old_notes(local_alias())
    found.windows = _delete_windows()
    found.knowledge = _delete_knowledge()
    found.tombstones = _delete_tombstones()
    found.conflicts = delete_conflicts(local_alias(), Conflict._base_manager.filter(decided_at__lt=before))


def _delete_runs(before: datetime.datetime) -> int:
    runs = Run._base_manager.using(local_alias()).filter(begun_at__lt=before)
    return int(runs._raw_delete(local_alias()))


def _kept_for(known: Sequence[Peer], old: Condition) -> Iterator[tuple[str, int]]:
    for peer in known:
        text, params = peer.has_passed(connections[local_alias()])
        if rows := _count(all_of([old, (f"NOT ({text})", params), ("origin <> %s", [peer.node])])):
            yield peer.name, rows


def _count(condition: Condition) -> int:
    where, params = condition
    with connections[local_alias()].cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM synchro_triggers_changelog WHERE {where}", params)
        return int(cursor.fetchone()[0])


def _delete_rows(condition: Condition) -> Iterator[int]:
    """Delete log rows in short transactions, from the oldest on; leave the mark that tells them from lost ones."""
    where, params = condition
    connection, after = connections[local_alias()], 0
    some = f"SELECT id FROM synchro_triggers_changelog WHERE id > %s AND {where} ORDER BY id LIMIT {ROWS_AT_A_TIME}"
    while True:
        with transaction.atomic(using=local_alias()), connection.cursor() as cursor:
            cursor.execute(f"SELECT max(id) FROM ({some}) AS those", [after, *params])
            highest = cursor.fetchone()[0]
            if highest is None:
                return
            cursor.execute("UPDATE synchro_triggers_node SET pruned_to = %s WHERE pruned_to < %s", [highest, highest])
            cursor.execute(
                f"DELETE FROM synchro_triggers_changelog WHERE id > %s AND id <= %s AND {where}",
                [after, highest, *params],
            )
            yield int(cursor.rowcount)
            after = highest


def _delete_windows() -> int:
    """Delete the windows of which no row is left, but for the last two: what is told by a number may be one of them."""
    windows = Window._base_manager.using(local_alias()).order_by("number")
    log, gone = log_of(connections[local_alias()]), 0
    numbered = list(windows.values_list("number", "position"))
    for number, position in numbered[:-1]:
        if _count(log.received(position)):
            break
        gone = number
    heard = Checkpoint._base_manager.using(local_alias()).filter(passed__gt=0).values_list("passed", flat=True)
    return windows.filter(number__lt=min([gone, *heard]))._raw_delete(local_alias())


def _delete_knowledge() -> int:
    """Delete what is known of single models, where at least as much is known of all."""
    rows = Knowledge._base_manager.using(local_alias()).filter(came_with=0)
    of_all = dict(rows.filter(model_label="").values_list("author", "number"))
    for source, number, lacks in Checkpoint._base_manager.using(local_alias()).values_list("source", "number", "lacks"):
        if not require_texts(lacks):
            of_all[source] = max(number, of_all.get(source, 0))
    deleted = 0
    for author, number in of_all.items():
        deleted += rows.filter(author=author, number__lte=number).exclude(model_label="")._raw_delete(local_alias())
    return deleted


def _delete_tombstones() -> int:
    """Delete references to rows that are gone, of whose deletion the log says nothing any more: all have passed it."""
    tombstones = Reference._base_manager.using(local_alias()).filter(remote_pk__startswith="gone:").order_by("pk")
    deleted, after = 0, 0
    while some := list(tombstones.filter(pk__gt=after).values_list("pk", "model_label", "remote_pk")[:ROWS_AT_A_TIME]):
        keys: dict[str, dict[str, list[int]]] = {}
        for pk, label, text in some:
            keys.setdefault(label, {}).setdefault(key_of_gone(text), []).append(pk)
        for label, of_label in keys.items():
            logged = rows_with(ChangeLog, local_alias(), object_pk=of_label).filter(model_label=label)
            there = set(logged.values_list("object_pk", flat=True))
            gone = [pk for text, pks in of_label.items() if text not in there and not is_digest(text) for pk in pks]
            still = rows_with(Reference, local_alias(), pk=gone).filter(remote_pk__startswith="gone:")
            deleted += still._raw_delete(local_alias()) if gone else 0  # a run may have brought one back meanwhile
        after = some[-1][0]
    return deleted
