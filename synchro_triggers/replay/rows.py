"""Rows of a table, all of them; those with one of many values; and those of the remote that were read ahead."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence, Set
from functools import cache
from inspect import getattr_static
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Field, IntegerField, JSONField, Lookup, Model, QuerySet
from django.db.models.base import ModelState
from django.db.models.fields.composite import CompositePrimaryKey
from django.db.models.fields.files import FileDescriptor
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.query_utils import DeferredAttribute
from django.db.models.signals import post_init, pre_init

from ..unnamed import unnamed_on
from .changes import FormerKey
from .contention import RowLocks
from .json_text import StoredText, annotation_of
from .mysql import is_exactly
from .params import array_parameter, need_no_preparation
from .shape import Unreadable, field_at


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
        model: the model.
        alias: the database.
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
    """Return the instances of a query, without the detour that nobody would notice.

    ``Model.__init__()`` takes longer than reading its row. It is left out where nobody has put something in its way:
    no override, no receiver of its signals, no descriptor that wants to see values.
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


def is_made_plainly(model: type[Model]) -> bool:
    """Tell whether nobody would notice that an instance was made without ``Model.__init__()``."""
    return _is_plain(model) and not pre_init.has_listeners(model) and not post_init.has_listeners(model)


def bare_instance(model: type[Any], alias: str, *, adding: bool) -> Any:
    """Make an instance without any value."""
    instance: Any = object.__new__(model)
    instance.__dict__["_state"] = state = ModelState()
    state.db, state.adding = alias, adding
    return instance


@cache
def _is_plain(model: type[Any]) -> bool:
    if any(getattr_static(model, name) is not getattr_static(Model, name) for name in _MAKERS):
        return False
    descriptors = (getattr_static(model, field.attname) for field in model._meta.concrete_fields)
    return all(type(descriptor) in _WITHOUT_OPINION for descriptor in descriptors)


#: What makes an instance.
_MAKERS = ("__new__", "__init__", "__setattr__", "from_db")

#: Descriptors that put the value of a new instance into its dictionary and do nothing else.
_WITHOUT_OPINION = frozenset({DeferredAttribute, ForeignKeyDeferredAttribute, FileDescriptor})


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
    prepared = _prepared(stored, connection, values)
    if connection.vendor == "postgresql":
        name = base_type(stored, connection)
        return f"= ANY (%s::{name}[])", array_parameter(prepared, name)
    if connection.vendor == "sqlite" and all(
        type(value) is int or (type(value) is str and "\0" not in value) for value in prepared
    ):
        return "IN (SELECT value FROM json_each(%s))", json.dumps(prepared)
    return None


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
    if need_no_preparation(field, values, connection.vendor):
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


#: Types that cannot be cast to, and those that have length 1 where they have no other.
_WITHOUT_LENGTH = {"smallserial": "smallint", "serial": "integer", "bigserial": "bigint"} | {
    "char": "bpchar",
    "character": "bpchar",
    "bit": "varbit",
}


def base_type(field: Any, connection: BaseDatabaseWrapper) -> str:
    """Return the type of a column on PostgreSQL, without its parameters.

    A cast to ``varchar(50)`` would cut what is too long, instead of refusing it.
    """
    name = re.sub(r"\s*\([^)]*\)", "", str(field.db_type(connection)))
    return _WITHOUT_LENGTH.get(name, name)


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
    if connection.vendor == "postgresql":
        values = _as_read_by_postgres(connection, fields, logged)
    else:
        by_column: dict[str, Any] = json.loads(logged)
        values = [by_column[field.column] for field in fields]
    found: dict[str, Any] = {}
    for field, value in zip(fields, values, strict=True):
        column = field.get_col(field.model._meta.db_table)
        for convert in (*connection.ops.get_db_converters(column), *column.get_db_converters(connection)):
            value = convert(value, column, connection)
        found[field.attname] = value
    return found


