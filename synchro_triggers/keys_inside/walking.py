"""What the functions of this room share: the fields of a model in a dict of names and values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import Model

from ..conf import local_alias

#: Returns the key on the remote of the object of a model that has this key on LOCAL.
KeyOf = Callable[[Any, Any], Any]


def translated(key_of: KeyOf, model: Any, key: Any) -> Any:
    """Return the key on the remote; what can be no key of such an object, or of no model that is installed, stays.

    Args:
        key_of: tells the key on the remote.
        model: the model, or its label.
        key: what stands for the key.
    """
    try:
        found = apps.get_model(model) if isinstance(model, str) else model
        found._meta.pk.to_python(key)
    except (LookupError, ValidationError):
        return key
    # A list is a natural key, which is the same on both sides, or one of several columns.
    return key if isinstance(key, (list, tuple)) else key_of(found, key)


def model_of_type(key: Any) -> type[Model] | None:
    """Return the model of one of LOCAL's content types; ``None``: there is none, or it is not installed any more."""
    try:
        return ContentType.objects.db_manager(local_alias()).get_for_id(key).model_class()
    except (ContentType.DoesNotExist, ValueError, TypeError):
        return None


def translate_fields(model: type[Model], values: dict[str, Any], key_of: KeyOf) -> None:
    """Translate foreign keys, generic ones and many-to-many fields of a dict, in place.

    Args:
        model: the model.
        values: by field name, as Django's and others' serialisers write them: keys of targets, lists of keys.
        key_of: tells the key on the remote.
    """
    generic = {each.fk_field: each.ct_field for each in model._meta.private_fields if hasattr(each, "ct_field")}
    told = {name: model_of_type(values[type_name]) for name, type_name in generic.items() if values.get(type_name)}
    for name, target in told.items():
        if target is not None and values.get(name) not in (None, ""):
            values[name] = translated(key_of, target, values[name])
    fields: list[Any] = [*model._meta.concrete_fields, *model._meta.many_to_many]
    for field in fields:
        value = values.get(field.name)
        if field.remote_field is None or value is None:
            continue
        if field.many_to_many:
            if isinstance(value, list):
                values[field.name] = [translated(key_of, field.remote_field.model, key) for key in value]
        elif field.target_field.primary_key:
            values[field.name] = translated(key_of, field.remote_field.model, value)
