"""Saves and deletes of single objects: what Django's own do, with statements that are made once for a model.

A receiver of signals wants to hear of each object for itself. It cannot tell who puts the statement together, and that
takes ``Model.save()`` longer than the rest of it: for each object it builds a query and compiles it. Here the
statement of a model is built once, and each object brings its values. In between the same happens in the same order:
signals with the same arguments, the fields' ``pre_save()``, one statement, the key that the database gave out.
A model whose ``save()`` may do anything else is left to Django.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Manager, Model
from django.db.models.signals import post_delete, pre_delete

from ...django_inside.missing_columns import missing_on
from ...django_inside.savepoints import Savepoints
from ...django_inside.saving import nothing_returned
from ...vendors.vendor import database_of
from ..errors import BatchBroken
from ..rows.json_text import JsonText
from ..rows.redirects import NothingInserted
from ..rows.values import values_kept
from ..rows.vendor import quoting, statements_of
from ..schema.observed import overrides_writing
from ..schema.relations import links_to, nothing_hangs_on
from ..schema.shape import Shape
from ..schema.stored_types import has_placeholder, plain_type
from .one import delete, save
from .own_methods import steps_aside
from .read_back import ReadBack
from .receivers import Receivers, send_delete, send_post_save, send_pre_save


class Singles:
    """Writes objects to one database, one at a time."""

    def __init__(self, alias: str, receivers: Receivers) -> None:
        self._alias, self.receivers = alias, receivers
        self._savepoints = Savepoints(alias, BatchBroken)
        self._cursor: Any = None
        self._plans: dict[Shape, _Plan | None] = {}

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Write objects in the block; ``finish()`` is to be called after it."""
        with connections[self._alias].execute_wrapper(self.receivers.writes), self._savepoints.announced():
            yield

    @contextmanager
    def one(self, model: type[Model], *, deletes: bool = False) -> Iterator[set[str | None]]:
        """Save or delete one object of a model in the block, which is undone alone when it raises.

        Yields:
            As ``Receivers.hearing()`` does, in a block of which this one is.
        """
        with self.receivers.hearing(model, deletes=deletes) as tables, self._savepoints.one():
            yield tables

    def save(
        self,
        instance: Model,
        shape: Shape,
        *,
        adding: bool,
        unsure: bool = False,
        announced: Callable[[], None],
        wrote_more: Callable[[], bool],
    ) -> tuple[str, ...]:
        """Do what ``instance.save(using=alias, force_insert=adding)`` does, with exactly the values it has.

        Args:
            adding: it is new.
            unsure: an insert may return nothing although the row is there: whoever calls looks for it.
            announced: called, where possible, between ``pre_save`` and the write.
            wrote_more: tells whether more was written to its table, since it began, than one save does.

        Returns:
            Attribute names of what an overridden ``save()`` has made anew, and something again when it was mended.

        Raises:
            NothingInserted: the insert has returned nothing.
            ObjectNotApplied: an overridden ``save()`` has done something else.
        """
        plan = self._plan(shape)
        if plan is None:
            save_it = partial(self._save_by_django, instance, shape, adding=adding, unsure=unsure)
            if overrides_writing(shape.model):
                read_back = ReadBack(instance, shape, self._alias, wrote_more)
                return read_back.save(save_it, must_be_there=adding and not unsure)
            save_it()
            return ()
        with values_kept(instance, shape) if shape.computed else nullcontext():
            send_pre_save(instance, self._alias)
            announced()
            updated = self._write(plan, instance, adding=adding, unsure=unsure)
            send_post_save(instance, self._alias, created=not updated)
        return ()

    def save_field(
        self, instance: Model, shape: Shape, field: Field[Any, Any], *, wrote_more: Callable[[], bool]
    ) -> tuple[str, ...]:
        """Save one field of a row that was written before; return as ``save()`` does."""
        save_it = partial(save, instance, shape, self._alias, update_fields=[field.name])
        if overrides_writing(shape.model):
            read_back = ReadBack(instance, shape, self._alias, wrote_more, field=field)
            return read_back.save(save_it, must_be_there=False)
        save_it()
        return ()

    def save_plainly(self, instance: Model, shape: Shape) -> None:
        """Save an object that is there, and with which nothing else is to be done."""
        self.save(instance, shape, adding=False, announced=_nothing, wrote_more=_nothing_more)

    def _save_by_django(self, instance: Model, shape: Shape, *, adding: bool, unsure: bool) -> None:
        with nothing_returned(instance) if adding and unsure else nullcontext():
            save(instance, shape, self._alias, **({"force_insert": True} if adding else {}))

    def _write(self, plan: _Plan, instance: Any, *, adding: bool, unsure: bool) -> bool:
        """Write one row; tell whether it was there before."""
        connection = connections[self._alias]
        key = instance.__dict__.get(plan.key.attname)
        columns = (plan.columns if key is None else plan.all_columns) if adding else plan.columns
        values = _values(connection, columns, instance, adding=adding)
        if values is not None and adding and (key is not None or plan.gives_keys):
            if key is not None:
                found = self._execute(plan.insert, values).rowcount > 0
            else:
                rows = self._execute(plan.insert_returning, values).fetchall()
                found = bool(rows) and rows[0][0] is not None
                setattr(instance, plan.key.attname, rows[0][0] if found else None)
            if not (found or unsure):
                raise NothingInserted(type(instance)._meta.label, self._alias)
            return False
        if values is not None and not adding and key is not None:
            values.append(plan.key.get_db_prep_save(key, connection))
            if self._execute(plan.update, values).rowcount > 0:
                return True
        # A receiver has made an expression of a value, or taken the key or the row away.
        updated: bool = instance._save_table(raw=False, cls=type(instance), force_insert=adding, using=self._alias)
        return updated

    def delete(self, instance: Model, shape: Shape) -> None:
        """Do what ``instance.delete(using=alias)`` does."""
        plan = self._plan(shape)
        if plan is None or not plan.deletes:
            delete(instance, self._alias)
            return
        connection = connections[self._alias]
        send_delete(pre_delete, instance, self._alias)
        key = plan.key.get_db_prep_save(instance.pk, connection)
        for statement in plan.deletes:
            self._execute(statement, [key])
        send_delete(post_delete, instance, self._alias)
        setattr(instance, plan.key.attname, None)

    def _execute(self, sql: str, params: Sequence[Any]) -> Any:
        if self._cursor is None:
            self._cursor = connections[self._alias].cursor()
        self._savepoints.execute(self._cursor, sql, params)
        return self._cursor

    def finish(self) -> None:
        """Close what is open."""
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None
        self._savepoints.finish()

    def _plan(self, shape: Shape) -> _Plan | None:
        if shape not in self._plans:
            connection = connections[self._alias]
            self._plans[shape] = _make_plan(connection, shape) if _is_ordinary(connection, shape) else None
        return self._plans[shape]


