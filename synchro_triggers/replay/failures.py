"""Changes that could not be applied: kept on the remote, tried again first in every later run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from django.db.models import Case, F, Value, When
from django.db.models.functions import Now

from ..key_texts import full_key, is_encodable, stored_key
from ..models import Failure, Operation
from ..moment import as_utc
from .changes import Change
from .rows import rows_with
from .shape import shown_key


def load_failures(remote: str, source: str, labels: Sequence[str] | None) -> list[Change]:
    """Return the kept changes of ``source``, oldest first."""
    failures = Failure.objects.using(remote).filter(source=source).order_by("id")
    if labels is not None:
        failures = failures.filter(model_label__in=labels)
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
        )
        for position, failure in enumerate(failures, start=1)
    ]


def _is_gone(failure: Failure) -> bool:
    """Tell whether the log says that the object was deleted; of one whose key is another's now it always does."""
    former = shown_key(failure.model_label, failure.key) != failure.key
    return failure.operation == Operation.DELETE or former


def store_failure(remote: str, source: str, change: Change, error: Exception) -> None:
    """Keep a change that could not be applied, or count one more attempt."""
    failures = Failure.objects.using(remote)
    known = failures.filter(source=source, model_label=change.label, object_pk=stored_key(change.key))
    text = describe(error)
    operation = _operation(change)
    # What the remote has never seen stays an insert, whatever is logged of it meanwhile.
    still = Case(When(operation=Operation.INSERT, then=Value(Operation.INSERT)), default=Value(operation))
    if known.update(operation=still, error=text, attempts=F("attempts") + 1, last_at=Now()):
        return
    failures.create(
        source=source,
        model_label=change.label,
        object_pk=stored_key(change.key),
        object_text=full_key(change.key),
        operation=operation,
        old_values=json.dumps(change.old_values) if change.old_values else None,
        logged_at=change.logged_at,
        error=text,
    )


def _operation(change: Change) -> Operation:
    if change.created:
        return Operation.INSERT
    return Operation.DELETE if change.deleted else Operation.UPDATE


def forget_failures(remote: str, source: str, changes: Iterable[Change]) -> None:
    """Remove what has been applied now."""
    by_label: dict[str, list[str]] = {}
    for change in changes:
        by_label.setdefault(change.label, []).append(stored_key(change.key))
    failures = Failure.objects.using(remote).filter(source=source)
    if by_label and failures.exists():
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