def _as_read_by_postgres(connection: BaseDatabaseWrapper, fields: Collection[Any], logged: str) -> Sequence[Any]:
    names = [connection.ops.quote_name(field.column).replace("%", "%%") for field in fields]
    types = [base_type(field, connection) for field in fields]
    record = ", ".join(f"{name} {type_}" for name, type_ in zip(names, types, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(names)} FROM jsonb_to_record(%s::jsonb) AS logged ({record})", [logged])
        row: Sequence[Any] = cursor.fetchone()
        return row


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


class ReadAhead:
    """Remote rows that were read, and locked, for a whole batch, until a receiver may have changed them."""

    def __init__(self, alias: str, locks: RowLocks) -> None:
        self._alias = alias
        self._locks = locks
        self.locked_later: set[type[Model]] = set()
        self._rows: dict[type[Model], dict[Any, Model]] = {}
        self._linked: dict[type[Model], dict[tuple[Any, Any], bool]] = {}

    def load(self, model: type[Model], keys: Iterable[Any]) -> None:
        """Read, and lock, the rows of a model that have not been read; those of ``locked_later`` are only read."""
        known = self._rows.setdefault(model, {})
        missing = [key for key in keys if key not in known]
        if missing:
            rows = rows_with(model, self._alias, pk=missing)
            if model not in self.locked_later:
                rows = self._locks.taken(rows)
            known.update({row.pk: row for row in instances_of(rows)})

    def peek(self, model: type[Model], key: Any) -> Model | None:
        """Return a row that has been read."""
        return self._rows.get(model, {}).get(key)

    def known(self, model: type[Model]) -> Set[Any]:
        """Return the keys of the rows that have been read."""
        return self._rows.get(model, {}).keys()

    def take(self, model: type[Model], key: Any) -> Model | None:
        """Return a row, reading it if need be, and forget it: whoever takes it will change it."""
        row = self._rows.get(model, {}).pop(key, None)
        if row is None:
            row = self._locks.taken(rows_of(model, self._alias).filter(pk=key)).first()
        return row if row is not None and is_exactly(self._alias, key, row.pk) else None

    def drop(self, model: type[Model], key: Any) -> None:
        """Forget a row that was changed."""
        self._rows.get(model, {}).pop(key, None)

    def load_links(self, through: type[Model], ends: tuple[str, str], pairs: Collection[tuple[Any, Any]]) -> None:
        """Read which objects are linked.

        Args:
            through: an automatic many-to-many table.
            ends: its attribute names.
            pairs: remote keys of what may be linked.
        """
        linked = linked_pairs(through, ends, self._alias, pairs)
        self._linked.setdefault(through, {}).update((pair, pair in linked) for pair in pairs)

    def linked(self, through: type[Model], ends: tuple[str, str], pairs: Collection[tuple[Any, Any]]) -> set[Any]:
        """Return those of the pairs that are linked, reading that if need be."""
        if not self._linked.get(through, {}).keys() >= set(pairs):
            self.load_links(through, ends, pairs)
        known = self._linked.get(through, {})
        return {pair for pair in pairs if known[pair]}

    def note_links(self, through: type[Model], pairs: Iterable[tuple[Any, Any]], *, linked: bool) -> None:
        """Remember links that were made or removed."""
        self._linked.setdefault(through, {}).update(dict.fromkeys(pairs, linked))

    def forget(self, tables: Collection[str | None]) -> None:
        """Forget the rows of tables, by their quoted names; ``None`` among them: of all."""
        if not tables:
            return
        quote = connections[self._alias].ops.quote_name
        for model in [*self._rows, *self._linked]:
            own = {quote(each._meta.db_table) for each in (model, *model._meta.all_parents)}
            if None in tables or not own.isdisjoint(tables):
                self._rows.pop(model, None)
                self._linked.pop(model, None)

    def clear(self) -> None:
        """Forget everything."""
        self._rows.clear()
        self.forget_links()

    def forget_links(self) -> None:
        """Forget who is linked: a cascade may remove links without a word."""
        self._linked.clear()
