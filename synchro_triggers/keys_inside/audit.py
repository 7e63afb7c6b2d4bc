"""Logs of other apps: rows that hold the key of an object of any model, and what its values were."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db.models import Model

from .walking import KeyOf, model_of_type, translate_fields, translated

_HERE = "synchro_triggers.keys_inside.audit"

#: The class from which all models inherit: what is muted for it is muted for each of them.
_EVERY_MODEL = "django.db.models.base.Model"

_ABOUT = ("content_type",)


def options_of_auditlog(is_listed: Callable[[type[Model]], bool]) -> dict[str, dict[str, Any]]:
    """Return the options of django-auditlog's log, be it a model of the project's own.

    A log that is synchronised is data: the receivers that write it are not called while a replay writes. One that is
    not is written by them on each side.

    Args:
        is_listed: tells whether a model is synchronised.
    """
    log = _model_of_class("auditlog.models.AbstractLogEntry")
    if log is None:
        return {}
    inside = {"changes": f"{_HERE}.keys_in_changes", "serialized_data": f"{_HERE}.keys_in_one_object"}
    references = {"object_id": _ABOUT, "object_pk": _ABOUT, **inside}
    return {log._meta.label: {"references": references}, **_muted(is_listed(log), "auditlog.receivers")}


def options_of_easyaudit(is_listed: Callable[[type[Model]], bool]) -> dict[str, dict[str, Any]]:
    """Return the options of django-easy-audit's log; see ``options_of_auditlog``."""
    log = _model_of_class("easyaudit.models.CRUDEvent")
    if log is None:
        return {}
    references = {
        "object_id": _ABOUT,
        "object_json_repr": "synchro_triggers.keys_inside.serialized.keys_in_serialized",
        "changed_fields": f"{_HERE}.keys_in_changed_fields",
    }
    return {log._meta.label: {"references": references}, **_muted(is_listed(log), "easyaudit.signals.model_signals")}


def keys_in_changes(value: Any, key_of: KeyOf, instance: Any) -> Any:
    """Translate the keys in a dict of field names with the value before and after.

    Args:
        value: ``{"author": ["None", "7"], "id": ["None", "3"]}``; of many-to-many fields it tells no keys.
        key_of: tells the key on the remote.
        instance: the object whose value it is; its ``content_type`` tells whose fields they are.
    """
    model = model_of_type(instance.content_type_id)
    if model is None or not isinstance(value, dict):
        return value
    for name, target in _key_fields(model):
        if isinstance(pair := value.get(name), list):
            value[name] = [key if key in (None, "None", "") else translated(key_of, target, key) for key in pair]
    return value


def keys_in_one_object(value: Any, key_of: KeyOf, instance: Any) -> Any:
    """Translate the keys in what Django's serialisers make of one object; arguments as of ``keys_in_changes``."""
    model = model_of_type(instance.content_type_id)
    if model is None or not isinstance(value, dict):
        return value
    if value.get("pk") is not None:
        value["pk"] = translated(key_of, model, value["pk"])
    if isinstance(fields := value.get("fields"), dict):
        translate_fields(model, fields, key_of)
    return value


def keys_in_changed_fields(value: Any, key_of: KeyOf, instance: Any) -> Any:
    """Translate the keys of many-to-many fields in a JSON text; of other fields it tells words, no keys."""
    model = model_of_type(instance.content_type_id)
    try:
        changed = json.loads(value)
    except ValueError:
        return value
    if model is None or not isinstance(changed, dict):
        return value
    names = {field.name for field in model._meta.many_to_many}
    told = {name: keys for name, keys in changed.items() if name in names and isinstance(keys, list)}
    if not told:
        return value
    translate_fields(model, told, key_of)
    return json.dumps({**changed, **told})


def _key_fields(model: type[Model]) -> list[tuple[str, type[Model]]]:
    """Return the names of the fields that hold keys: the model's own, and those of its foreign keys' targets."""
    fields: list[Any] = list(model._meta.concrete_fields)
    return [
        (field.name, field.remote_field.model if field.remote_field is not None else field.model)
        for field in fields
        if (field.target_field.primary_key if field.remote_field is not None else field.primary_key)
    ]


def _muted(is_listed: bool, receivers: str) -> dict[str, dict[str, Any]]:
    return {_EVERY_MODEL: {"mute": (receivers,)}} if is_listed else {}


def _model_of_class(path: str) -> type[Model] | None:
    """Return the installed model that is a class, or inherits from it."""
    found = (
        each for each in apps.get_models() if path in {f"{base.__module__}.{base.__name__}" for base in each.__mro__}
    )
    return next(found, None)
