"""Tables whose inserts may come back empty-handed: a trigger or rule there cancels them, or puts the row elsewhere.

A ``BEFORE INSERT`` trigger that returns NULL, a rule ``DO INSTEAD``, an ``INSTEAD OF`` trigger on a view, a foreign
table, SQLite's ``RAISE(IGNORE)``: the statement succeeds, counts no row and returns none. The row may be there all the
same, in a partition or a table that inherits. So of such tables nothing that an insert returns is relied on: an
automatic key is taken from its sequence first, and the row is looked for afterwards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db import connections
from django.db.models import Model

from ...exceptions import ObjectNotApplied
from ..schema.shape import Shape, tables_of
from .selecting import rows_of, rows_with
from .vendor import statements_of


class NothingInserted(ObjectNotApplied):
    """An insert has returned no row, and the row cannot be found."""

    def __init__(self, label: str, alias: str) -> None:
        super().__init__(
            f"{label} on {alias!r}: the database returned no row for the insert: a trigger or rule there cancels or "
            "redirects it, and nothing tells the row (a natural key, a kept primary key, a unique field)"
        )


#: How many keys are looked at together where some are taken already.
_RESERVED_AT_ONCE = 1_000


class Redirects:
    """Knows the tables of a database whose inserts may be cancelled or redirected: looked for in a run that inserts."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._suspects: frozenset[Any] | None = None
        self._known: dict[type[Model], bool] = {}

    def forget(self) -> None:
        """Look again when it matters: anybody may have made a trigger meanwhile."""
        self._known.clear()
        self._suspects = None

    def look(self) -> frozenset[Any]:
        """Return these tables; the catalog is asked once.

        Where inserts are to come, somebody calls this before rows are read ahead: these would be dropped by a statement
        in between that may do anything, for all that is known.
        """
        if self._suspects is None:
            connection = connections[self._alias]
            self._suspects = statements_of(connection).redirecting(connection)
        return self._suspects

    def concern(self, model: type[Model]) -> bool:
        """Tell whether what an insert of the model returns must not be relied on."""
        connection = connections[self._alias]
        if not (suspects := self.look()):
            return False
        if model not in self._known:
            tables = {each._meta.db_table for each in (model, *model._meta.all_parents)}
            identity_of = statements_of(connection).identity_of
            self._known[model] = any(identity_of(connection, table) in suspects for table in tables)
        return self._known[model]

    def reserve(self, shape: Shape, number: int) -> list[Any]:
        """Return keys for new rows of a model that this concerns; ``None`` for each where none can be taken.

        None is the key of a row that is there: users may have written numbers to which the sequence has yet to come.
        An insert that nothing is known of would seem to have made that row.
        """
        free: list[Any] = []
        asked = number
        while shape.automatic_key and len(free) < number:
            connection = connections[self._alias]
            keys = statements_of(connection).reserve_keys(connection, shape.root, asked)
            if not keys:
                break
            there = set(rows_with(shape.root, self._alias, pk=keys).values_list("pk", flat=True))
            free += [key for key in keys if key not in there]
            asked = min(2 * asked, _RESERVED_AT_ONCE)  # the sequence may be far behind
        return free[:number] or [None] * number

    def require(self, shape: Shape, keys: Iterable[Any]) -> None:
        """Raise ``NothingInserted`` unless rows with all of these keys are there."""
        if not self.are_there(shape, set(keys)):
            raise NothingInserted(shape.label, self._alias)

    def are_there(self, shape: Shape, keys: Collection[Any]) -> bool:
        """Tell whether there are rows with these keys, in each of the tables of a model."""
        return None not in keys and all(
            rows_with(table.model, self._alias, pk=keys).count() == len(keys) for table in tables_of(shape)
        )

    def find_by_unique_values(self, shape: Shape, row: Model) -> list[Any]:
        """Return the keys of the rows that have unique values of ``row``."""
        options = shape.model._meta
        groups = [
            *((field.name,) for field in options.concrete_fields if field.unique and not field.primary_key),
            *(tuple(names) for names in options.unique_together),
            *(tuple(constraint.fields) for constraint in options.total_unique_constraints),
        ]
        keys: dict[Any, None] = {}
        for names in groups:
            fields: list[Any] = [options.get_field(name) for name in names]
            values = {field.attname: row.__dict__.get(field.attname) for field in fields}
            if None not in values.values():
                found = rows_of(shape.model, self._alias).filter(**values).values_list("pk", flat=True)[:2]
                if len(found) == 1:
                    keys[found[0]] = None
        return list(keys)
