"""What is kept as a run begins: which failures are to be tried now, and which the run has tried."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import connections
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from ...conf import get_settings, local_alias
from ...key_texts import is_digest, read_full_key
from ...models import ChangeLog, Conflict, ConflictKind, Failure, Operation, Reference
from ...moment import as_utc, raw_utc
from ..identity.known import keys_with_references
from ..log.changes import Change
from ..report import SyncReport
from ..rows.own_rows import has_rows
from ..rows.selecting import rows_with
from ..schema.shape import family_labels, model_of, read_key, root_of, shown_key
from .failures import OTHERS
from .lists import pairs_in, texts_in
from .node import node_id

#: Kept failures that are tried before anything else; where there are more, they come after what is new.
_FEW = 20

#: Whose object wants unique values, and the one that has them there.
_CLASH = ("model_label", "local_pk", "remote_pk", "remote_text")

#: Kept failures whose ids are read at a time.
_AT_A_TIME = 1_000


@dataclass(frozen=True)
class Kept:
    """What is kept of one model.

    Attributes:
        number: how many failures.
        next_at: when the first of those that pause is to be tried; ``None``: none pauses.
        due: how many are to be tried now.
        waiting: how many wait for an object that is known.
        created: how many are of objects that the remote has never seen.
        clashes: how many open conflicts over unique values there are.
    """

    number: int
    next_at: datetime.datetime | None
    due: int
    waiting: int
    created: int
    clashes: int


def kept_by_label(remote: str, source: str) -> dict[str, Kept]:
    """Return what is kept of ``source``, by the label of the model."""
    connection = connections[remote]
    field: Any = Failure._meta.get_field("next_at")
    now = field.get_db_prep_value(datetime.datetime.now(datetime.UTC), connection)
    # Asked in each run, and nearly always in vain: through the ORM it would cost ten times as much.
    with connection.cursor() as cursor:
        cursor.execute(_KEPT, [now, source, source])
        rows = cursor.fetchall()
    return {
        label: Kept(number, raw_utc(next_at, connection) if next_at else None, due, waiting, created, clashes)
        for label, number, next_at, due, waiting, created, clashes in rows
    }


_KEPT = """
SELECT model_label, count(*), min(next_at), sum(CASE WHEN next_at IS NULL OR next_at <= %s THEN 1 ELSE 0 END),
       sum(CASE WHEN waits_pk <> '' THEN 1 ELSE 0 END), sum(CASE WHEN operation = 'I' THEN 1 ELSE 0 END),
       (SELECT count(*) FROM synchro_triggers_conflict
         WHERE source = %s AND model_label = synchro_triggers_failure.model_label AND kind = 'unique' AND taken = '')
  FROM synchro_triggers_failure
 WHERE source = %s
 GROUP BY model_label
 ORDER BY model_label
