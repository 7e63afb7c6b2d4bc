"""By which relations rows may hang on others."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db.models import Model

from .shape import root_of


@cache
def relations_to(model: type[Model]) -> tuple[Any, ...]:
    """Return the relations by which rows may point to the model's, links of automatic tables left out."""
    return tuple(relation for relation in _all_relations_to(model) if not relation.field.model._meta.auto_created)


@cache
def links_to(model: type[Model]) -> tuple[Any, ...]:
    """Return the foreign keys of automatic many-to-many tables that point to the model."""
    return tuple(relation.field for relation in _all_relations_to(model) if relation.field.model._meta.auto_created)


def _all_relations_to(model: type[Model]) -> list[Any]:
    return [
        relation
        for relation in model._meta.get_fields(include_hidden=True)
        if relation.auto_created and not relation.concrete and (relation.one_to_one or relation.one_to_many)
    ]


@cache
def has_odd_relations(model: type[Model]) -> bool:
    """Tell whether rows may point to the model's in other ways than by one column of their own."""
    if any(hasattr(field, "bulk_related_objects") for field in model._meta.private_fields):  # generic ones
        return True
    return any(len(relation.field.foreign_related_fields) != 1 for relation in _all_relations_to(model))


@cache
def nothing_hangs_on(model: type[Model]) -> bool:
    """Tell whether a delete of the model's rows takes nothing along but links of automatic tables."""
    return not (relations_to(model) or has_odd_relations(model) or model._meta.parents)


@cache
def refers_to_itself(model: type[Model]) -> bool:
    """Tell whether rows of the model, or of its parents or children, may point to its rows."""
    return any(root_of(relation.field.model) is root_of(model) for relation in relations_to(model))
