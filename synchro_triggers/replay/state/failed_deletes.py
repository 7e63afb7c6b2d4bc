"""Deletes that have failed, of objects under whose keys the log speaks of something again.

Where the database gives out the keys, that is another object: the failure, and the reference, are from then on those of
an object whose key is another's now. Else it is the same one, which the remote still has, and which is not new. The
numbers of links name nothing: both links are those of one row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from django.db.models import Model

from ...conf import local_alias
from ...key_texts import full_key, stored_key
from ...models import ChangeLog, Failure, Operation
from ..identity.storing import mark_as_former
from ..log.changes import Change
from ..log.given_out_again import Former
from ..log.window import Window, highest_id
from ..rows.selecting import rows_with
from ..schema.keys import FormerKey
from ..schema.shape import gives_keys_again, model_of, root_of
from .lists import texts_in


def part_from_failed_deletes(
    remote: str, source: str, changes: Sequence[Change], kept_keys: Collection[str], *, dry_run: bool
) -> dict[tuple[str, str], Former]:
    """Keep failed deletes apart from what is to be applied next under their keys.

    Args:
        remote, source: where they are kept, and whose.
        changes: of the log; those of objects that the remote has are told so, and what they were.
        kept_keys: labels of models that keep their automatic keys.
        dry_run: write nothing; else it is part of a transaction.

    Returns:
        Labels and keys of the deletes, to the objects that they are of: others have their keys now.
    """
    first: dict[tuple[str, str], Change] = {}
    given_out: set[tuple[str, str]] = set()
    for change in changes:
        at = change.label, _number(change)
        if at not in first or change.first < first[at].first:
            first[at] = change
        if change.created or change.begun:
            given_out.add(at)
    found: dict[tuple[str, str], Former] = {}
    for failure in _failed(remote, source, first):
        at, model = (failure.model_label, failure.key), model_of(failure.model_label)
        root = root_of(model) if model is not None else None
        if root is None or not gives_keys_again(root, kept_keys):
            _continue(failure, (change for change in changes if (change.label, change.key) == at))
            continue
        root_at = root._meta.label, failure.key
        # The row of a child may have gone alone: its parent's is another object's only where its key was given out.
        is_anothers = root_at in given_out or (root_at == at and at in first)
        if is_anothers and failure.operation == Operation.DELETE:
            other = first[root_at]
            begun = other.first if other.logged else highest_id(local_alias()) + 1
            key = FormerKey.of(failure.key, begun)
            found[at] = (root, key, begun)
            if not dry_run:
                _rename(remote, failure, replace(other, label=failure.model_label, key=key))
    return found


def given_out_in(windows: Iterable[Window], deletes: Iterable[Change], kept_keys: Collection[str]) -> set[Change]:
    """Return failed deletes of children under whose keys the log may speak of other objects in windows.

    What a root's own table says of its key is known when its row is read; that of a child may have gone alone.
    """
    asked: dict[type[Model], list[Change]] = {}
    for change in deletes:
        model = model_of(change.label) if change.deleted else None
        if model is not None and (root := root_of(model)) is not model and gives_keys_again(root, kept_keys):
            asked.setdefault(root, []).append(change)
    since = min((window.first for window in windows if window.rows), default=None)
    found: set[Change] = set()
    for root, changes in asked.items() if since is not None else ():
        keys = {change.key for change in changes}
        rows = rows_with(ChangeLog, local_alias(), object_pk=keys).filter(model_label=root._meta.label, id__gte=since)
        given_out = set(rows.filter(operation=Operation.INSERT).values_list("object_pk", flat=True))
        found |= {change for change in changes if change.key in given_out}
    return found


def _number(change: Change) -> str:
    return change.key.number if isinstance(change.key, FormerKey) else change.key


def _failed(remote: str, source: str, at: Iterable[tuple[str, str]]) -> list[Failure]:
    """Return what has failed under some keys, whatever its labels, but for what the remote has never seen."""
    keys = {stored_key(key) for _, key in at}
    return list(rows_with(Failure, remote, object_pk=keys).filter(source=source).exclude(operation=Operation.INSERT))


def _continue(failure: Failure, changes: Iterable[Change]) -> None:
    """Let changes go on from a failure: the remote has what that is about, by what it was then."""
    for change in changes:
        change.created = False
        change.old_values = (*texts_in(failure.old_values), *change.old_values)


def _rename(remote: str, failure: Failure, change: Change) -> None:
    mark_as_former(remote, failure.source, change)
    failure.object_pk, failure.object_text = stored_key(change.key), full_key(change.key)
    renamed = {"object_pk": failure.object_pk, "object_text": failure.object_text}
    rows_with(Failure, remote, pk=[failure.pk]).update(**renamed)
