"""Changes that could not be applied: kept on the remote, and tried again, with growing pauses."""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.db import connections
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When

from ...key_texts import full_key, is_encodable, read_full_key, stored_key
from ...models import Failure, Operation, Reference
from ...moment import UtcNow, as_utc, raw_utc
from ..log.changes import Change
from ..rows.own_rows import has_rows
from ..rows.selecting import rows_with
from ..schema.shape import model_of, root_of, shown_key
from .other_rows import as_text, from_text, never_there_with_others

#: Runs that try an object in vain before it pauses: what is mended soon arrives with the next one.
_AT_ONCE = 2

#: Seconds that it pauses then; doubled with each further run, up to a day.
_FIRST_PAUSE, _LONGEST_PAUSE = 10, 24 * 60 * 60

#: What is written in place of a label: it may only be right together with others, whose names are not known.
OTHERS = "*"


@dataclass(frozen=True)
class Kept:
    """What is kept of one model.

    Attributes:
        number: how many failures.
        next_at: when the first of those that pause is to be tried; ``None``: none pauses.
        due: how many are to be tried now.
        waiting: how many wait for an object that is known.
        created: how many are of objects that the remote has never seen.
    """

    number: int
    next_at: datetime.datetime | None
    due: int
    waiting: int
    created: int


def kept_by_label(remote: str, source: str) -> dict[str, Kept]:
    """Return what is kept of ``source``, by the label of the model."""
    connection = connections[remote]
    now = Failure._meta.get_field("next_at").get_db_prep_value(datetime.datetime.now(datetime.UTC), connection)
    # Asked in each run, and nearly always in vain: through the ORM it would cost ten times as much.
    with connection.cursor() as cursor:
        cursor.execute(_KEPT, [now, source])
        rows = cursor.fetchall()
    return {
        label: Kept(number, raw_utc(next_at, connection.vendor) if next_at else None, due, waiting, created)
        for label, number, next_at, due, waiting, created in rows
    }


_KEPT = """
SELECT model_label, count(*), min(next_at), sum(CASE WHEN next_at IS NULL OR next_at <= %s THEN 1 ELSE 0 END),
       sum(CASE WHEN waits_pk <> '' THEN 1 ELSE 0 END), sum(CASE WHEN operation = 'I' THEN 1 ELSE 0 END)
  FROM synchro_triggers_failure
 WHERE source = %s
 GROUP BY model_label
 ORDER BY model_label
"""


def ids_of_due(
    remote: str, source: str, labels: Collection[str], limit: int | None, *, all_: bool = False
) -> list[int]:
    """Return some of the failures that are due, or all: those first that the fewest runs have tried; oldest first."""
    failures = Failure.objects.using(remote).filter(source=source, model_label__in=labels).order_by("runs", "id")
    if not all_:
        failures = failures.filter(Q(next_at=None) | Q(next_at__lte=datetime.datetime.now(datetime.UTC)))
    return list(failures.values_list("id", flat=True)[:limit])


def ids_with_others(remote: str, source: str) -> set[int]:
    """Return the failures that may only be right together with others."""
    return set(Failure.objects.using(remote).filter(source=source, waits_label=OTHERS).values_list("id", flat=True))


def never_there(remote: str, source: str, changes: Sequence[Change]) -> set[tuple[str, str]]:
    """Return the labels and keys of those objects that the remote has never seen, since they have failed as new."""
    rows = rows_with(Failure, remote, object_pk={stored_key(change.key) for change in changes})
    rows = rows.filter(source=source, operation=Operation.INSERT)
    found = rows.values_list("model_label", "object_pk", "object_text")
    others = never_there_with_others(remote, source)
    return others | {(label, read_full_key(key, text)) for label, key, text in found}


def ids_of_arrived(remote: str, source: str) -> set[int]:
    """Return the failures that wait for an object which has arrived since."""
    arrived = Reference.objects.filter(
        source=source, model_label=OuterRef("waits_label"), local_pk=OuterRef("waits_pk")
    )
    failures = Failure.objects.using(remote).filter(source=source).exclude(waits_pk="")
    return set(failures.filter(Exists(arrived)).values_list("id", flat=True))


def load_failures(remote: str, ids: Sequence[int]) -> list[Change]:
    """Return kept changes that are still there, oldest first."""
    failures = sorted(rows_with(Failure, remote, pk=ids), key=lambda failure: failure.pk) if ids else []
    return [
        Change(
            label=failure.model_label,
            key=failure.key,
            first=position,
            last=position,
            created=failure.operation == Operation.INSERT,
            certain=(gone := _is_gone(failure)),
            logged_at=as_utc(failure.logged_at),
            old_values=tuple(json.loads(failure.old_values)) if failure.old_values else (),
            attempts=failure.attempts,
            deleted=gone,
            other_rows=from_text(failure.other_rows),
        )
        for position, failure in enumerate(failures, start=1)
    ]


