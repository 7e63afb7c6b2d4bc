"""What a delete on the remote would take along, by Django's cascades and by the database's own.

A cascade follows the remote's foreign keys as they are when the delete is replayed. LOCAL's log may order things in
another way: there an object may have left its parent after the parent went (foreign keys are checked at the commit),
or its move may not be applied yet. Such an object, and all that hangs on it, must not be taken along.

Django's collector cannot see ``ON DELETE CASCADE``: Django leaves a relation to the database where its model says
``DO_NOTHING`` or, from 6.1 on, ``DB_CASCADE``. What the database does then is asked of the remote itself, and only
there where such a relation leads.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.models import (
    CASCADE,
    DO_NOTHING,
    PROTECT,
    RESTRICT,
    CharField,
    Model,
    ProtectedError,
    Q,
    RestrictedError,
    TextField,
)

from ...capture.tables import is_of_links
from ...django_inside.collecting import collect
from ..rows.held_keys import held_key
from ..rows.selecting import rows_of, rows_with
from ..rows.values import local_value
from ..rows.vendor import statements_of
from ..schema.key_columns import KeyColumn
from ..schema.link_shapes import link_shape
from ..schema.relations import (
    columns_leading_to,
    generic_relations,
    hanging_on,
    links_to,
    may_empty_keys,
    nothing_hangs_on,
    relations_to,
)
from ..schema.shape import (
    Shape,
    concrete_of,
    is_foreign_key,
    is_parent_link,
    parents_of,
    root_of,
    shape_of,
    target_of,
)


def let_go(row: Model, remote: str, *, keep_parents: bool) -> dict[Any, list[Model]]:
    """Return the remote rows whose references to a row ``row.delete()`` would empty, by the foreign key.

    LOCAL may have them point to something: to another object that has the key now, or, where the row's parent stays,
    to that, through a proxy of it, which Django does not tell from the row.
    """
    if not keep_parents and not may_empty_keys(type(row)):
        return {}
    collected = collect(row, remote, keep_parents=keep_parents)
    return collected.emptied if collected is not None else {}


def is_part_of(instance: Model, row: Model) -> bool:
    """Tell whether a row is one of the rows of the same object: its own, a parent's, or another child's."""
    model: Any = type(instance)
    if model in (type(row), *type(row)._meta.all_parents):
        return bool(instance.pk == getattr(row, model._meta.pk.attname))
    return root_of(model) is root_of(type(row)) and instance.pk == row.pk


def links_going(rows: Iterable[Model], remote: str, *, own_alone: bool = False) -> set[tuple[type[Model], Any]]:
    """Return the links that go with rows: the automatic many-to-many table of each, and its primary key there.

    Args:
        rows: what is deleted.
        own_alone: links to the parents of the first row stay.
    """
    alike: dict[type[Model], list[Model]] = {}
    for row in rows:
        alike.setdefault(type(row), []).append(row)
    going: set[tuple[type[Model], Any]] = set()
    for number, (model, some) in enumerate(alike.items()):
        for field in links_to(model):
            if number or not own_alone or field.remote_field.model._meta.concrete_model is model:
                # The parents' links too: a child with a key of its own has another one for them.
                keys = [getattr(row, field.target_field.attname) for row in some]
                links = rows_with(field.model, remote, **{field.attname: keys})
                going.update((field.model, key) for key in links.values_list("pk", flat=True))
    return going


def number_of_links(through: type[Model], rows: int) -> int:
    """Return how many links so many rows of their table are: of a symmetrical one there are two, but to oneself."""
    return (rows + 1) // 2 if link_shape(through).field.remote_field.symmetrical else rows


def pointing_past_cascades(row: Model, remote: str) -> Iterator[Model]:
    """Yield the remote rows that point to a row, and that ``row.delete()`` leaves as they are.

    These are foreign keys of which nobody cares (``DO_NOTHING``), and columns that hold keys.
    """
    model: Any = type(row)
    for table in (model, *parents_of(model)):
        for pointing in (relation.field for relation in relations_to(table)):
            if pointing.remote_field.on_delete is DO_NOTHING:
                value = row.__dict__.get(pointing.target_field.attname)
                yield from rows_of(pointing.model, remote).filter(**{pointing.attname: value})
    for holder, column in columns_leading_to(model):
        for table in (model, *parents_of(model)) if column.told_by is not None else (model,):
            if (key := row.__dict__.get(table._meta.pk.attname)) is not None:
                yield from _rows_holding(holder, column, table, key, remote)


def _rows_holding(holder: type[Model], column: KeyColumn, model: type[Model], key: Any, remote: str) -> Iterator[Model]:
    """Yield the remote rows in which a column holds a key of a model, in whatever spelling."""
    field = column.field
    spelt = Q(**{field.attname: field.get_prep_value(key)})
    if isinstance(field, CharField | TextField) and isinstance(key, uuid.UUID):
        spelt |= Q(**{field.attname: key.hex})
    elif isinstance(field, CharField | TextField) and isinstance(key, int):
        for first in ("0", "+", " "):  # ``007``
            spelt |= Q(**{f"{field.attname}__startswith": first, f"{field.attname}__contains": str(key)})
    for row in rows_of(holder, remote).filter(spelt, _is_told(column, model, remote)):
        target = held_key(column, row, remote)
        if target is not None and root_of(target[0]) is root_of(model) and target[1] == key:
            yield row


def _is_told(column: KeyColumn, model: type[Model], remote: str) -> Q:
    """Return the condition that rows say of a column that it is about a model, or a proxy of it."""
    field: Any = column.told_by
    models = (model, *_proxies_of(model))
    if field is None:
        return Q()
    if not is_foreign_key(field):
        return Q(*(Q(**{f"{field.attname}__iexact": each._meta.label}) for each in models), _connector=Q.OR)
    from django.contrib.contenttypes.models import ContentType

    types = ContentType.objects.db_manager(remote)
    kinds = [types.get_for_model(each, for_concrete_model=False) for each in models]
    return Q(**{f"{field.attname}__in": [kind.pk for kind in kinds]})


@cache
def _proxies_of(model: type[Model]) -> tuple[type[Model], ...]:
    return tuple(each for each in apps.get_models() if each._meta.proxy and each._meta.concrete_model is model)


def hanging_loosely(row: Model, remote: str) -> Iterator[Model]:
    """Yield the remote rows that hang on a row by a key that may lead nowhere: generic, or without a constraint."""
    for field in hanging_on(type(row)):
        if not getattr(field, "db_constraint", True):
            value = getattr(row, field.target_field.attname)
            yield from rows_of(field.model, remote).filter(**{field.attname: value})
    for table in (type(row), *parents_of(type(row))):
        key: Any = getattr(row, str(table._meta.pk.attname))
        for relation in generic_relations(table):
            pointing = {relation.holder.attname: relation.holder.to_python(key)}
            pointing[relation.type_name] = relation.content_type(remote)
            yield from rows_of(relation.model, remote).filter(**pointing)


def hanging_by_cascade(row: Model, remote: str) -> Iterator[Model]:
    """Yield the remote rows that hang on a row and would go with it, whatever then protects them.

    A delete that is protected does not say through which rows.
    """
    for field in hanging_on(type(row)):
        if field.remote_field.on_delete is CASCADE and not is_parent_link(field):
            value = getattr(row, field.target_field.attname)
            yield from rows_of(field.model, remote).filter(**{field.attname: value})
    yield from hanging_loosely(row, remote)


def leading_to(shape: Shape, row: Model, going: Collection[Model], remote: str) -> list[Any]:
    """Return the fields by which a remote row points to one of those that go.

    Args:
        row: what points.
        going: what goes, of whatever models.

    Returns:
        Foreign keys, and columns that hold keys, with what tells their models.
    """
    found: list[Any] = []
    for field in shape.foreign_keys:
        model, attname = target_of(field)
        if any(_has_value(each, model, attname, row.__dict__.get(field.attname)) for each in going):
            found.append(field)
    for column in shape.key_columns:
        target = held_key(column, row, remote)
        if target is not None and any(_has_value(each, target[0], None, target[1]) for each in going):
            found += [column.field, *(field for field in shape.foreign_keys if field is column.told_by)]
    return found


def _has_value(row: Model, model: type[Model], attname: str | None, value: Any) -> bool:
    """Tell whether a row, or that of the same object in a child's table, is what a key of ``model`` means."""
    options: Any = model._meta
    attname = attname or str(options.pk.attname)
    if value is None:
        return False
    if isinstance(row, model):
        return bool(row.__dict__.get(attname) == value)
    return attname == options.pk.attname and root_of(model) is root_of(type(row)) and bool(row.pk == value)


