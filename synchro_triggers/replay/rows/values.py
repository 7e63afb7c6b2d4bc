"""Values of a row: read from instances, put into them, compared as stored, and read back as triggers logged them."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cache
from typing import Any

from django.db import connections
from django.db.models import Field, FileField, JSONField, Model

from ...capture.keys import decode_value
from ...capture.tables import is_of_links, stored_fields
from ...conf import local_alias
from ...django_inside.instances import bare_instance, is_made_plainly
from ...django_inside.saving import values_kept as kept_while_saving
from ..schema.shape import Shape, is_foreign_key, parents_of
from .json_text import JsonText, annotation_of, is_copied_as_text, put_json, stored_json, text_of
from .redirects import NothingInserted
from .selecting import rows_of
from .utc import zone_of
from .vendor import statements_of


def local_value(instance: Model, field: Field[Any, Any]) -> Any:
    """Return a field's stored value, past its descriptor (a file field's would open the file's storage)."""
    value = instance.__dict__.get(field.attname)
    if isinstance(field, FileField) and value is not None:
        return value if isinstance(value, str) else value.name
    if isinstance(field, JSONField) and (stored := stored_json(instance, field)) is not None:
        # Django reads ``None`` for JSON's null too, and writes it as the null of SQL.
        return stored if is_copied_as_text(field) or value is None else value
    return value


def value_to_write(instance: Model, field: Field[Any, Any]) -> Any:
    """Return a field's value; of JSON that nobody has changed since it was put there, the text."""
    value = local_value(instance, field)
    if not isinstance(value, JsonText) or not isinstance(field, JSONField):
        return value
    current = instance.__dict__.get(field.attname)
    return value if _equal(json.loads(value.text, cls=field.decoder), current) else current


def new_instance(shape: Shape, remote: str, key: Any, values: dict[str, Any]) -> Model:
    """Make the instance of a new remote object; fields without a value keep the model's defaults.

    Args:
        key: its primary key there, or ``None`` when the database gives it out.
        values: attribute names to values, of all fields that are copied, and of other parents' keys.
    """
    instance: Model
    if is_made_plainly(shape.model):
        instance = bare_instance(shape.model, remote, adding=True)
        vars(instance).update((field.attname, field.get_default()) for field in _left_to_defaults(shape))
        _put(instance, shape.copied, values)
    else:
        instance = shape.model()
        instance._state.db = remote
        set_values(instance, values)
    if key is not None:
        set_key(instance, shape, key)
    return instance


def set_key(instance: Model, shape: Shape, key: Any) -> None:
    """Give an instance its primary key; setting ``pk`` would give it to parents that have keys of their own too."""
    for model in () if shape.composite_key else (shape.model, *parents_of(shape.model)):
        vars(instance)[model._meta.pk.attname] = key
    parts = key if shape.composite_key else (key,)
    for field, part in zip(shape.key, parts, strict=True):
        vars(instance)[field.attname] = part


@cache
def _left_to_defaults(shape: Shape) -> tuple[Any, ...]:
    fields = shape.model._meta.concrete_fields
    return tuple(field for field in fields if field not in shape.copied and not field.generated)


def set_values(instance: Model, values: dict[str, Any]) -> None:
    """Put stored values into an instance, past descriptors, and forget related objects that no longer fit."""
    _put(instance, instance._meta.concrete_fields, values)
    relations: Any = instance._meta.concrete_fields
    for field in relations:
        if field.is_relation and field.attname in values and field.is_cached(instance):
            field.delete_cached_value(instance)


def _put(instance: Model, fields: Sequence[Any], values: dict[str, Any]) -> None:
    vars(instance).update(values)
    for field in fields:
        if isinstance(field, JSONField) and field.attname in values:
            value = values[field.attname]
            if isinstance(value, JsonText):
                put_json(instance, field, value)
            else:
                vars(instance).pop(annotation_of(field), None)


def differing(instance: Model, values: dict[str, Any]) -> list[str]:
    """Return the attribute names whose stored values differ from ``values``."""
    fields = {field.attname: field for field in instance._meta.concrete_fields}
    return [
        attname
        for attname, value in values.items()
        if not same_value(fields[attname], local_value(instance, fields[attname]), value)
    ]


#: Of these types Python's equality can be trusted, but for numbers of different types. What a custom field
#: makes may have none, or call different values equal.
_SCALARS = frozenset(
    {bool, int, float, str, bytes, memoryview, decimal.Decimal, uuid.UUID}
    | {datetime.date, datetime.datetime, datetime.time, datetime.timedelta}
)


