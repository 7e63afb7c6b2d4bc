"""Rows that travel as they are stored, where both databases are of one vendor: no value becomes one of Python's.

A column's codec is made once for a field and the two vendors: it is the identity where both store the same, with SQL
that holds what no reader of Python would take, so that the other writers find it and tell of it. Where there is none,
rows are read and written as ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import Any

from django.conf import settings as django_settings
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from ...capture.tables import kind_of
from ...django_inside.missing_columns import missing_on
from ..schema.stored_types import has_placeholder, plain_type
from .json_text import is_copied_as_text
from .utc import doubling_zone
from .vendor import quoting, statements_of


class AsStored:
    """Carries rows of one model with an automatic key from one database to another.

    Args:
        here, there: the aliases.
        fields: all that is copied, of one table.
    """

    def __init__(self, here: str, there: str, model: type[Model], fields: Sequence[Any], guards: Sequence[str]) -> None:
        self._here, self._there, self._model, self._fields = here, there, model, fields
        self._guards = guards

    def read(self, keys: list[str]) -> tuple[list[str], Any]:
        """Return the keys, as texts, of those rows that can be carried, and the rows."""
        connection = connections[self._here]
        # What cannot be read so is read otherwise: a transaction of whoever calls must not be spoilt by it.
        apart = transaction.atomic(using=self._here) if connection.in_atomic_block else nullcontext()
        with apart:
            return statements_of(connection).read_as_stored(connection, self._model, self._fields, self._guards, keys)

    def keys_in(self, field: Any, rows: Any) -> list[int | None]:
        """Return what one of the fields, which holds whole numbers, has in rows that were read."""
        return statements_of(connections[self._here]).stored_column(rows, self._fields.index(field))

    def with_keys(self, field: Any, rows: Any, keys: Sequence[int | None]) -> Any:
        """Return rows that were read, with other values of one of the fields."""
        return statements_of(connections[self._here]).with_stored_column(rows, self._fields.index(field), keys)

    def insert(self, rows: Any) -> list[str]:
        """Insert rows; return their keys there, as texts. Fewer of them: a row was put elsewhere, or nowhere."""
        connection = connections[self._there]
        return statements_of(connection).insert_as_stored(connection, self._model, self._fields, rows)


def carrying(here: str, there: str, model: type[Model], fields: Sequence[Any]) -> AsStored | None:
    """Return what carries rows of a model as they are stored; ``None``: a value would have to become another."""
    one, other = connections[here], connections[there]
    if statements_of(one) is not statements_of(other) or not fields:
        return None
    if not (missing_on(one) | missing_on(other)).isdisjoint(fields):
        return None
    if any(_is_time(field) for field in fields) and not _store_times_alike(here, there):
        return None
    guards = _guards(one, fields)
    return None if guards is None else AsStored(here, there, model, fields, guards)


def _guards(connection: BaseDatabaseWrapper, fields: Iterable[Any]) -> list[str] | None:
    """Return what the rows must satisfy; ``None``: one of the fields is not carried."""
    guards: list[str] = []
    carried, quote = statements_of(connection).CARRIED, quoting(connection)
    for field in fields:
        if field.is_relation and plain_type(field) is not int:
            return None
        if not _is_djangos_own(field) or (guard := carried.get(kind_of(field))) is None:
            return None
        if guard:
            column = f"held.{quote(field.column)}"
            places = getattr(field, "decimal_places", None) or 0
            digits = (getattr(field, "max_digits", None) or 0) - places
            guards.append(f"({column} IS NULL OR ({guard.format(column, places=places, digits=digits)}))")
    return guards


def _is_djangos_own(field: Any) -> bool:
    """Tell whether nothing of a project's own has a say in how the field's values are read and written."""
    if not type(field).__module__.startswith("django.db.models.fields"):
        return False
    return not has_placeholder(field) and (field.get_internal_type() != "JSONField" or is_copied_as_text(field))


def _is_time(field: Any) -> bool:
    return bool(field.get_internal_type() == "DateTimeField")


def _store_times_alike(here: str, there: str) -> bool:
    """Tell whether both databases write the same instant with the same text, and another one with none."""
    zones = {connections[alias].settings_dict.get("TIME_ZONE") for alias in (here, there)}
    return len(zones) == 1 and (not django_settings.USE_TZ or not any(map(doubling_zone, (here, there))))
