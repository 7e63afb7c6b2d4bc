"""The tables of an object: of multi-table inheritance each logs by itself."""

from __future__ import annotations

from django.db.models import Model

from .relations import links_to_children
from .shape import Shape, parents_of


def family_of(shape: Shape, *, gone: bool = False) -> list[type[Model]]:
    """Return the model and the multi-table parents that share its key: their tables log separately.

    Args:
        shape: of the object.
        gone: it is to be deleted, with the rows that its children's tables have of it.
    """
    children = _children_of(shape.model) if gone else []
    return [*parents_of(shape.model), shape.model, *children]


def labels_of_family(shape: Shape) -> list[str]:
    """Return the labels of the models in whose tables an object has rows."""
    return [model._meta.label for model in family_of(shape)]


def _children_of(model: type[Model]) -> list[type[Model]]:
    """Return the children, and theirs, that share the key of a model."""
    nearest: list[type[Model]] = [link.model for link in links_to_children(model) if link.primary_key]
    return [each for child in nearest for each in (child, *_children_of(child))]
