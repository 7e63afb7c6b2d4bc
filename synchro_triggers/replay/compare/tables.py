"""What is compared of a table: which fields, and how each of them is read. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Field, JSONField, Model

from ...capture.tables import stored_fields
from ..schema.key_columns import KeyColumn
from ..schema.shape import is_foreign_key, is_parent_link, points_to_key, root_of, shape_of

#: Fields whose values are read as types whose equality in Python says that they are stored alike. Not numbers with a
#: point: 0.0 equals -0.0, and 1.0 equals 1.00. The text of JSON is read instead of its value.
_BY_EQUALITY = frozenset(
    {
        models.AutoField,
        models.BigAutoField,
        models.SmallAutoField,
        models.IntegerField,
        models.BigIntegerField,
        models.SmallIntegerField,
        models.PositiveIntegerField,
        models.PositiveBigIntegerField,
        models.PositiveSmallIntegerField,
        models.BinaryField,
        models.BooleanField,
        models.CharField,
        models.DateField,
        models.DateTimeField,
        models.DurationField,
        models.EmailField,
        models.FileField,
        models.FilePathField,
        models.GenericIPAddressField,
        models.ImageField,
        models.SlugField,
        models.TextField,
        models.TimeField,
        models.URLField,
        models.UUIDField,
    }
)


@dataclass(frozen=True, eq=False)
class ComparedTable:
    """A captured table.

    Attributes:
        model: the model.
        root: at the root of its multi-table inheritance; references are stored under its label.
        plain: fields that are equal where Python says so.
        keys: foreign keys that hold their targets' primary keys, which may be others on the remote.
        others: fields that need a closer look at each value.
        key_columns: those of ``others`` that hold keys without being foreign keys.
        not_compared: names of the fields that are left out.
    """

    model: type[Model]
    root: type[Model]
    plain: tuple[Any, ...]
    keys: tuple[Any, ...]
    others: tuple[Any, ...]
    key_columns: tuple[KeyColumn, ...]
    not_compared: tuple[str, ...]

    @property
    def label(self) -> str:
        return self.model._meta.label

    @property
    def fields(self) -> tuple[Any, ...]:
        """All fields that are compared."""
        return (*self.plain, *self.keys, *self.others)


def compared_table(model: type[Model]) -> ComparedTable:
    """Describe a captured table that is no automatic many-to-many table."""
    shape = shape_of(model)
    fields: list[Any] = [
        field
        for field in stored_fields(model)
        if field in shape.copied or (is_parent_link(field) and not field.primary_key)
    ]
    key_columns = tuple(column for column in shape.key_columns if column.field in fields)
    holders = {column.field for column in key_columns}
    keys = [field for field in fields if is_foreign_key(field) and points_to_key(field)]
    plain = [field for field in fields if field not in keys and field not in holders and _is_plain(field)]
    return ComparedTable(
        model=model,
        root=root_of(model),
        plain=tuple(plain),
        keys=tuple(keys),
        others=tuple(field for field in fields if field not in keys and field not in plain),
        key_columns=key_columns,
        not_compared=tuple(field.name for field in stored_fields(model) if field in shape.skipped),
    )


def is_json(field: Field[Any, Any]) -> bool:
    """Tell a field whose stored text is read."""
    return isinstance(field, JSONField)


def _is_plain(field: Any) -> bool:
    while is_foreign_key(field):
        field = field.target_field
    return type(field) in _BY_EQUALITY or is_json(field)
