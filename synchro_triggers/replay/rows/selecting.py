"""Rows of a table, all of them; those with one of many values; and those of the remote that were read ahead."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Field, IntegerField, JSONField, Lookup, Model, QuerySet
from django.db.models.fields.composite import CompositePrimaryKey

from ...django_inside.instances import bare_instance, is_made_plainly
from ...unnamed import unnamed_on
from ..schema.keys import FormerKey, Unreadable
from ..schema.shape import field_at
from ..schema.stored_types import need_no_preparation
from .json_text import StoredText, annotation_of
from .vendor import statements_of


def rows_of(model: type[Model], alias: str) -> QuerySet[Any]:
    """Return every row of a model on a database, past its managers: those may hide some (soft deletion).

    In no order: ``Meta.ordering`` may join other tables, and leave out a row whose target is not there yet.
    """
    rows: QuerySet[Any] = QuerySet(model, using=alias)
    rows.query.default_ordering = False
    fields = _json_fields(model)
    return rows.annotate(**{annotation_of(field): StoredText(F(field.name)) for field in fields}) if fields else rows


def rows_with(model: type[Model], alias: str, /, **values: Collection[Any]) -> QuerySet[Any]:
    """Return the rows that have, for each name, one of the values; a value that the column cannot have finds nothing.

    Args:
        values: attribute names (``pk`` works too) to values.
    """
    rows = rows_of(model, alias)
    for name, asked in values.items():
        nowhere = {Unreadable, FormerKey} if name == "pk" else {Unreadable}
        wanted = asked if nowhere.isdisjoint(map(type, asked)) else [v for v in asked if type(v) not in nowhere]
        among = _among(model, connections[alias], name, wanted)
        rows = rows.filter(**{f"{name}__in": list(wanted)}) if among is None else rows.filter(Among(F(name), among))
    return rows


def instances_of(rows: QuerySet[Any]) -> list[Any]:
    """Like ``list(rows)``, but skips ``Model.__init__()`` where no override, receiver or descriptor could tell.

    It takes longer than reading the row.
    """
    model: Any = rows.model
    if not is_made_plainly(model):
        with unnamed_on(rows.db):
            return list(rows)
    names = [*(field.attname for field in model._meta.concrete_fields), *rows.query.annotation_select]
    found = []
    for values in rows.values_list(*names):
        instance = bare_instance(model, rows.db, adding=False)
        instance.__dict__.update(zip(names, values, strict=True))
        found.append(instance)
    return found


class Among(Lookup):
    """``IN`` with one parameter for all values: a thousand of them cost as much as the rest of a query."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        lhs, params = self.process_lhs(compiler, connection)
        sql, values = self.rhs
        return f"{lhs} {sql}", (*params, values)


def _among(
    model: type[Model], connection: BaseDatabaseWrapper, name: str, values: Collection[Any]
) -> tuple[str, Any] | None:
    """Return SQL and parameter of a look-up, or ``None`` where Django's own ``__in`` has to do it."""
    stored = stored_field(model, name)
    if stored is None or stored.get_internal_type() not in connection.data_types or hasattr(stored, "get_placeholder"):
        return None
    return statements_of(connection).among(connection, stored, _prepared(stored, connection, values))


def stored_field(model: type[Model], name: str) -> Any:
    """Return the field that says how a column is stored: of a foreign key, its target; ``None`` of composite keys."""
    found = (model._meta.pk, name) if name == "pk" else field_at(model, name)
    field: Any = found[0] if found is not None else None
    if field is None or isinstance(field, CompositePrimaryKey):
        return None
    while field.is_relation:
        field = field.target_field
    return field


def _prepared(field: Field[Any, Any], connection: BaseDatabaseWrapper, values: Collection[Any]) -> list[Any]:
    prepared: list[Any] = []
    if need_no_preparation(field, values, connection):
        prepared, values = list(values), ()
    for value in values:
        try:
            prepared.append(field.get_db_prep_value(value, connection))
        except (ValueError, TypeError, ArithmeticError, ValidationError):
            continue
    if isinstance(field, IntegerField):
        lowest, highest = connection.ops.integer_field_range(field.get_internal_type())
        if lowest is not None and highest is not None and prepared and None not in prepared:
            if lowest <= min(prepared) and max(prepared) <= highest:
                return prepared
            return [value for value in prepared if lowest <= value <= highest]
    return prepared


@cache
def _json_fields(model: type[Model]) -> tuple[JSONField, ...]:
    return tuple(field for field in model._meta.concrete_fields if isinstance(field, JSONField))


def linked_pairs(
    through: type[Model], ends: tuple[str, str], alias: str, pairs: Iterable[tuple[Any, Any]]
) -> dict[tuple[Any, Any], Any]:
    """Return those of the pairs of keys that an automatic many-to-many table has, with the keys of its rows."""
    wanted = set(pairs)
    if not wanted:
        return {}
    source, target = ends
    owners, targets = {owner for owner, _ in wanted}, {key for _, key in wanted}
    rows = rows_with(through, alias, **{source: owners, target: targets}).values_list(source, target, "pk")
    return {(owner, key): row for owner, key, row in rows if (owner, key) in wanted}
