"""Whether anything tells which object is which: a natural key, or a key that both sides keep."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from functools import lru_cache

from django.apps import apps
from django.db.models import Model

from ...capture.tables import captured_models, is_of_links, natural_manager
from ...conf import get_settings
from ..schema.shape import (
    Shape,
    concrete_of,
    family_labels,
    gives_keys_again,
    is_foreign_key,
    root_of,
    shape_of,
    target_of,
)


def is_told_by_nothing(root: type[Model], kept_keys: Collection[str]) -> bool:
    """Tell whether there are objects below a root of which only the log and references tell which they are."""
    return not all(is_told(shape, kept_keys) for shape in _family(root))


def is_told(shape: Shape, kept_keys: Collection[str]) -> bool:
    """Tell whether a natural key or a kept key tells which object is which."""
    return keeps_key(shape, kept_keys) or natural_manager(shape.model) is not None


def keeps_key(shape: Shape, kept_keys: Collection[str]) -> bool:
    """Tell whether objects of a model have the same primary key on both sides.

    Args:
        kept_keys: labels of models with the option ``identity: 'pk'``.
    """
    return not shape.automatic_key or not {shape.root._meta.label, shape.label}.isdisjoint(kept_keys)


def leaves_kept_graves(root: type[Model], kept_keys: Collection[str]) -> bool:
    """Tell whether an object of a root model that is deleted can be made again, as the same one, under its key."""
    kept = keeps_key(shape_of(root), kept_keys) and not is_of_links(root)
    return kept and not gives_keys_again(root, kept_keys)


def is_told_by_its_key(root: type[Model], kept_keys: Collection[str]) -> bool:
    """Tell whether the key alone tells objects of a root model, or of a child, where they have no reference.

    What has a natural key, too, is told by that before.
    """
    told = keeps_key(shape_of(root), kept_keys)
    return told and all(natural_manager(shape.model) is None for shape in _family(root))


def _family(root: type[Model]) -> list[Shape]:
    models: list[type[Model]] = [apps.get_model(label) for label in family_labels(root)]
    return [shape_of(model) for model in models]


def within_reach(model: type[Model]) -> frozenset[type[Model]]:
    """Return the roots of a model and of all that its objects can bring along."""
    return _within_reach(model, get_settings().captured)


@lru_cache(maxsize=1024)
def _within_reach(model: type[Model], settings: Hashable) -> frozenset[type[Model]]:
    reached: set[type[Model]] = set()
    waiting = [root_of(model)]
    while waiting:
        root = waiting.pop()
        if root in reached:
            continue
        reached.add(root)
        if is_of_links(root):
            waiting += [root_of(target_of(field)[0]) for field in root._meta.concrete_fields if is_foreign_key(field)]
            continue
        for shape in _family(root):
            waiting += [root_of(target_of(field)[0]) for field in shape.foreign_keys]
            waiting += [root_of(parent.model) for parent in shape.other_parents]
            waiting += [root_of(concrete_of(each.model)) for each in shape.key_columns if each.model is not None]
            if any(each.model is None for each in shape.key_columns):
                waiting += [root_of(each) for each in captured_models(get_settings().models)]
    return frozenset(reached)
