"""Objects that could not be applied, and are kept: shown with all that is known of them, or forgotten."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet

from ...capture.tables import is_of_links, stored_fields
from ...conf import get_settings, local_alias
from ...exceptions import ObjectNotApplied
from ...key_texts import printable_key
from ...masking import without_credentials
from ...models import Failure, Operation
from ...moment import as_utc
from ..choices import Way
from ..counterparts import counterparts_on
from ..identity.matching import Matching
from ..identity.reference_table import text_of
from ..identity.references import Identity
from ..identity.storing import mark_as_former
from ..log.changes import Change
from ..log.window import highest_id
from ..rows.other_spellings import OtherSpellings
from ..rows.partly_readable import read_in_part, was_read
from ..rows.raw_keys import is_of_one_object
from ..rows.selecting import rows_with
from ..rows.shown_values import UNREADABLE, FieldDifference, difference_across, difference_of
from ..rows.utc import times_in_utc, zone_of
from ..rows.values import local_value, logged_values, same_value
from ..schema.keys import FormerKey, Unreadable
from ..schema.shape import gives_keys_again, model_of, read_key, root_of, shape_of, shown_key
from ..state.chosen_failures import ChosenFailures
from ..state.failures import OTHERS
from ..state.lease import Lease
from ..state.lists import texts_in
from ..state.node import node_id, require_two_nodes

#: Others that wait for an object which are named.
_NAMED = 10


@dataclass(frozen=True)
class KeptObject:
    """An object that could not be applied.

    Attributes:
        id: its number, in the database that keeps it.
        model, key: the label, and the primary key as text, where it comes from.
        operation: ``I``, ``U`` or ``D``: what is to be done with it.
        error: why it could not be.
        attempts, runs: how often it was tried, and in how many runs.
        first_at, last_at: when, for the first and the last time.
        next_at: before that no run tries it without a reason; ``None``: the next one does.
        waits_for: the object that has to arrive before; ``""``: none is known.
    """

    id: int
    model: str
    key: str
    operation: str
    error: str
    attempts: int
    runs: int
    first_at: datetime.datetime
    last_at: datetime.datetime
    next_at: datetime.datetime | None
    waits_for: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        times = {name: getattr(self, name) for name in ("first_at", "last_at", "next_at")}
        return {**asdict(self), **{name: time and time.isoformat() for name, time in times.items()}}


@dataclass(frozen=True)
class KeptInFull:
    """A kept object with its values, and what hangs on it.

    Attributes:
        kept: the object.
        remote_key: the key of the row that it is known to be there; ``None``: none is.
        fields: its values as they are now here, and there, with whether they differ; what foreign keys point to is
            compared, not their numbers. Of what is gone here, the values that the log has kept.
        waiting: others that wait for it, the first ones.
        number_waiting: how many these are.
    """

    kept: KeptObject
    remote_key: str | None
    fields: tuple[tuple[FieldDifference, bool], ...]
    waiting: tuple[str, ...]
    number_waiting: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            **self.kept.as_dict(),
            "remote_key": self.remote_key,
            "fields": [{**asdict(each), "differs": differs} for each, differs in self.fields],
            "waiting": list(self.waiting),
            "number_waiting": self.number_waiting,
        }


def kept_objects(way: Way, chosen: ChosenFailures) -> Iterator[KeptObject]:
    """Yield what is kept of one direction, oldest first; to be called as ``replaying_from(way.source)``."""
    for failure in chosen.rows(way.remote, node_id(local_alias())).iterator():
        yield described(failure)


def described(failure: Failure) -> KeptObject:
    """Return a failure for people."""
    return KeptObject(
        id=failure.pk,
        model=failure.model_label,
        key=printable_key(shown_key(failure.model_label, failure.key)),
        operation=failure.operation,
        error=without_credentials(failure.error),
        attempts=failure.attempts,
        runs=failure.runs,
        first_at=as_utc(failure.first_at),
        last_at=as_utc(failure.last_at),
        next_at=None if failure.next_at is None else as_utc(failure.next_at),
        waits_for=_waits_for(failure),
    )


def _waits_for(failure: Failure) -> str:
    if failure.waits_label == OTHERS:
        return "others that are only right together with it"
    return f"{failure.waits_label} {printable_key(failure.waits_pk)}".strip()


# In full --------------------------------------------------------------------------------------------


def in_full(way: Way, chosen: ChosenFailures) -> Iterator[KeptInFull]:
    """Yield kept objects with all that is known of them; to be called as ``replaying_from(way.source)``."""
    source = node_id(local_alias())
    with times_in_utc(local_alias(), way.remote):
        for failure in chosen.rows(way.remote, source).iterator():
            remote_key, fields = _values(way.remote, failure)
            yield KeptInFull(described(failure), remote_key, fields, *waiting_for(way.remote, failure))


def _name(failure: Failure) -> str:
    return f"{failure.model_label} {printable_key(shown_key(failure.model_label, failure.key))}"


def waiting_for(remote: str, failure: Failure) -> tuple[tuple[str, ...], int]:
    """Return the first of the failures that wait for an object, and how many there are."""
    rows: QuerySet[Failure] = QuerySet(Failure, using=remote).filter(source=failure.source)
    model = model_of(failure.model_label)
    label = failure.model_label if model is None else root_of(model)._meta.label
    waiting = rows.filter(waits_label=label, waits_pk=failure.object_pk).exclude(pk=failure.pk)
    return tuple(_name(each) for each in waiting.order_by("pk")[:_NAMED]), waiting.count()


def _values(remote: str, failure: Failure) -> tuple[str | None, tuple[tuple[FieldDifference, bool], ...]]:
    """Return the key of an object's row on the remote, and the values of both."""
    model = model_of(failure.model_label)
    if model is None:
        return None, ()
    key = read_key(model, failure.key, zone_of(local_alias()))
    rows = [] if isinstance(key, FormerKey | Unreadable) else read_in_part(model, local_alias(), [key])
    if not rows:
        return None, tuple((each, False) for each in logged_fields(model, failure))
    [here] = rows
    if is_of_links(model):
        return None, tuple((_one_side(field, here), False) for field in stored_fields(model))
    remote_key = counterparts_on(remote, model, [key]).get(key)
    there = next(iter(read_in_part(model, remote, [remote_key])), None) if remote_key is not None else None
    return None if there is None else printable_key(text_of(remote_key)), tuple(_compared(remote, here, there))


