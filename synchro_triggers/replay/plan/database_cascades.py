"""Rows that a database deletes by itself with others: ``ON DELETE CASCADE``, which Django's collector cannot see.

Django leaves a relation to the database where its model says ``DO_NOTHING`` or, from 6.1 on, ``DB_CASCADE``. What the
database does then is asked of the remote itself, and only there where such a relation leads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import Any

from django.db import connections
from django.db.models import DO_NOTHING, Model

from ..rows.selecting import rows_with
from ..rows.vendor import statements_of
from ..schema.relations import relations_to
from ..schema.shape import concrete_of
from .cascades import is_part_of


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
