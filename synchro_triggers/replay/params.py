"""Values on their way to a driver, a whole column at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import NoneType
from typing import Any

from django.db import models

#: Fields that hand these types on as they are. Asking them for each value costs more than sending it.
_AS_THEY_ARE: dict[type[Any], type[Any]] = {
    models.CharField: str,
    models.EmailField: str,
    models.SlugField: str,
    models.TextField: str,
    models.URLField: str,
    models.BooleanField: bool,
    models.AutoField: int,
    models.BigAutoField: int,
    models.SmallAutoField: int,
    models.IntegerField: int,
    models.BigIntegerField: int,
    models.SmallIntegerField: int,
    models.PositiveIntegerField: int,
    models.PositiveBigIntegerField: int,
    models.PositiveSmallIntegerField: int,
}


def need_no_preparation(field: Any, values: Collection[Any]) -> bool:
    """Tell whether the field's own preparation would return each of the values as it is.

    Args:
        field: a concrete field; of a foreign key, its target decides.
        values: values as an instance holds them; ``None`` among them does not matter.
    """
    kind = plain_type(field)
    return kind is not None and set(map(type, values)) <= {kind, NoneType}


def plain_type(field: Any) -> type[Any] | None:
    """Return the type of the field's values if it never changes them, else ``None``."""
    while type(field) in {models.ForeignKey, models.OneToOneField}:
        field = field.target_field
    return _AS_THEY_ARE.get(type(field))


def array_parameter(values: Sequence[Any]) -> Any:
    """Return PostgreSQL's literal of an array of numbers or texts; of other values, what the driver makes one of.

    To be used with a cast. Drivers look at each element for itself, which takes as long as the server does.
    """
    kinds = set(map(type, values))
    if kinds == {int}:
        return "{" + ",".join(map(str, values)) + "}"
    if kinds == {str}:
        joined = '","'.join(values)
        if "\\" not in joined and joined.count('"') == 2 * len(values) - 2:
            return '{"' + joined + '"}'
    if kinds and kinds <= {int, str, NoneType}:
        return "{" + ",".join("NULL" if value is None else _quoted(value) for value in values) + "}"
    return list(values)


def _quoted(value: int | str) -> str:
    return str(value) if isinstance(value, int) else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
