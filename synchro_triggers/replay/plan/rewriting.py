"""What columns hold that hold keys: one, or several in what is serialised, which a callable finds.

The callable of the option ``references`` is called twice: while planning, and when the object is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Model

from ...capture.keys import encode_key
from ...exceptions import ObjectNotApplied
from ...key_texts import printable_key
from ..errors import BatchBroken, reraise_if_hopeless
from ..rows.held_keys import held_key, target_with
from ..rows.json_text import JsonText, is_copied_as_text, text_of
from ..rows.values import local_value, same_value
from ..schema.key_columns import KeyColumn

Target = tuple[type[Model], Any]


@dataclass(frozen=True)
class Noted:
    """What a callable has asked about while planning.

    Attributes:
        targets: models and keys.
        error: what it has raised then; it is called again when the object is written, and told if it raises again.
    """

    targets: Collection[Target]
    error: Exception | None = None


def keys_in(column: KeyColumn, instance: Model, remote: str) -> Collection[Target]:
    """Return models and keys of what a column of a local object holds; a callable is asked once for each object."""
    if column.rewrite is None:
        target = held_key(column, instance)
        return () if target is None else (target,)
    return _noted(column, instance, remote).targets


def cannot_be_told(column: KeyColumn, instance: Model, remote: str) -> bool:
    """Tell whether the callable of a column has failed for an object."""
    return column.rewrite is not None and _noted(column, instance, remote).error is not None


def _noted(column: KeyColumn, instance: Model, remote: str) -> Noted:
    name = f"_synchro_keys_in_{column.field.name}"
    found: Noted | None = instance.__dict__.get(name)
    if found is None:
        targets: dict[Target, None] = {}

        def note(target: Target, written: Any) -> Any:
            targets[target] = None
            return written

        try:
            rewritten(column, instance, note, remote)
            found = Noted(tuple(targets))
        except ObjectNotApplied as error:
            found = Noted(tuple(targets), error)
        vars(instance)[name] = found
    return found


def rewritten(column: KeyColumn, instance: Model, key_there: Callable[[Target, Any], Any], remote: str) -> Any:
    """Return what a column of a local object has on the remote; JSON that a callable leaves alone keeps its text.

    Args:
        key_there: gets a target, and its key as it is written here; returns how that is written on the remote.

    Raises:
        ObjectNotApplied: the callable has raised something.
        Exception: what ``key_there`` has raised, whatever the callable makes of it.
    """
    field: Any = column.field
    value = instance.__dict__.get(field.attname)
    if value is None:
        return local_value(instance, field)
    if column.rewrite is None:
        target = held_key(column, instance)
        return value if target is None else key_there(target, value)
    raised: list[Exception] = []

    def key_of(model: Any, key: Any) -> Any:
        try:
            return None if key is None else key_there(_target(model, key), key)
        except Exception as error:
            raised.append(error)
            raise

    try:
        made = column.rewrite(deepcopy(value), key_of, instance)
    except Exception as error:
        failure = _failed(column, instance, raised[0] if raised else error, remote)
        raise failure from (None if failure is error else error)  # an error that is its own cause has no end
    if raised:  # it has gone on as if nothing had happened
        raise _failed(column, instance, raised[0], remote)
    if same_value(field, value, made):
        return local_value(instance, field)
    return JsonText(text_of(field, made) or "null") if is_copied_as_text(field) else made


def _target(model: Any, key: Any) -> Target:
    target = target_with(apps.get_model(model) if isinstance(model, str) else model, key)
    if target is None:
        raise ValueError(f"key_of({model!r}, …): its primary key has several columns, which no key in a value can be")
    return target


def _failed(column: KeyColumn, instance: Model, error: Exception, remote: str) -> Exception:
    """Return what is to be raised: what steers the run as it is, the user's as the object's failure."""
    reraise_if_hopeless(error, remote)
    if isinstance(error, ObjectNotApplied | BatchBroken):
        return error
    called = column.rewrite
    name = f"{getattr(called, '__module__', '')}.{getattr(called, '__qualname__', repr(called))}"
    return ObjectNotApplied(
        f"{name}, which finds the keys in {column.field.name} of {instance._meta.label} "
        f"{printable_key(encode_key(instance.pk))}, has raised {type(error).__name__}: {error}"
    )
