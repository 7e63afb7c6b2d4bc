"""Changes that could not be applied: kept on the remote, and tried again, with growing pauses."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Sequence
from itertools import groupby

from django.db.models import Case, F, Q, Value, When

from ...key_texts import full_key, is_encodable, read_full_key, stored_key
from ...masking import without_credentials
from ...models import Afterwards, Conflict, ConflictKind, Failure, Operation
from ...moment import UtcNow
from ..log.changes import Change
from ..rows.own_rows import has_rows
from ..rows.selecting import rows_with
from ..schema.shape import model_of, root_of
from .lists import texts_in
from .other_rows import as_text, come_since, never_there_with_others

#: Runs that try an object in vain before it pauses: what is mended soon arrives with the next one.
_AT_ONCE = 2

#: Seconds that it pauses then; doubled with each further run, up to a day.
_FIRST_PAUSE, _LONGEST_PAUSE = 10, 24 * 60 * 60

#: What is written in place of a label: it may only be right together with others, whose names are not known.
OTHERS = "*"


def never_there(remote: str, source: str, changes: Sequence[Change]) -> set[tuple[str, str]]:
    """Return labels and keys of those of the objects that the remote has never seen: they have failed as new.

    So are those rows of such an object in other tables of which the changes speak. What has reached the remote since,
    as a row of a child that was made later, is left out.
    """
    asked = {(change.label, change.key) for change in changes}
    rows = rows_with(Failure, remote, object_pk={stored_key(key) for _, key in asked})
    rows = rows.filter(source=source, operation=Operation.INSERT)
    found = rows.values_list("model_label", "object_pk", "object_text", "first_at")
    all_failed = {(label, read_full_key(key, text)): first_at for label, key, text, first_at in found}
    failed_at = {at: first_at for at, first_at in all_failed.items() if at in asked}
    never = failed_at.keys() - come_since(remote, source, failed_at) if failed_at else set()
    others = never_there_with_others(remote, source, asked)
    return others | never


def pause_after(runs: int) -> datetime.timedelta | None:
    """Return how long a failure pauses after so many runs in vain; ``None``: not at all, the next run tries it."""
    if runs <= _AT_ONCE:
        return None
    return datetime.timedelta(seconds=min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(runs - _AT_ONCE - 1, 20)))


def store_failure(
    remote: str, source: str, change: Change, error: Exception, *, again: bool = False, with_others: bool = False
) -> None:
    """Keep a change that could not be applied, or count one more attempt.

    Args:
        remote, source: where, and whose.
        change: the change.
        error: why.
        again: this run has tried it before; it counts as an attempt more, and not as a run more.
        with_others: it was refused at the commit: others may have to come with it.
    """
    failures = Failure.objects.using(remote)
    known = failures.filter(source=source, model_label=change.label, object_pk=stored_key(change.key))
    stored = known.values_list("runs", "other_rows", "old_values").first()
    runs, other_rows, old_values = stored or (None, None, None)
    waits_label, waits_pk = getattr(error, "waits_for", ("", ""))
    said: dict[str, object] = {
        "error": without_credentials(describe(error)),
        "other_rows": as_text(change.other_rows, other_rows),
        "old_values": _old_values(change, old_values),
        "waits_label": OTHERS if with_others else waits_label,
        "waits_pk": waits_pk and stored_key(waits_pk),
    }
    if runs is not None:
        known.update(**said, **_one_attempt_more(change, runs + (not again)))
        return
    new = Failure(
        source=source,
        model_label=change.label,
        object_pk=stored_key(change.key),
        object_text=full_key(change.key),
        operation=_operation(change),
        logged_at=change.logged_at,
        **said,
    )
    failures.bulk_create([new])


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


def _old_values(change: Change, stored: str | None) -> str | None:
    """Return all that an object has been since the remote received it: each of its links may be there still."""
    all_ = dict.fromkeys([*texts_in(stored), *change.old_values])
    return json.dumps(list(all_)) if all_ else None


def _operation(change: Change) -> Operation:
    if change.created:
        return Operation.INSERT
    return Operation.DELETE if change.deleted else Operation.UPDATE


def concern_failures(remote: str, source: str, changes: Iterable[Change]) -> bool:
    """Tell whether a failure is kept of one of these objects, or waits for one of them.

    A failure that may only be right together with others, nobody knows which, waits for any of them.
    """
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
            rows = rows_with(Failure, remote, object_pk=keys).filter(source=source, model_label=label)
            if rows._raw_delete(remote):
                _close_clashes(remote, source, label, keys)


def _close_clashes(remote: str, source: str, label: str, keys: Sequence[str]) -> None:
    """Note on record that both objects have been there since, or are gone, which wanted the same unique values."""
    rows = rows_with(Conflict, remote, local_pk=keys).filter(source=source, model_label=label, taken="")
    rows = rows.filter(kind=ConflictKind.UNIQUE, merged_values=None)
    rows.update(taken=Afterwards.SETTLED, taken_at=UtcNow())


def describe(error: Exception) -> str:
    """Return an error as one line: its class, unless the message says it, its message, and notes that it was given."""
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    text = " ".join(f"{error}{notes}".replace("\0", "\\x00").split())
    if not is_encodable(text):
        text = text.encode(errors="backslashreplace").decode()
    name = type(error).__name__
    if name in {"ObjectNotApplied", "NotYet", "SynchroError", "BatchBroken"} or text.startswith(name):
        return text
    return f"{name}: {text}" if text else name
