"""Objects of LOCAL by what people know of them: a code, an address, whatever is unique of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q

from ...capture.keys import decode_key, encode_key
from ...conf import local_alias
from ..rows.selecting import rows_of, rows_with
from ..rows.utc import zone_of
from ..schema.shape import Shape, concrete_of, leads_elsewhere, model_of, shape_of
from ..schema.unique_sets import natural_set, unique_sets

#: How many objects are named.
_NAMED = 20

#: What a field says of a text that is no value of it.
_NO_VALUE = (ValueError, TypeError, ArithmeticError, ValidationError)


@dataclass(frozen=True)
class Named:
    """An object of LOCAL.

    Attributes:
        key: its primary key, as the log has it.
        text: what it calls itself.
    """

    key: str
    text: str


def objects_with(label: str, text: str) -> list[Named]:
    """Return the objects of LOCAL that have a text as one of the values that tell them apart.

    Args:
        label: ``app.Model``; of a model that is not there, none are found.
        text: the value of a unique field, of a field that is unique with others, or of one of a natural key.

    Example:
        >>> objects_with("shop.Customer", "zoe@example.com")
        [Named(key='13', text='zoe@example.com')]
    """
    model = model_of(label)
    if model is None:
        return []
    shape = shape_of(concrete_of(model))
    asked = Q()
    for field in _telling(shape):
        try:
            asked |= Q(**{field.name: field.to_python(text)})
        except _NO_VALUE:
            continue
    if not asked:
        return []
    found = rows_of(shape.model, local_alias()).filter(asked).order_by("pk")[:_NAMED]
    return [Named(encode_key(each.pk), str(each)) for each in found]


def is_key(label: str, text: str) -> bool:
    """Tell whether LOCAL has an object with a text as its primary key."""
    model = model_of(label)
    if model is None:
        return False
    shape = shape_of(concrete_of(model))
    try:
        key = decode_key(shape.root, text, zone_of(local_alias()))
    except _NO_VALUE:
        return False
    return rows_with(shape.model, local_alias(), pk=[key]).exists()


def _telling(shape: Shape) -> list[Any]:
    sets = (*unique_sets(shape, local_alias()), *natural_set(shape))
    fields = {field.name: field for each in sets for field in each.fields if not leads_elsewhere(field)}
    own = {field.name for field in shape.model._meta.concrete_fields if not field.primary_key}
    return [field for name, field in fields.items() if name in own]
