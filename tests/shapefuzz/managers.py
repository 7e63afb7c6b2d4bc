"""Managers that hide rows, forget their database, or look natural keys up by hand."""

from __future__ import annotations

from typing import Any

from django.db import models


class Hiding(models.Manager[Any]):
    """Shows half of the rows."""

    def get_queryset(self) -> models.QuerySet[Any]:
        field = f"mark_{self.model._meta.concrete_model.__name__.lower()}"
        return super().get_queryset().exclude(**{f"{field}__endswith": "5"})


class Forgetful(models.Manager[Any]):
    """Forgets which database it was asked for."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return models.QuerySet(self.model)


class KeyedByHand(models.Manager[Any]):
    """Finds objects by the fields that the model names in ``BY_HAND``."""

    def get_by_natural_key(self, *key: Any) -> Any:
        return self.get(**dict(zip(self.model.BY_HAND, key, strict=True)))


def keys_in(value: Any, key_of: Any, instance: Any) -> Any:
    """Translate the key inside of a model's JSON, as its option ``references`` says."""
    target = next(each.name for each in instance._meta.concrete_fields if each.name.startswith("j_"))[-1].upper()
    if isinstance(value, dict) and "key" in value:
        value["key"] = key_of(f"shapefuzz.{target}", value["key"])
    return value
