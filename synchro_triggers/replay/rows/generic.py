"""What a generic foreign key of a local object points to."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.db.models.fields.composite import CompositePrimaryKey

from ...conf import LOCAL
from ..schema.shape import GenericKey, concrete_of, read_key


def generic_target(generic: GenericKey, instance: Model, alias: str = LOCAL) -> tuple[type[Model], Any] | None:
    """Return model and key that a generic foreign key points to; ``None``: to nothing that could be translated.

    Args:
        generic: the key.
        instance: the object that points.
        alias: the database that it is of.
    """
    from django.contrib.contenttypes.models import ContentType

    type_id, value = instance.__dict__.get(generic.type_attname), instance.__dict__.get(generic.object_attname)
    if type_id is None or value is None:
        return None
    try:
        model = ContentType.objects.db_manager(alias).get_for_id(type_id).model_class()
    except ContentType.DoesNotExist:
        return None
    if model is None:
        return None
    concrete = concrete_of(model)
    key = read_key(concrete, str(value))
    return (concrete, key) if not isinstance(concrete._meta.pk, CompositePrimaryKey) else None
