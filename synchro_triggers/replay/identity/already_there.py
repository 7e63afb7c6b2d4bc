"""Objects that are about to be created, or deleted, and that the remote has in another spelling of their keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connections
from django.db.models import Model

from ...exceptions import ObjectNotApplied
from ...key_texts import printable_key
from ..rows.other_spellings import Names, OtherSpellings, Values, as_written
from ..rows.selecting import stored_field
from ..schema.shape import Shape
from .keys_there import NaturalKeys
from .natural_lookup import named_paths


def already_there(
    spellings: OtherSpellings, natural_keys: NaturalKeys, shape: Shape, objects: Sequence[tuple[Any, Any]]
) -> dict[Any, ObjectNotApplied]:
    """Return the errors of those objects that the remote has already, under a key in another spelling.

    Args:
        spellings: what is known of them.
        natural_keys: those that objects would have on the remote.
        shape: the objects' model.
        objects: local instances without a row on the remote, and the primary keys that they would have there;
            ``None``: it gives them out.

    Returns:
        By local key.
    """
    keys = {instance.pk: key for instance, key in objects if key is not None}
    found = there_by_key(spellings, natural_keys.remote, shape, keys)
    return found | there_by_natural_key(
        spellings, natural_keys, shape, [each for each, _ in objects if each.pk not in found]
    )


def there_by_key(
    spellings: OtherSpellings, remote: str, shape: Shape, keys: Mapping[Any, Any]
) -> dict[Any, ObjectNotApplied]:
    """Return the errors of those objects whose primary key the remote has in another spelling.

    Args:
        keys: local keys to those that the objects would have on the remote.
    """
    names = tuple(field.attname for field in shape.key)
    if not spellings.may_hide(shape.root, names):
        return {}
    values = {key: tuple(there) if shape.composite_key else (there,) for key, there in keys.items()}
    return _errors(spellings, remote, shape.root, names, values)


def there_by_natural_key(
    spellings: OtherSpellings, natural_keys: NaturalKeys, shape: Shape, instances: Sequence[Any]
) -> dict[Any, ObjectNotApplied]:
    """Return the errors of those objects whose natural key the remote has in another spelling.

    Args:
        instances: as they are, or were, on LOCAL.
    """
    names = tuple(attname for _, attname in named_paths(shape.model))
    if not names or not spellings.may_hide(shape.model, names):
        return {}
    keys = natural_keys.of_many(shape.model, instances)
    return _errors(spellings, natural_keys.remote, shape.model, names, keys)


def _errors(
    spellings: OtherSpellings, remote: str, model: type[Model], names: Names, keys: Mapping[Any, Values]
) -> dict[Any, ObjectNotApplied]:
    there = spellings.among(model, names, set(keys.values()))
    return {key: _told(remote, model, names, values, there[values]) for key, values in keys.items() if values in there}


def _told(remote: str, model: type[Model], names: Names, values: Values, texts: Mapping[str, str]) -> ObjectNotApplied:
    connection = connections[remote]
    others = []
    for name, text in texts.items():
        usual = as_written(stored_field(model, name), values[names.index(name)], connection)
        others.append(f"{name} {printable_key(text)!r} (Django writes {usual!r})")
    return ObjectNotApplied(
        f"{remote!r} has a {model._meta.label} of this key, in a spelling by which Django finds no row: "
        f"{', '.join(others)}. Nothing was written. Write it there as Django does, also where it is pointed to, or "
        "delete it there; the next run goes on"
    )