def pause_after(runs: int) -> datetime.timedelta | None:
    """Return how long an object pauses that so many runs have tried in vain; ``None``: the next one tries it."""
    if runs <= _AT_ONCE:
        return None
    return datetime.timedelta(seconds=min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(runs - _AT_ONCE - 1, 20)))


def _is_gone(failure: Failure) -> bool:
    """Tell whether the log says that the object was deleted; of one whose key is another's now it always does."""
    former = shown_key(failure.model_label, failure.key) != failure.key
    return failure.operation == Operation.DELETE or former


def store_failure(
    remote: str, source: str, change: Change, error: Exception, *, again: bool = False, with_others: bool = False
) -> None:
    """Keep a change that could not be applied, or count one more attempt.

    Args:
        remote, source: where, and whose.
        change: the change.
        error: why.
        again: this run has tried it before.
        with_others: it was refused at the commit: others may have to come with it.
    """
    failures = Failure.objects.using(remote)
    known = failures.filter(source=source, model_label=change.label, object_pk=stored_key(change.key))
    runs, other_rows = known.values_list("runs", "other_rows").first() or (None, None)
    waits_label, waits_pk = getattr(error, "waits_for", ("", ""))
    said: dict[str, object] = {
        "error": describe(error),
        "other_rows": as_text(change.other_rows, other_rows),
        "waits_label": OTHERS if with_others else waits_label,
        "waits_pk": waits_pk and stored_key(waits_pk),
    }
    if runs is not None:
        known.update(**said, **_one_attempt_more(change, runs + (not again)))
        return
    failures.create(
        source=source,
        model_label=change.label,
        object_pk=stored_key(change.key),
        object_text=full_key(change.key),
        operation=_operation(change),
        old_values=json.dumps(change.old_values) if change.old_values else None,
        logged_at=change.logged_at,
        **said,
    )


def _one_attempt_more(change: Change, runs: int) -> dict[str, object]:
    """Return the fields that say of a failure that so many runs have tried it now."""
    pause = pause_after(runs)
    # What the remote has never seen stays an insert, whatever is logged of it meanwhile.
    insert = When(operation=Operation.INSERT, then=Value(Operation.INSERT))
    return {
        "operation": Case(insert, default=Value(_operation(change))),
        "attempts": F("attempts") + 1,
        "last_at": UtcNow(),
        "runs": runs,
        "next_at": None if pause is None else datetime.datetime.now(datetime.UTC) + pause,
    }


def _operation(change: Change) -> Operation:
    if change.created:
        return Operation.INSERT
    return Operation.DELETE if change.deleted else Operation.UPDATE


def concern_failures(remote: str, source: str, changes: Iterable[Change]) -> bool:
    """Tell whether a failure is kept of one of these objects, or waits for one of them, or for whatever comes."""
    if not has_rows(Failure, remote, source=source):
        return False
    concerned = Q(waits_label=OTHERS)
    for label, alike in groupby(changes, lambda change: change.label):
        keys = [stored_key(change.key) for change in alike]
        concerned |= Q(model_label=label, object_pk__in=keys)
        if (model := model_of(label)) is not None:
            concerned |= Q(waits_label=root_of(model)._meta.label, waits_pk__in=keys)
    return Failure.objects.using(remote).filter(concerned, source=source).exists()


def forget_failures(remote: str, source: str, changes: Iterable[Change]) -> None:
    """Remove what has been applied now."""
    by_label: dict[str, list[str]] = {}
    for change in changes:
        by_label.setdefault(change.label, []).append(stored_key(change.key))
    if by_label and has_rows(Failure, remote, source=source):  # nearly always in vain
        for label, keys in by_label.items():
            rows_with(Failure, remote, object_pk=keys).filter(source=source, model_label=label).delete()


def describe(error: Exception) -> str:
    """Return an error as one line: its class, unless the message says it, and its message."""
    text = " ".join(str(error).replace("\0", "\\x00").split())
    if not is_encodable(text):
        text = text.encode(errors="backslashreplace").decode()
    name = type(error).__name__
    if name in {"ObjectNotApplied", "NotYet", "SynchroError", "BatchBroken"} or text.startswith(name):
        return text
    return f"{name}: {text}" if text else name