def taken_along(row: Model, remote: str, *, keep_parents: bool) -> Iterator[Model]:
    """Yield the remote rows that ``row.delete()`` would delete with it; links and the object's own rows left out.

    Raises:
        ProtectedError, RestrictedError: it cannot be deleted.
    """
    if nothing_hangs_on(type(row)):
        return
    collected = collect(row, remote, keep_parents=keep_parents)
    if collected is None:
        return
    for model, instance in collected.read():
        if not is_part_of(instance, row) and not is_of_links(model):
            yield instance
    for rows in collected.unread:
        if not is_of_links(rows.model):
            yield from rows_of(rows.model, remote).filter(pk__in=rows.values("pk"))


def protecting_rows(error: ProtectedError | RestrictedError) -> Iterable[Any]:
    """Return the rows for which a row cannot be deleted."""
    return error.protected_objects if isinstance(error, ProtectedError) else error.restricted_objects


def protecting_keys(other: Model, row: Model) -> list[Any]:
    """Return the foreign keys by which a row protects another one, or itself, from being deleted."""
    foreign_keys: tuple[Any, ...] = shape_of(type(other)).foreign_keys
    return [
        field
        for field in foreign_keys
        if field.remote_field.on_delete in (PROTECT, RESTRICT)
        and _has_value(row, *target_of(field), local_value(other, field))
    ]


