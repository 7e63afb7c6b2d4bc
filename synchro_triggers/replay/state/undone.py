"""Deletes that a remote has not applied, and that LOCAL has lost: what they spoke of is there again."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import Model, Q

from ...capture.keys import encode_key
from ...conf import local_alias
from ...key_texts import stored_key
from ...models import Failure, Operation, Reference
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..schema.keys import FormerKey
from ..schema.shape import model_of, read_key, root_of


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
        if former is not None:
            _give_back(remote, source, root_of(model), encode_key(key), former)
        rows_with(Failure, remote, pk=[failure.pk])._raw_delete(remote)


def _give_back(remote: str, source: str, root: type[Model], text: str, former: FormerKey) -> None:
    """Let the reference of a former object be that of the one with its key, unless that has an older one."""
    references = Reference.objects.using(remote).filter(source=source, model_label=root._meta.label)
    of_former = references.filter(local_pk=stored_key(former))
    if of_former.exists():
        later = references.filter(Q(logged__isnull=True) | Q(logged__gt=former.ended), local_pk=stored_key(text))
        later._raw_delete(remote)
        if not references.filter(local_pk=stored_key(text)).exists():
            of_former.update(local_pk=stored_key(text), local_text=None)
