"""What the columns of an object hold that hold keys: which objects those are."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.db.models.fields.composite import CompositePrimaryKey

from ...conf import local_alias
from ..schema.key_columns import KeyColumn
from ..schema.shape import concrete_of, is_foreign_key, model_of, read_key
from ..schema.stored_types import plain_type


def held_key(column: KeyColumn, instance: Model, alias: str | None = None) -> tuple[type[Model], Any] | None:
    """Return model and key that a column holds; ``None``: nothing that could be translated.

    What a callable finds in a column is not told here.

    Args:
        instance: the object that points.
        alias: the database that it is of; ``None``: LOCAL.
    """
    stored = instance.__dict__
    value = stored.get(column.field.attname)
    if value is None or column.rewrite is not None:
        return None
    model = column.model
    if column.told_by is not None:
        told = stored.get(column.told_by.attname)
        model = None if told is None else _model_told(column.told_by, told, alias or local_alias())
    return None if model is None else target_with(model, value)


def target_with(model: type[Model], value: Any) -> tuple[type[Model], Any] | None:
    """Return the model that is replayed for a model, and the key that a value stands for; ``None``: it has several."""
    concrete = concrete_of(model)
    if type(value) is int and plain_type(concrete._meta.pk) is int:
        return concrete, value
    if isinstance(concrete._meta.pk, CompositePrimaryKey):
        return None
    return concrete, read_key(concrete, str(value))


def _model_told(field: Any, told: Any, alias: str) -> type[Model] | None:
    if not is_foreign_key(field):
        return model_of(str(told))
    from django.contrib.contenttypes.models import ContentType

    try:
        return ContentType.objects.db_manager(alias).get_for_id(told).model_class()
    except ContentType.DoesNotExist:
        return None
