"""Managers that hide rows, forget their database, or look natural keys up by hand."""

from __future__ import annotations

from functools import partial
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


def _keys_in(target: str, value: Any, key_of: Any, instance: Any) -> Any:
    """Translate the key inside of a model's JSON, as its option ``references`` says.

    Args:
        target: the label of the model whose key it is: the object alone does not tell, for a child has its parent's
            columns too.
    """
    if isinstance(value, dict) and "key" in value:
        value["key"] = key_of(target, value["key"])
    return value


keys_in_a, keys_in_b, keys_in_c, keys_in_d, keys_in_e, keys_in_f, keys_in_g, keys_in_h = (
    partial(_keys_in, f"shapefuzz.{letter}") for letter in "ABCDEFGH"
)