def _compared(remote: str, here: Model, there: Model | None) -> Iterator[tuple[FieldDifference, bool]]:
    """Yield each field with both values, and whether they differ; without a row there, with LOCAL's alone."""
    identity = Identity(remote, *require_two_nodes(remote), get_settings().identity)
    keys_there = Matching(identity, OtherSpellings(remote)).keys_there
    for field in shape_of(type(here)).copied:
        if there is None or not (was_read(here, field) and was_read(there, field)):
            yield _one_side(field, here), there is not None
            continue
        try:
            expected = keys_there.value_there(here, field)
        except ObjectNotApplied:
            expected = None
        value, found = local_value(here, field), local_value(there, field)
        expected = value if expected is None else expected
        if same_value(field, expected, found):
            yield difference_of(field, value, value), False
        else:
            yield difference_across(field, value, expected, found), True


def _one_side(field: Any, here: Model) -> FieldDifference:
    return difference_of(field, local_value(here, field) if was_read(here, field) else UNREADABLE, None)


def logged_fields(model: type[Model], failure: Failure) -> Iterator[FieldDifference]:
    """Yield what the log has kept of an object that is gone: what tells it, or the ends of a link."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    for text in texts_in(failure.old_values):
        try:
            values = logged_values(model, text)
        except Exception as error:
            if not is_of_one_object(error):
                raise
            continue
        yield from (difference_of(fields[name], value, None) for name, value in values.items() if name in fields)


# Forgetting -----------------------------------------------------------------------------------------


def drop(way: Way, chosen: ChosenFailures) -> list[KeptInFull]:
    """Forget kept failures: the objects stay as they are on the remote, until they change again.

    To be called as ``replaying_from(way.source)``. What could not be deleted is nobody's there from then on: an object
    that is given its key is another one.

    Args:
        way: from which database to which.
        chosen: which failures.

    Returns:
        What was forgotten.

    Raises:
        RunUnderWay: a run may be trying them.
    """
    source = node_id(local_alias())
    with Lease(way.remote, source).held():
        forgotten = list(in_full(way, chosen))
        with transaction.atomic(using=way.remote):
            for failure in chosen.rows(way.remote, source):
                _leave_its_key(way.remote, failure)
            rows_with(Failure, way.remote, pk=[each.kept.id for each in forgotten]).filter(source=source).delete()
    return forgotten


def _leave_its_key(remote: str, failure: Failure) -> None:
    """Keep the reference of what could not be deleted from whatever gets its key."""
    model = model_of(failure.model_label)
    if failure.operation != Operation.DELETE or model is None or FormerKey.is_one(failure.key):
        return
    root = root_of(model)
    key = read_key(model, failure.key, zone_of(local_alias()))
    if isinstance(key, Unreadable) or not gives_keys_again(root, get_settings().identity):
        return
    if not rows_with(root, local_alias(), pk=[key]).exists():  # else the row of a child has gone alone
        ended = highest_id(local_alias()) + 1
        label, former, at = failure.model_label, FormerKey.of(failure.key, ended), as_utc(failure.logged_at)
        mark_as_former(remote, failure.source, Change(label, former, ended, ended, created=False, logged_at=at))
