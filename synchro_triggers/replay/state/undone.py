"""Deletes that a remote has not applied, and that LOCAL has lost: what they spoke of is there again."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import Model, Q

from ...conf import local_alias
from ...key_texts import read_full_key, stored_key
from ...models import Failure, Operation, Reference
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..schema.keys import FormerKey
from ..schema.shape import model_of, read_key


def forget_lost_deletes(remote: str, source: str, is_received: Callable[[int], bool]) -> None:
    """Drop the kept deletes of objects that LOCAL has (again), and give them their references back.

    Args:
        remote: the alias.
        source: LOCAL's identity.
        is_received: tells whether a row of LOCAL's log, as it is now, was received.
    """
    for failure in Failure.objects.using(remote).filter(source=source, operation=Operation.DELETE).iterator():
        model = model_of(failure.model_label)
        key = read_key(model, failure.key, zone_of(local_alias())) if model is not None else None
        former = key if isinstance(key, FormerKey) else None
        if model is None or (former is not None and is_received(former.ended)):
            continue
        if former is not None:
            key = read_key(model, former.number, zone_of(local_alias()))
        if not rows_with(model, local_alias(), pk=[key]).exists():
            continue
        rows_with(Failure, remote, pk=[failure.pk])._raw_delete(remote)
    _give_back_all(remote, source, is_received)


def _give_back_all(remote: str, source: str, is_received: Callable[[int], bool]) -> None:
    """Let references whose keys have not ended, as LOCAL's log is now, be those of what has the keys."""
    ended = Reference.objects.using(remote).filter(source=source, gone=None, ended__gt=0)
    for reference in list(ended):
        model = None if is_received(reference.ended) else model_of(reference.model_label)
        if model is not None:
            text = read_full_key(reference.local_pk, reference.local_text)
            key = read_key(model, text, zone_of(local_alias()))
            if rows_with(model, local_alias(), pk=[key]).exists():
                _give_back(remote, source, model, text, FormerKey.of(text, reference.ended))


def _give_back(remote: str, source: str, root: type[Model], text: str, former: FormerKey) -> None:
    """Let the reference of a former object be that of the one with its key, unless that has an older one."""
    references = Reference.objects.using(remote).filter(source=source, model_label=root._meta.label)
    references = references.filter(local_pk=stored_key(text))
    of_former = references.filter(ended=former.ended)
    if of_former.exists():
        later = references.filter(Q(logged__isnull=True) | Q(logged__gt=former.ended), ended=0)
        later._raw_delete(remote)
        if not references.filter(ended=0).exists():
            of_former.update(ended=0)