def same_value(field: Field[Any, Any], one: Any, other: Any) -> bool:
    """Tell whether two values of a field are stored alike."""
    if one is None or other is None:
        return one is other
    if isinstance(field, JSONField) and (isinstance(one, JsonText) or isinstance(other, JsonText)):
        return _as_json(field, one).is_stored_like(_as_json(field, other))
    if type(one) in _SCALARS and type(other) in _SCALARS:
        return _equal(one, other)
    return _equal(field.get_prep_value(one), field.get_prep_value(other))


def _as_json(field: JSONField, value: Any) -> JsonText:
    return value if isinstance(value, JsonText) else JsonText(text_of(field, value) or "null")


def _equal(one: Any, other: Any) -> bool:
    """Tell equality more strictly than Python: 1, 1.0 and True differ, so do 0.0 and -0.0; a NaN equals a NaN."""
    one, other = (bytes(value) if isinstance(value, memoryview) else value for value in (one, other))
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return repr(one) == repr(other)
    if isinstance(one, decimal.Decimal):
        return one.compare_total(other) == 0
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict):
        return _equal(list(one.items()), list(other.items()))
    return bool(one == other)


def create_instances(instances: Sequence[Model], shape: Shape, remote: str) -> None:
    """Insert new instances in one statement with exactly the values that they have; without signals."""
    with ExitStack() as kept:
        for instance in instances if shape.computed else ():
            kept.enter_context(values_kept(instance, shape))
        rows_of(shape.model, remote).bulk_create(instances)
    if any(instance.pk is None for instance in instances):
        raise NothingInserted(shape.label, remote)


def values_kept(instance: Model, shape: Shape) -> AbstractContextManager[None]:
    """Keep ``auto_now`` and the like from renewing themselves while this one instance is saved."""
    return kept_while_saving(instance, shape.computed, _value_as_it_is) if shape.computed else nullcontext()


def _value_as_it_is(instance: Model, field: Any, compute: Callable[[], Any]) -> Any:
    if isinstance(field, JSONField):
        return value_to_write(instance, field)
    value = getattr(instance, field.attname)
    if not isinstance(field, FileField):
        return value
    if value and not value._committed:  # a receiver has put a new file there
        return compute()
    return value.name  # which may be None: Django would make an empty path of it


def needs_database(field: Any, alias: str) -> bool:
    """Tell whether only the database can read what a trigger has logged of a column: JSON, ranges, custom fields."""
    while field.is_relation:
        field = field.target_field
    own = type(field).__module__.startswith("django.db.models")
    return not own or bool(field.get_db_converters(connections[alias]))


def as_read(alias: str, fields: Collection[Any], logged: str) -> dict[str, Any]:
    """Read values that a trigger has logged as if they came from their columns.

    Args:
        alias: the database that logged them.
        fields: the fields to read, of one model.
        logged: a JSON object, columns to values.

    Returns:
        Attribute names to values.
    """
    connection = connections[alias]
    values = statements_of(connection).read_logged(connection, fields, logged)
    found: dict[str, Any] = {}
    for field, value in zip(fields, values, strict=True):
        column = field.get_col(field.model._meta.db_table)
        for convert in (*connection.ops.get_db_converters(column), *column.get_db_converters(connection)):
            value = convert(value, column, connection)
        found[field.attname] = value
    return found


def _ends_renamed(model: type[Model], logged: Collection[str]) -> dict[str, str]:
    """Return the columns that links were logged with before a model at one of their ends got another name."""
    ends = [str(field.column) for field in stored_fields(model) if is_foreign_key(field)]
    unknown = [column for column in logged if column not in {str(field.column) for field in stored_fields(model)}]
    lacking = [column for column in ends if column not in logged]
    if len(unknown) == len(lacking) == 1:
        return {unknown[0]: lacking[0]}
    found = {old: new for old in unknown for new in lacking if old.split("_")[0] == new.split("_")[0]}  # from_, to_
    return found if len(found) == len(unknown) == len(lacking) == len(ends) else {}


def logged_values(model: type[Model], text: str, alias: str | None = None) -> dict[str, Any]:
    """Read ``ChangeLog.old_values`` of a database: attribute names to values as an instance has them."""
    raw: dict[str, Any] = json.loads(text, parse_float=decimal.Decimal)
    if is_of_links(model) and (names := _ends_renamed(model, raw)):
        raw = {names.get(column, column): value for column, value in raw.items()}
        text = json.dumps(raw, default=str)
    alias = alias or local_alias()
    zone = zone_of(alias)
    fields = [field for field in stored_fields(model) if field.column in raw]
    read = [field for field in fields if raw[str(field.column)] is not None and needs_database(field, alias)]
    values = {field.attname: decode_value(field, raw[str(field.column)], zone) for field in fields if field not in read}
    return values | (as_read(alias, read, text) if read else {})
