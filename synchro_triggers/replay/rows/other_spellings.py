"""Keys that another client has stored in a remote's SQLite file in a way of its own.

A column of SQLite's holds what it is given: a UUID in capitals, a date without zeros, a time with a ``T``. Django reads
the value all the same, but does not find the row by it. To create the object would make a second row with the same key.

Only what is about to be created is looked for, and only by keys of types that have several spellings. A small table is
read once a run for what is not spelt as Django does it. In a larger one the usual spellings are looked up.
"""

from __future__ import annotations

import datetime
import ipaddress
import uuid
from collections.abc import Collection, Iterator, Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import F, Lookup, Model, Q, TextField
from django.db.models.functions import Cast

from ...capture.keys import decode_value
from ...capture.tables import kind_of
from ...vendors.vendor import database_of
from .selecting import Among, rows_of, stored_field
from .utc import zone_of
from .vendor import fetch_texts, quoting, statements_of

#: A custom field that reads values in its own way: nobody knows how it spells them.
_OWN_WAY = "0"

#: Rows of a table that is read as a whole (0.3 µs a row): that many, and so many for each object that is created.
_FEW, _FOR_EACH = 5_000, 10

Names = tuple[str, ...]
Values = tuple[Any, ...]


class OtherSpellings:
    """What a remote has in other spellings, as far as a run has asked."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._read: dict[tuple[type[Model], Names], dict[Values, dict[str, str]]] = {}
        self._asked: dict[tuple[type[Model], Names], int] = {}

    def forget(self) -> None:
        """Forget what was read: a run begins."""
        self._read.clear()
        self._asked.clear()

    def may_hide(self, model: type[Model], names: Names) -> bool:
        """Tell whether rows may have values, by these names, that are not found by them."""
        return database_of(connections[self._alias]).HOLDS_ANYTHING and bool(self._patterns(model, names))

    def among(self, model: type[Model], names: Names, wanted: Collection[Values]) -> dict[Values, dict[str, str]]:
        """Return those of the values that a row has in another spelling, with the texts by names.

        Args:
            names: attribute names, or paths along foreign keys.
            wanted: the values that the names have together, as Python has them.
        """
        if not wanted or not self.may_hide(model, names):
            return {}
        at = (model, names)
        if at not in self._read:
            self._asked[at] = self._asked.get(at, 0) + len(wanted)
            if self._has_more_than(model, _FEW + _FOR_EACH * self._asked[at]):
                return self._likely(model, names, wanted)
            patterns = self._patterns(model, names)
            self._read[at] = dict(self._rows(model, names, [NotAs(F(name), sql) for name, sql in patterns.items()]))
        return {values: self._read[at][values] for values in wanted if values in self._read[at]}

    def _patterns(self, model: type[Model], names: Names) -> dict[str, str]:
        """Return the names whose values have several spellings, and the SQL of Django's."""
        found: dict[str, str] = {}
        usual = statements_of(connections[self._alias]).SPELT_BY_DJANGO
        for name in names:
            field = stored_field(model, name)
            if type(field).__module__.startswith("django.") and kind_of(field) in usual:
                found[name] = usual[kind_of(field)]
            elif hasattr(field, "from_db_value") and not type(field).__module__.startswith("django."):
                found[name] = _OWN_WAY
        return found

    def _has_more_than(self, model: type[Model], number: int) -> bool:
        table = quoting(connections[self._alias])(model._meta.db_table)
        with connections[self._alias].cursor() as cursor:
            cursor.execute(f"SELECT 1 FROM {table} LIMIT 1 OFFSET %s", [number])
            return cursor.fetchone() is not None

    def _likely(self, model: type[Model], names: Names, wanted: Collection[Values]) -> dict[Values, dict[str, str]]:
        connection = connections[self._alias]
        conditions = []
        for name in self._patterns(model, names):
            values = {each[names.index(name)] for each in wanted}
            texts = {text for value in values for text in likely_spellings(value, zone_of(self._alias))}
            texts -= {as_written(stored_field(model, name), value, connection) for value in values}
            among = statements_of(connection).among(connection, None, sorted(texts))
            conditions.append(Among(F(name), among))
        found = dict(self._rows(model, names, conditions))
        return {values: found[values] for values in wanted if values in found}

    def _rows(
        self, model: type[Model], names: Names, conditions: Sequence[Lookup]
    ) -> Iterator[tuple[Values, dict[str, str]]]:
        """Yield the values of rows of which a condition is true, and those texts that are not Django's.

        What cannot be read has no value that an object could have.
        """
        connection, zone = connections[self._alias], zone_of(self._alias)
        either = reduce(or_, map(Q, conditions))
        texts_of = [Cast(F(name), TextField()) for name in names]
        rows = rows_of(model, self._alias).filter(either).values_list(*texts_of)
        sql, params = rows.query.get_compiler(self._alias).as_sql()
        fields = {name: stored_field(model, name) for name in names}
        several = self._patterns(model, names)
        for texts in fetch_texts(connection, sql, params):
            by_name = dict(zip(names, texts, strict=True))
            try:
                values = {name: decode_value(fields[name], text, zone) for name, text in by_name.items()}
                hash(tuple(values.values()))
                other = {
                    name: str(by_name[name])
                    for name in several
                    if by_name[name] != as_written(fields[name], values[name], connection)
                }
            except (ValueError, TypeError, ArithmeticError, ValidationError):
                continue
            if other:
                yield tuple(values.values()), other


