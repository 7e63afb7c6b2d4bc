"""django-synchro's references become ours: they are stored on the remote, as of what LOCAL has made."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import nullcontext
from itertools import groupby
from typing import Any, NamedTuple

from django.db.models import Model

from ...capture.keys import encode_key
from ...capture.session import replaying_for
from ...conf import local_alias
from ...models import ChangeLog
from ..identity.content_types import are_told_by_names
from ..identity.references import Identity
from ..rows.selecting import rows_with
from ..schema.keys import Unreadable
from ..schema.shape import Shape, family_labels, read_keys, shape_of
from .meant import is_of_former
from .old_tables import DELETION, OldReference, ever_added, references
from .report import AdoptedCounts
from .taking import Taking, existing, is_told_by_key


class _Logged(NamedTuple):
    """What the triggers have written of a key."""

    first: str
    deleted: int
    last: int


class _Pair(NamedTuple):
    """A reference, and its keys as the model reads them."""

    old: OldReference
    key: Any
    remote_key: Any


def take_references(taking: Taking) -> None:
    """Store the references that are worth it; a transaction on the remote for each page of them."""
    for page in references():
        writing = nullcontext() if taking.dry_run else replaying_for(taking.remote, taking.source)
        with writing:
            for kind, some in groupby(sorted(page, key=lambda old: old.kind), key=lambda old: old.kind):
                _take_of_kind(taking, kind, list(some))


def _take_of_kind(taking: Taking, kind: int, some: list[OldReference]) -> None:
    model = taking.model_of(some[0].label)
    if model is None or not taking.is_on_both(model):
        taking.report.of(some[0].label or f"content type {kind}").outdated += len(some)
        return
    shape, counts = shape_of(model), taking.report.of(model._meta.label)
    if are_told_by_names(shape.root):
        counts.known += len(some)
        return
    identity = taking.identity()
    pairs = list(_of_living(taking, shape, kind, some, counts))
    identity.load(model, [pair.key for pair in pairs])
    identity.load_claims(model, [pair.remote_key for pair in pairs])
    for pair in pairs:
        _take(taking, identity, shape, pair, counts)
    if not taking.dry_run:
        identity.log.note_last(model, _spoken_of(shape, [pair.key for pair in pairs]))
        identity.store()


def _take(taking: Taking, identity: Identity, shape: Shape, pair: _Pair, counts: AdoptedCounts) -> None:
    old, key, remote_key = pair
    known, label = identity.known(shape.model, key), shape.label
    if is_told_by_key(identity, shape):
        if key == remote_key:
            counts.known += 1
        else:
            reason = f"the model keeps its key, and this reference leads to {old.remote} on {taking.remote!r}"
            taking.report.leave("reference", label, old.local, reason)
        return
    taking.found[shape.root, key] = remote_key if known is None else known
    claimed = identity.claimed_by(shape.model, remote_key)
    if known is not None:
        counts.known += known == remote_key
        if known != remote_key:
            reason = f"it is {known} on {taking.remote!r} by now, not {old.remote}"
            taking.report.leave("reference", label, old.local, reason)
    elif claimed is not None:
        del taking.found[shape.root, key]
        reason = f"{old.remote} on {taking.remote!r} is known to be {claimed} here"
        taking.report.leave("reference", label, old.local, reason)
    else:
        counts.references += 1
        identity.learn(shape.model, key, remote_key)


def _of_living(
    taking: Taking, shape: Shape, kind: int, some: list[OldReference], counts: AdoptedCounts
) -> Iterator[_Pair]:
    """Yield the references of what is there on both sides, or was deleted here, and is to be deleted there."""
    model = shape.model
    keys, theirs = read_keys(model, [old.local for old in some]), read_keys(model, [old.remote for old in some])
    here = existing(model, local_alias(), keys)
    there = existing(model, taking.remote, theirs)
    logged = _logged(shape, keys)
    made = [old.local for old, key in zip(some, keys, strict=True) if logged.get(key, ("",))[0] == "I"]
    added = ever_added(kind, made)
    for old, key, remote_key in zip(some, keys, theirs, strict=True):
        if isinstance(key, Unreadable) or isinstance(remote_key, Unreadable) or remote_key not in there:
            taking.gone_there.add((shape.root, key))
            counts.outdated += 1
            continue
        said = logged.get(key)
        pending = taking.pending.get((kind, old.local), ())
        actions = [row.action for row in pending if taking.is_surely_pending(row)]
        deleted = any(row.action == DELETION for row in pending) or (said is not None and said.deleted > 0)
        former = is_of_former(actions, logged_first=said.first if said else "", ever_added=old.local in added)
        if former or not (key in here or deleted):
            counts.outdated += 1
        else:
            yield _Pair(old, key, remote_key)


def _logged(shape: Shape, keys: Collection[Any]) -> dict[Any, _Logged]:
    """Return what LOCAL's log says of keys: its first row, its first delete, and its last row."""
    found: dict[Any, _Logged] = {}
    for key, pk, operation in _log_rows(shape, keys):
        known = found.get(key) or _Logged(operation, 0, pk)
        deleted = known.deleted or (pk if operation == "D" else 0)
        found[key] = known._replace(deleted=deleted, last=pk)
    return found


def _spoken_of(shape: Shape, keys: Collection[Any]) -> dict[Any, int]:
    """Return up to which row of LOCAL's log a key was surely that of a reference's object."""
    return {key: said.deleted - 1 if said.deleted else said.last for key, said in _logged(shape, keys).items()}


def _log_rows(shape: Shape, keys: Collection[Any]) -> Iterator[tuple[Any, int, str]]:
    texts = {encode_key(key): key for key in keys if not isinstance(key, Unreadable)}
    rows = rows_with(ChangeLog, local_alias(), object_pk=texts).filter(model_label__in=family_labels(shape.root))
    for text, pk, operation in rows.order_by("id").values_list("object_pk", "id", "operation") if texts else ():
        yield texts[text], pk, operation


def is_logged_as_deleted(model: type[Model], key: Any) -> bool:
    """Tell whether the triggers have logged that an object was deleted."""
    said = _logged(shape_of(model), [key]).get(key)
    return said is not None and said.deleted > 0
