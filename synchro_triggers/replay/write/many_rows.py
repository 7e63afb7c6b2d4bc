"""A writer that nobody hears: rows of one model, many at a time, without an instance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connections

from ...django_inside.missing_columns import missing_on
from ..plan.context import RunContext
from ..plan.decisions import Decision
from ..rows.statements import insert_rows, update_rows
from ..schema.shape import Shape, tables_of
from .outcomes import Outcomes
from .unique_values import free_values_for_many


class Rows:
    """Creates and updates rows by one statement a table."""

    def __init__(self, context: RunContext, outcomes: Outcomes) -> None:
        self._context, self._outcomes = context, outcomes
        self._remote = context.remote

    def create(self, shape: Shape, some: Sequence[Decision]) -> Sequence[Decision]:
        """Insert rows; put the keys that the database has given them into the decisions.

        Raises:
            NothingInserted: the database has put a row elsewhere, or nowhere.
        """
        reserve_keys(self._context, shape, some)
        for keyed in (True, False):
            alike = [each for each in some if (each.remote_key is not None) is keyed]
            if alike:
                self._insert(shape, alike, keyed=keyed)
        return some

    def _insert(self, shape: Shape, alike: Sequence[Decision], *, keyed: bool) -> None:
        unsure, missing = self._context.redirects.concern(shape.model), missing_on(connections[self._remote])
        keys = [each.remote_key for each in alike]
        for table in tables_of(shape):
            copied = [shape.copied[number] for number in table.numbers]
            own = table.model._meta.local_concrete_fields
            defaults = [
                field for field in shape.skipped if field in own and not field.has_db_default() and field not in missing
            ]
            key = table.key if keyed or table.model is not shape.root else ()
            rows = [
                [
                    *(key_parts(shape, remote_key) if key else ()),
                    *(each.values[number] for number in table.numbers),
                    *(field.get_default() for field in defaults),
                ]
                for each, remote_key in zip(alike, keys, strict=True)
            ]
            columns = [*key, *copied, *defaults]
            keys = insert_rows(self._remote, table.model, columns, rows, unsure=unsure) or keys
        if unsure:
            self._context.redirects.require(shape, keys)
        for each, remote_key in zip(alike, keys, strict=True):  # not before all of its tables have it
            each.remote_key = remote_key
        if keyed:
            self._outcomes.note_given_keys(shape, keys)

    def update(self, shape: Shape, some: Sequence[Decision]) -> Sequence[Decision]:
        """Update rows.

        Raises:
            RowsVanished: one is gone.
        """
        for table in tables_of(shape):
            if copied := [shape.copied[number] for number in table.numbers]:
                rows = [
                    [*key_parts(shape, each.remote_key), *(each.values[number] for number in table.numbers)]
                    for each in some
                ]
                update_rows(self._remote, table.model, table.key, copied, rows)
        return some

    def update_apart(self, shape: Shape, some: Sequence[Decision]) -> Sequence[Decision]:
        """Update rows that want unique values of one another: they get values that nobody has first."""
        give_free_values(self._remote, shape, some)
        return self.update(shape, some)


def reserve_keys(context: RunContext, shape: Shape, some: Sequence[Decision]) -> None:
    """Give new rows their keys before they are inserted, where an insert may return nothing."""
    without = [each for each in some if each.remote_key is None]
    if without and context.redirects.concern(shape.model):
        for each, key in zip(without, context.redirects.reserve(shape, len(without)), strict=True):
            each.remote_key = key


def give_free_values(remote: str, shape: Shape, some: Sequence[Decision]) -> None:
    """Let rows have values in their unique columns that no other row has."""
    free = free_values_for_many(remote, shape, len(some))
    for table in tables_of(shape):
        fields = [field for field in free if field in table.model._meta.local_concrete_fields]
        rows = [
            [*key_parts(shape, each.remote_key), *(free[field][number] for field in fields)]
            for number, each in enumerate(some)
        ]
        if fields:
            update_rows(remote, table.model, table.key, fields, rows)


def key_parts(shape: Shape, key: Any) -> Sequence[Any]:
    """Return the parts of a key: of most one, of a composite one several."""
    return key if shape.composite_key else (key,)