class DatabaseCascades:
    """What a database takes along; asked at most once for each model, and for as long as a batch lasts."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._cascading: dict[type[Model], tuple[Any, ...]] = {}

    def taken_along(self, row: Model, along: Iterable[Model], *, keep_parents: bool) -> Iterator[Model]:
        """Yield what goes by the database's own rules with a row, and with what Django deletes along with it.

        Args:
            row: what ``delete()`` is called of.
            along: what that takes along.
            keep_parents: the rows of its parents stay.
        """
        along = list(along)
        seen = {(type(each), each.pk) for each in along}
        level: dict[tuple[type[Model], bool], list[Model]] = {}
        for each in (row, *along):
            level.setdefault((type(each), False), []).append(each)
        while level:
            following: dict[tuple[type[Model], bool], list[Model]] = {}
            for (model, by_database), rows in level.items():
                own_alone = keep_parents and model is type(row)
                for instance in self._hanging_on(model, rows, by_database=by_database, own_alone=own_alone):
                    at = (type(instance), instance.pk)
                    if at not in seen and not is_part_of(instance, row):
                        seen.add(at)
                        following.setdefault((type(instance), True), []).append(instance)
                        yield instance
            level = following

    def _hanging_on(
        self, model: type[Model], rows: Collection[Model], *, by_database: bool, own_alone: bool
    ) -> Iterator[Model]:
        """Yield the rows that go with some of a model by rules of the database.

        Of what Django deletes, it takes care of all relations but those that it leaves to the database.
        """
        fields = [relation.field for relation in relations_to(model)] if by_database else left_to_database(model)
        if own_alone:
            fields = [field for field in fields if concrete_of(field.remote_field.model) is model]
        for field in self._those_cascading(model) if fields else ():
            if field in fields:
                values = [row.__dict__[field.target_field.attname] for row in rows]
                yield from rows_with(concrete_of(field.model), self._alias, **{field.attname: values})

    def _those_cascading(self, model: type[Model]) -> tuple[Any, ...]:
        if model not in self._cascading:
            fields = [relation.field for relation in relations_to(model) if relation.field.column]
            connection = connections[self._alias]
            numbers = statements_of(connection).cascading(connection, fields)
            self._cascading[model] = tuple(fields[number] for number in sorted(set(numbers)))
        return self._cascading[model]


@cache
def left_to_database(model: type[Model]) -> list[Any]:
    """Return the foreign keys to a model of which Django does nothing when rows of it are deleted."""
    fields = [relation.field for relation in relations_to(model)]
    return [field for field in fields if _is_left_to_database(field.remote_field.on_delete)]


def _is_left_to_database(on_delete: Any) -> bool:
    return on_delete == DO_NOTHING or hasattr(on_delete, "on_delete_sql")  # the latter since Django 6.1
