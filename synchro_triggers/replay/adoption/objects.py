"""What django-synchro has logged of objects, and not sent, becomes rows of LOCAL's log."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import Model

from ...capture.keys import encode_key
from ...capture.session import replaying_for
from ...capture.tables import natural_manager, skipped_names, stored_fields
from ...conf import local_alias
from ..identity.natural_lookup import ask_by_natural_key
from ..identity.references import Identity
from ..schema.keys import Unreadable
from ..schema.shape import read_keys, shape_of
from ..state.failures import describe
from .links import take_links
from .meant import Meant, meant_by
from .old_tables import DELETION, LINKS_CHANGED, OldRow
from .old_texts import read_natural_key
from .references import is_logged_as_deleted
from .taking import Taking, chunks, existing, is_told_by_key, lineage


def take_pending(taking: Taking) -> None:
    """Look at each object that django-synchro has not sent, and note what LOCAL's log gets."""
    ordered = sorted(taking.pending.items(), key=lambda item: item[0][0])
    for kind, some in groupby(ordered, key=lambda item: item[0][0]):
        for chunk in chunks(some):
            label = chunk[0][1][0].label
            model = taking.model_of(label)
            if model is None:
                _leave_all(taking, label or f"content type {kind}", chunk, "its model is gone")
            elif model._meta.label not in taking.captured:
                _leave_all(taking, model._meta.label, chunk, "its model is not in SYNCHRO_MODELS")
            elif not taking.is_on_both(model):
                _leave_all(taking, model._meta.label, chunk, f"its table is not on both databases ({taking.remote!r})")
            else:
                _take_of_model(taking, model, {key: rows for (_, key), rows in chunk})


def _leave_all(taking: Taking, label: str, chunk: list[tuple[tuple[int, str], list[OldRow]]], reason: str) -> None:
    for (_, key), _ in chunk:
        taking.report.leave("changelog", label, key, reason)


def _take_of_model(taking: Taking, model: type[Model], pending: dict[str, list[OldRow]]) -> None:
    identity, shape = taking.identity(), shape_of(model)
    keys = dict(zip(pending, read_keys(model, list(pending)), strict=True))
    readable = [key for key in keys.values() if not isinstance(key, Unreadable)]
    identity.load(model, readable)
    here = existing(model, local_alias(), readable)
    linked: dict[Any, OldRow] = {}
    for text, rows in pending.items():
        key = keys[text]
        if isinstance(key, Unreadable):
            taking.report.leave("changelog", shape.label, text, "this is no key of the model")
            continue
        at, counts = (shape.root, key), taking.report.of(shape.label)
        known = taking.known(identity, at) is not None
        actions = [row.action for row in rows]
        told = is_told_by_key(identity, shape)
        meant: Meant | None = meant_by(actions, is_here=key in here, known=known, keeps_key=told)
        if meant is Meant.DELETED_UNKNOWN:
            meant = _find_deleted(taking, identity, model, key, rows)
        elif meant is Meant.VANISHED:
            meant = _look_for_vanished(taking, model, key, text)
        if meant is not None:
            _log(taking, model, key, meant, rows)
        if key in here and LINKS_CHANGED in actions:
            linked[key] = next(row for row in reversed(rows) if row.action == LINKS_CHANGED)
        if meant is Meant.NOTHING and key not in linked:
            counts.done += 1
        elif meant is not None:
            counts.pending += 1
    take_links(taking, identity, model, linked)


def _log(taking: Taking, model: type[Model], key: Any, meant: Meant, rows: list[OldRow]) -> None:
    """Note what LOCAL's log gets of one object, of each of its tables."""
    last = rows[-1]
    deleted = next((row for row in reversed(rows) if row.action == DELETION), last)
    text, models = encode_key(key), [each for each in lineage(model) if each._meta.label in taking.captured]
    if meant in {Meant.DELETED, Meant.MADE_AGAIN}:
        for each in reversed(models):
            if meant is Meant.MADE_AGAIN or not existing(each, local_alias(), [key]):
                taking.write(each, text, "D", deleted)
    for each in models:
        if meant in {Meant.NEW, Meant.MADE_AGAIN}:
            taking.write(each, text, "I", last)
        elif meant is Meant.CHANGED:
            taking.write(each, text, "U", last, changed_fields=_all_fields(each))


def _all_fields(model: type[Model]) -> str:
    """Return the names of the fields that are copied: which of them were changed, django-synchro did not know."""
    skipped = skipped_names(model)
    names = (field.name for field in stored_fields(model) if not field.primary_key and field.name not in skipped)
    return ",".join(sorted(names))


def _look_for_vanished(taking: Taking, model: type[Model], key: Any, text: str) -> Meant | None:
    if (shape_of(model).root, key) in taking.gone_there or is_logged_as_deleted(model, key):
        return Meant.NOTHING
    reason = f"it is not on {local_alias()!r}, and the log does not say that it was deleted"
    taking.report.leave("changelog", model._meta.label, text, reason)
    return None


def _find_deleted(taking: Taking, identity: Identity, model: type[Model], key: Any, rows: list[OldRow]) -> Meant | None:
    """Look on the remote, by natural key, for an object that was deleted; store which row it is."""
    if (at := (shape_of(model).root, key)) in taking.gone_there:
        return Meant.NOTHING
    text = next((row.natural_key for row in reversed(rows) if row.natural_key), None)
    manager = natural_manager(model)
    if text is None or manager is None:
        reason = f"deleted, and neither a reference nor a natural key tells which row of {taking.remote!r} it was"
        taking.report.leave("changelog", model._meta.label, rows[-1].key, reason)
        return None
    try:
        natural_key = read_natural_key(text)
        if _ask(manager, local_alias(), natural_key) is not None:
            return Meant.NOTHING  # another object has taken its place
        found = _ask(manager, taking.remote, natural_key)
    except Exception as error:  # the user's manager asks in whatever way
        reason = f"deleted, and its natural key {text} finds nothing: {describe(error)}"
        taking.report.leave("changelog", model._meta.label, rows[-1].key, reason)
        return None
    if found is None or identity.claimed_by(model, found.pk) is not None:
        return Meant.NOTHING
    taking.found[at] = found.pk
    if not taking.dry_run:
        identity.learn(model, key, found.pk)
        with replaying_for(taking.remote, taking.source):
            identity.store()
    return Meant.DELETED


def _ask(manager: Any, alias: str, natural_key: tuple[Any, ...]) -> Any:
    try:
        with transaction.atomic(using=alias):
            return ask_by_natural_key(manager, alias, natural_key)
    except ObjectDoesNotExist:
        return None
