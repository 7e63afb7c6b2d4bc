"""What Django's own serialiser for JSON has written: ``[{"model": "app.model", "pk": 1, "fields": {…}}]``."""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps

from .walking import KeyOf, translate_fields, translated


def keys_in_serialized(value: Any, key_of: KeyOf, instance: Any) -> Any:
    """Translate the keys in such a text; what is no JSON, or of models that are not installed, stays.

    Args:
        value: the text.
        key_of: tells the key on the remote.
        instance: the object whose value it is.
    """
    try:
        objects = json.loads(value)
    except ValueError:  # another format
        return value
    for each in objects:
        try:
            model = apps.get_model(each["model"])
        except LookupError:
            continue
        if each.get("pk") is not None:
            each["pk"] = translated(key_of, model, each["pk"])
        translate_fields(model, each["fields"], key_of)
    return json.dumps(objects)