class NotAs(Lookup):
    """True of what is there, and is no text as Django writes it: an SQL template says what that looks like."""

    lookup_name = "not_as"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        sql = f"({column} IS NOT NULL AND NOT ({self.rhs.format(column)}))"
        return sql, tuple(params) * (1 + self.rhs.count("{0}"))


def as_written(field: Any, value: Any, connection: Any) -> Any:
    """Return the text that Django writes for a value."""
    return field.get_db_prep_value(value, connection)


#: How a text says that a time is in UTC.
_ENDS_IN_UTC = ("Z", "+00:00", "+0000", "+00", " +00:00")


def likely_spellings(value: Any, zone: datetime.tzinfo) -> set[str]:
    """Return texts of a value that other clients are known to write, Django's among them.

    Args:
        value: a UUID, date, time or IP address as Python has it; of anything else nothing is known.
        zone: that of times which name none.
    """
    if isinstance(value, uuid.UUID):
        dashed = str(value)
        plain = (value.hex, dashed, f"{{{dashed}}}")
        return {*plain, *(text.upper() for text in plain)}
    if isinstance(value, datetime.datetime):
        return _likely_datetimes(value, zone)
    if isinstance(value, datetime.date):
        year, month, day = f"{value.year:04}", value.month, value.day
        return {f"{year}-{m}-{d}" for m in (month, f"{month:02}") for d in (day, f"{day:02}")}
    if isinstance(value, datetime.time):
        return _likely_times(value)
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return set()
    texts = {str(address), address.exploded}
    return texts | {text.upper() for text in texts}


def _likely_datetimes(value: datetime.datetime, zone: datetime.tzinfo) -> set[str]:
    naive = value.astimezone(zone).replace(tzinfo=None) if value.tzinfo is not None else value
    texts = {f"{naive.date()}{between}{time}" for between in " T" for time in _likely_times(naive.time())}
    if value.tzinfo is None:
        return texts
    utc = value.astimezone(datetime.UTC).replace(tzinfo=None)
    return texts | {
        f"{utc.date()}{between}{time}{end}"
        for between in " T"
        for time in _likely_times(utc.time())
        for end in _ENDS_IN_UTC
    }


def _likely_times(time: datetime.time) -> set[str]:
    texts = {time.isoformat(), time.isoformat("microseconds")}
    if not time.microsecond % 1000:
        texts.add(time.isoformat("milliseconds"))
    if not (time.second or time.microsecond):
        texts.add(time.isoformat("minutes"))
    return texts
