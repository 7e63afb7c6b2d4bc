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