"""


class DueFailures:
    """What a remote keeps of one source's failures.

    Args:
        remote: the alias.
        source: whose they are.
        labels: only failures of these models are tried.
        all_: try those, too, whose pause is not over.
        untried_since: only those that nobody has tried since, by the remote's clock.
        asked: ids of failures that somebody wants to be tried, whatever their pause, and before anything else.

    Attributes:
        kept: what is kept of each model, by label, as it was when the run began.
        first: ids of failures that are due: all of them, or more than are tried before anything else.
        first_changes: what is tried before anything else: all that is due, unless it is too much.
    """

    def __init__(
        self,
        remote: str,
        source: str,
        labels: Collection[str],
        *,
        all_: bool,
        untried_since: datetime.datetime | None = None,
        asked: Sequence[int] = (),
    ) -> None:
        self._remote, self._source, self._labels = remote, source, labels
        self.all_, self._untried_since = all_, untried_since
        self._tried: set[int] = set()
        self._ids: dict[Change, int] = {}
        self.kept = kept_by_label(remote, source)
        chosen = rows_with(Failure, remote, pk=asked).filter(source=source, model_label__in=labels) if asked else ()
        self._asked = sorted(failure.pk for failure in chosen)
        self.first = self.ids(_FEW + 1)
        self.first_changes = self.load(self.first if all_ or len(self.first) <= _FEW else self._asked)

    def ids(self, at_most: int = _AT_A_TIME) -> list[int]:
        """Return the failures that are due and were not tried: those first that the fewest runs have tried."""
        changed = [] if self.all_ else self.untried([*self._asked, *self._ids_of_changed_clashes])
        if not any(each.due or self.all_ for label, each in self.kept.items() if label in self._labels):
            return changed
        failures = self._failures().filter(model_label__in=self._labels).order_by("runs", "id")
        if not self.all_:
            failures = failures.filter(Q(next_at=None) | Q(next_at__lte=datetime.datetime.now(datetime.UTC)))
        if self._untried_since is not None:
            failures = failures.filter(last_at__lt=self._untried_since)
        limit = None if self.all_ else at_most + len(self._tried)
        return self.untried([*changed, *failures.values_list("id", flat=True)[:limit]])

    @cached_property
    def _ids_of_changed_clashes(self) -> list[int]:
        """The failures that pause over unique values of an object that somebody has changed since they were tried."""
        labels = [label for label, each in self.kept.items() if each.next_at and each.clashes and label in self._labels]
        if not labels:
            return []
        pausing = self._failures().filter(model_label__in=labels, next_at__gt=datetime.datetime.now(datetime.UTC))
        records = Conflict._base_manager.using(self._remote).filter(
            source=self._source, model_label__in=labels, kind=ConflictKind.UNIQUE, merged_values=None, taken=""
        )
        holders = {(label, pk): read_full_key(there, text) for label, pk, there, text in records.values_list(*_CLASH)}
        found = []
        for id_, label, pk, last_at in pausing.values_list("id", "model_label", "object_pk", "last_at"):
            model, there = model_of(label), holders.get((label, pk))
            if model is not None and there is not None:
                rows = rows_with(ChangeLog, self._remote, object_pk=[there], model_label=family_labels(root_of(model)))
                if rows.filter(logged_at__gte=last_at).exists():
                    found.append(id_)
        return found

    def ids_of_arrived(self) -> list[int]:
        """Return the failures that wait for an object which has arrived since."""
        if not any(each.waiting for each in self.kept.values()):
            return []
        arrived = Reference.objects.filter(
            source=self._source, model_label=OuterRef("waits_label"), local_pk=OuterRef("waits_pk"), ended=0
        )
        waiting = self._failures().exclude(waits_pk="")
        ids = [*waiting.filter(Exists(arrived)).values_list("id", flat=True), *self._ids_of_arrived_for_others(waiting)]
        return sorted(self.untried(ids))

    def _ids_of_arrived_for_others(self, waiting: QuerySet[Failure]) -> Iterator[int]:
        """Yield those of the failures that wait for an object which others have made, and which has arrived."""
        if not has_rows(Reference, local_alias()):
            return
        by_root: dict[type[Model], dict[Any, list[int]]] = {}
        for id_, label, text in waiting.values_list("id", "waits_label", "waits_pk"):
            if (model := model_of(label)) is not None and not is_digest(text):
                by_root.setdefault(root_of(model), {}).setdefault(read_key(model, text), []).append(id_)
        target, kept_keys = node_id(self._remote), get_settings().identity
        for root, ids in by_root.items():
            for key in keys_with_references(self._remote, self._source, target, kept_keys, root, ids):
                yield from ids[key]

    def ids_with_others(self) -> list[int]:
        """Return the failures that may only be right together with others."""
        return list(self._failures().filter(waits_label=OTHERS).values_list("id", flat=True))

    def untried(self, ids: Iterable[int]) -> list[int]:
        """Return those of the ids that this run has not tried, each once."""
        return [id_ for id_ in dict.fromkeys(ids) if id_ not in self._tried]

    def load(self, ids: Sequence[int]) -> list[Change]:
        """Return kept changes that are still there, oldest first; they count as tried."""
        self._tried.update(ids)
        failures = sorted(rows_with(Failure, self._remote, pk=ids), key=lambda failure: failure.pk) if ids else []
        changes = [_change(failure, position) for position, failure in enumerate(failures, start=1)]
        self._ids.update((change, failure.pk) for change, failure in zip(changes, failures, strict=True))
        return changes

    def put_off(self, changes: Iterable[Change]) -> None:
        """Take changes that were loaded for untried."""
        self._tried -= {self._ids[change] for change in changes}

    def tell_waiting(self, report: SyncReport, failed: int | None) -> None:
        """Put into the report what is kept and was not tried.

        Args:
            report: the run's.
            failed: how many objects the run has tried in vain, all of which are kept; ``None``: it has kept nothing.
        """
        kept = self.kept if failed is None else kept_by_label(self._remote, self._source)
        those = [each for label, each in kept.items() if label in self._labels]
        waiting = sum(each.number for each in those) - (len(self._tried) if failed is None else failed)
        if waiting > 0:
            pauses = [each.next_at for each in those if each.next_at is not None]
            report.wait(waiting, min(pauses, default=None))

    def _failures(self) -> QuerySet[Failure]:
        return Failure.objects.using(self._remote).filter(source=self._source)


def _change(failure: Failure, position: int) -> Change:
    gone = _is_gone(failure)
    return Change(
        label=failure.model_label,
        key=failure.key,
        first=position,
        last=position,
        created=failure.operation == Operation.INSERT,
        certain=gone,
        logged_at=as_utc(failure.logged_at),
        old_values=texts_in(failure.old_values),
        attempts=failure.attempts,
        deleted=gone,
        other_rows=pairs_in(failure.other_rows),
    )


def _is_gone(failure: Failure) -> bool:
    """Tell whether the log says that the object was deleted; of one whose key is another's now it always does."""
    former = shown_key(failure.model_label, failure.key) != failure.key
    return failure.operation == Operation.DELETE or former