def _nothing() -> None:
    pass


def _nothing_more() -> bool:
    return False


@dataclass(frozen=True)
class _Plan:
    """The statements of a model.

    Attributes:
        key: the primary key.
        columns: the other fields, each with the type of values that it leaves as they are (``None``: there is none).
        all_columns: the same with the key, which comes first.
        gives_keys: the database gives out keys, and ``insert_returning`` returns one.
        insert, update: take the values of the columns, after the key or before it.
        deletes: take the key.
    """

    key: Any
    columns: tuple[tuple[Any, type[Any] | None], ...]
    all_columns: tuple[tuple[Any, type[Any] | None], ...]
    gives_keys: bool
    insert: str
    insert_returning: str
    update: str
    deletes: tuple[str, ...]


def _is_ordinary(connection: BaseDatabaseWrapper, shape: Shape) -> bool:
    """Tell whether Django's own ``save()`` would execute one statement on one table, and do nothing else."""
    options: Any = shape.model._meta
    fields = options.concrete_fields
    key = options.pk
    return not (
        not database_of(connection).IS_KNOWN
        or overrides_writing(shape.model)
        or steps_aside(shape.model)
        or type(shape.model._base_manager) is not Manager
        or options.parents
        or shape.composite_key
        or options.order_with_respect_to
        or options.select_on_save
        or len(fields) == 1
        or any(field.generated or field.has_db_default() for field in fields)
        or any(map(has_placeholder, fields))
        or not missing_on(connection).isdisjoint(fields)
        or any(getattr(field, "db_returning", False) for field in fields if field is not key)
        or (shape.automatic_key and hasattr(key, "from_db_value"))
    )


def _make_plan(connection: BaseDatabaseWrapper, shape: Shape) -> _Plan:
    model = shape.model
    key: Any = model._meta.pk
    quote = quoting(connection)
    placeholder = statements_of(connection).parameter
    table, key_name = quote(model._meta.db_table), quote(key.column)
    others: list[Any] = [field for field in model._meta.concrete_fields if field is not key]

    def insert(fields: Sequence[Any]) -> str:
        names = ", ".join(quote(field.column) for field in fields)
        values = ", ".join(placeholder(connection, field) for field in fields)
        return f"INSERT INTO {table} ({names}) VALUES ({values})"

    settings = ", ".join(f"{quote(field.column)} = {placeholder(connection, field)}" for field in others)
    rows = [(quote(link.model._meta.db_table), quote(link.column)) for link in links_to(model)]
    return _Plan(
        key=key,
        columns=tuple((field, plain_type(field)) for field in others),
        all_columns=tuple((field, plain_type(field)) for field in (key, *others)),
        gives_keys=shape.automatic_key and connection.features.can_return_columns_from_insert,
        insert=insert([key, *others]),
        insert_returning=f"{insert(others)} RETURNING {table}.{key_name}",
        update=f"UPDATE {table} SET {settings} WHERE {table}.{key_name} = %s",
        deletes=tuple(f"DELETE FROM {name} WHERE {name}.{column} = %s" for name, column in [*rows, (table, key_name)])
        if nothing_hangs_on(model)
        else (),
    )


def _values(
    connection: BaseDatabaseWrapper, columns: Sequence[tuple[Field[Any, Any], Any]], instance: Any, *, adding: bool
) -> list[Any] | None:
    """Return an instance's values as the driver takes them; ``None``: only Django can make SQL of them."""
    values, stored = [], instance.__dict__
    for field, kind in columns:
        if field.attname not in stored:
            return None
        value = field.pre_save(instance, adding)
        if kind is None or not (value is None or type(value) is kind):
            if isinstance(value, JsonText):
                values.append(value.text)
                continue
            if hasattr(value, "resolve_expression") or hasattr(value, "prepare_database_save"):
                return None
            value = field.get_db_prep_save(value, connection)
        values.append(value)
    return values
