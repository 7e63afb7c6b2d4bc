"""Failures of nodes that LOCAL cannot ask: shown with what LOCAL knows of them, or forgotten."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from ...conf import LOCAL, get_settings
from ...key_texts import printable_key, read_full_key
from ...models import Failure, Operation, Reference
from ...moment import as_utc
from ..identity.storing import mark_as_former
from ..log.changes import Change
from ..rows.selecting import rows_with
from ..schema.keys import FormerKey
from ..schema.shape import gives_keys_again, model_of, root_of
from ..state.chosen_failures import ChosenFailures
from ..state.lease import Lease
from .kept import KeptInFull, KeptObject, described, logged_fields, waiting_for


def kept_objects(node: str, chosen: ChosenFailures) -> Iterator[KeptObject]:
    """Yield what LOCAL keeps of a node, oldest first."""
    for failure in chosen.rows(LOCAL, node).iterator():
        yield described(failure)


def in_full(node: str, chosen: ChosenFailures) -> Iterator[KeptInFull]:
    """Yield kept objects with what LOCAL knows of them; what they are at the node now, nobody here can tell."""
    for failure in chosen.rows(LOCAL, node).iterator():
        reference, model = _reference(failure), model_of(failure.model_label)
        key = None
        if reference is not None:
            key = printable_key(read_full_key(reference.remote_pk, reference.remote_text))
        fields = tuple((each, False) for each in (() if model is None else logged_fields(model, failure)))
        yield KeptInFull(described(failure), key, fields, *waiting_for(LOCAL, failure))


def drop(node: str, chosen: ChosenFailures) -> list[KeptInFull]:
    """Forget failures of a node: the objects stay on LOCAL as they are, until that one sends them again.

    Args:
        node: its identity.
        chosen: which failures.

    Returns:
        What was forgotten.

    Raises:
        RunUnderWay: a run of that node may be trying them.
    """
    if not chosen.rows(LOCAL, node).exists():
        return []
    with Lease(LOCAL, node).held():
        forgotten = list(in_full(node, chosen))
        with transaction.atomic(using=LOCAL):
            for failure in chosen.rows(LOCAL, node):
                _leave_its_key(failure)
            rows_with(Failure, LOCAL, pk=[each.kept.id for each in forgotten]).filter(source=node).delete()
    return forgotten


def _leave_its_key(failure: Failure) -> None:
    """Keep the reference of what could not be deleted from whatever gets its key, if the node is there after all.

    Whether the object has its key again there cannot be asked. Where a child's row went alone it has it still, and the
    reference is left as it is.
    """
    model = model_of(failure.model_label)
    if failure.operation != Operation.DELETE or model is None or FormerKey.is_one(failure.key):
        return
    reference = _reference(failure)
    if reference is not None and gives_keys_again(model, get_settings().identity):
        ended = (reference.logged or 0) + 1
        former, at = FormerKey.of(failure.key, ended), as_utc(failure.logged_at)
        change = Change(failure.model_label, former, ended, ended, created=False, logged_at=at)
        mark_as_former(LOCAL, failure.source, change)


def _reference(failure: Failure) -> Reference | None:
    """Return by what the node's object is known on LOCAL."""
    model = model_of(failure.model_label)
    if model is None:
        return None
    known = rows_with(Reference, LOCAL, local_pk=[failure.object_pk]).filter(source=failure.source, ended=0)
    return known.filter(model_label=root_of(model)._meta.label).exclude(remote_pk__startswith="gone:").first()
