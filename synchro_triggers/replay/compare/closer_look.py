"""Few rows, looked at by all that tells which object is which: what differs, value by value."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import connections
from django.db.models import F, Model

from ...conf import local_alias
from ...exceptions import ObjectNotApplied
from ..identity.already_there import already_there
from ..identity.matching import Matching
from ..plan.rewriting import rewritten
from ..rows.held_keys import held_key
from ..rows.json_text import StoredText
from ..rows.local_rows import load_instances
from ..rows.other_spellings import OtherSpellings
from ..rows.partly_readable import garbled_times, read_in_part, was_read
from ..rows.raw_keys import is_of_one_object
from ..rows.selecting import rows_of, rows_with
from ..rows.shown_values import UNREADABLE, FieldDifference, difference_across, difference_of
from ..rows.values import local_value, same_value
from ..rows.vendor import fetch_texts
from ..schema.findable import is_hashable
from ..schema.key_columns import KeyColumn
from ..schema.keys import Unreadable
from ..schema.shape import Shape, is_foreign_key, points_to_key, root_of, shape_of, target_of
from ..tasks import At
from .keys_by_texts import why_unreadable
from .report import Finding
from .sides import Sides
from .tables import ComparedTable


class CloserLook:
    """One look at some rows of a table; what it knows is as old as it.

    Attributes:
        remote_keys: the remote keys of the rows that were found there, the same or not, by local key.
    """

    def __init__(self, sides: Sides, table: ComparedTable) -> None:
        self._sides, self._table = sides, table
        self._identity = sides.identity()
        self._spellings = OtherSpellings(sides.remote)
        self._matching = Matching(self._identity, self._spellings)
        self._reasons: dict[Any, str] = {}
        self._rows: dict[str, dict[Any, Model]] = {}
        self._there: dict[tuple[str, type[Model]], dict[Any, bool]] = {}
        self.remote_keys: dict[Any, Any] = {}

    def at(self, keys: Sequence[Any]) -> dict[Any, Finding]:
        """Return what is not the same, by local key; what LOCAL does not have any more is left out."""
        unreadable = {key: key for key in keys if isinstance(key, Unreadable)}
        found = {
            key: Finding(key, None, "local", reason=why_unreadable(self._table.model, key, local_alias()))
            for key in unreadable
        }
        rows = self._rows[local_alias()] = self._read(local_alias(), [key for key in keys if key not in unreadable])
        remote_keys = self.match(list(rows))
        remote_rows = self._read(self._sides.remote, list(dict.fromkeys(remote_keys.values())))
        self._rows[self._sides.remote] = remote_rows
        for model, led_to in self._led_to(local_alias()).items():
            self._identity.load(root_of(model), led_to)
        for key, row in rows.items():
            remote_key = remote_keys.get(key)
            other = remote_rows.get(remote_key) if remote_key is not None else None
            if other is None:
                found[key] = Finding(key, remote_key, "local", reason=self._reasons.get(key, ""))
                continue
            self.remote_keys[key] = remote_key
            if fields := tuple(self._differing(row, other)):
                found[key] = Finding(key, remote_key, fields=fields)
        return found

    def _read(self, alias: str, keys: Collection[Any]) -> dict[Any, Any]:
        """Return rows by key; a value that cannot be read is missing in them."""
        model = self._table.model
        rows = {row.pk: row for row in read_in_part(model, alias, list(keys))} if keys else {}
        for name, garbled in garbled_times(model, alias, rows.values()).items():
            for key in garbled:
                del rows[key].__dict__[name]
        return rows

    # Which remote rows they are -------------------------------------------------------------------

    def match(self, keys: Sequence[Any]) -> dict[Any, Any]:
        """Return which remote rows objects of LOCAL are, by their keys; those that are none are left out."""
        root, identity = self._table.root, self._identity
        identity.load(root, keys)
        found = {key: known for key in keys if (known := identity.known(root, key)) is not None}
        missing = [key for key in keys if key not in found]
        errors: dict[Any, Exception] = {}
        by_type: dict[type[Model], list[Model]] = {}
        for row in load_instances(root, missing, errors).values():
            by_type.setdefault(type(row), []).append(row)
        for model, rows in by_type.items():
            found.update(self._match_alike(shape_of(model), rows))
        for key in errors:
            if (kept := self._matching.match_kept_key(shape_of(root), key)) is not None:
                found[key] = kept
        return found

    def _match_alike(self, shape: Shape, rows: Sequence[Model]) -> dict[Any, Any]:
        try:
            found, unclear = self._matching.match_many(shape, rows)
        except Exception as error:
            if not is_of_object(error):
                raise
            found, unclear = {}, {row.pk for row in rows}
        for row in rows:
            if row.pk in unclear:
                try:
                    found[row.pk] = self._matching.match(shape, row)
                except Exception as error:
                    if not is_of_object(error):
                        raise
                    self._reasons[row.pk] = " ".join(str(error).split())
        found = {key: remote_key for key, remote_key in found.items() if remote_key is not None}
        kept_key = self._matching.keys_there.kept_key
        missing = [(row, kept_key(shape, row.pk)) for row in rows if row.pk not in found]
        hidden = already_there(self._spellings, self._matching.natural_keys, shape, missing)
        self._reasons = {key: str(why) for key, why in hidden.items()} | self._reasons
        return found

    # What differs ---------------------------------------------------------------------------------

    def _differing(self, row: Model, other: Model) -> Iterable[FieldDifference]:
        columns = {column.field: column for column in self._table.key_columns}
        for field in self._table.fields:
            if not (was_read(row, field) and was_read(other, field)):
                yield from self._unread(field, row, other)
                continue
            value, there = local_value(row, field), local_value(other, field)
            if field in columns:
                expected = self._held_there(columns[field], row, other)
            elif is_foreign_key(field) and value is not None:
                expected = self._foreign_key(field, value, there)
            else:
                expected = value
            if expected is _NOT_THERE or not same_value(field, expected, there):
                yield difference_across(field, value, value if expected is _NOT_THERE else expected, there)

    def _unread(self, field: Any, row: Model, other: Model) -> Iterable[FieldDifference]:
        """Compare by their stored texts what cannot be read."""
        sides = ((local_alias(), row), (self._sides.remote, other))
        texts = [_stored_text(self._table.model, alias, each.pk, field) for alias, each in sides]
        if not self._sides.are_alike or texts[0] != texts[1]:
            shown = [local_value(each, field) if was_read(each, field) else UNREADABLE for _, each in sides]
            yield difference_of(field, *shown)

    def _foreign_key(self, field: Any, value: Any, there: Any) -> Any:
        """Return what a foreign key should hold on the remote; one that leads nowhere may hold any key that does so."""
        found = self._matching.keys_there.translate(field, value)
        expected = _NOT_THERE if found is None else found
        if there is None or not points_to_key(field) or (found is not None and same_value(field, found, there)):
            return expected
        # A number that is known may be that of a parent's row alone, where the key leads to a child.
        target = target_of(field)[0]
        if self._has(local_alias(), target, value) or self._has(self._sides.remote, target, there):
            return expected
        return there

    def _held_there(self, column: KeyColumn, row: Model, other: Model) -> Any:
        """Return what a column that holds keys should hold on the remote."""
        if column.rewrite is not None:
            return self._rewritten(column, row, other)

        def key_there(target: At, written: Any) -> Any:
            known = self._matching.keys_there.held_there(column, target, written)
            expected = _NOT_THERE if known is None else known
            there = other.__dict__.get(column.field.attname)
            if there is None or (known is not None and same_value(column.field, known, there)):
                return expected
            points_to = held_key(column, other, self._sides.remote)
            if points_to is None or self._has(local_alias(), *target) or self._has(self._sides.remote, *points_to):
                return expected
            return there

        return rewritten(column, row, key_there, self._sides.remote)

    def _rewritten(self, column: KeyColumn, row: Model, other: Model) -> Any:
        """Return what a callable makes of a value; what it cannot tell, since it raises, is not there.

        Keys that lead nowhere may be any others there that lead nowhere: of both sides they are made the same.
        """
        keys, remote, there = self._matching.keys_there, self._sides.remote, local_value(other, column.field)

        def key_there(target: At, written: Any) -> Any:
            known = keys.held_there(column, target, written)
            if known is None and not self._has(local_alias(), *target):
                return _blank(written)
            return written if known is None else known

        def key_of_somebody(target: At, written: Any) -> Any:
            return key_there(target, written) if self._has(local_alias(), *target) else _blank(written)

        def key_as_it_is(target: At, written: Any) -> Any:
            return written if self._has(remote, *target) else _blank(written)

        try:
            expected = rewritten(column, row, key_there, remote)
            if not same_value(column.field, expected, there):
                blanked = rewritten(column, row, key_of_somebody, remote)
                if same_value(column.field, blanked, rewritten(column, other, key_as_it_is, remote)):
                    return there
        except ObjectNotApplied:
            return _NOT_THERE
        return expected

    def _has(self, alias: str, model: type[Model], key: Any) -> bool:
        """Tell whether a database has an object; the first time, all are asked for that rows may lead to."""
        known = self._there.setdefault((alias, model), {})
        if key not in known:
            asked = {key, *self._led_to(alias).get(model, ())}
            there = set(rows_with(model, alias, pk=asked).values_list("pk", flat=True))
            known.update((each, each in there) for each in asked)
        return known[key]

    def _led_to(self, alias: str) -> dict[type[Model], set[Any]]:
        """Return what a database's rows lead to by foreign keys, and by columns that hold keys: keys by model."""
        foreign_keys = [(field.attname, target_of(field)[0]) for field in self._table.keys]
        found: dict[type[Model], set[Any]] = {}
        for row in self._rows[alias].values():
            held = [(model, row.__dict__.get(attname)) for attname, model in foreign_keys]
            held += filter(None, (held_key(column, row, alias) for column in self._table.key_columns))
            for model, key in held:
                if key is not None and is_hashable(key):
                    found.setdefault(model, set()).add(key)
        return found


def _blank(key: Any) -> Any:
    """Return what stands for a key that leads nowhere, of the same type: no database gives out such a one."""
    return -(2**63) if isinstance(key, int) else "\0"


def is_of_object(error: Exception) -> bool:
    """Tell what an object's natural key may raise: several have it, or it cannot be made."""
    return isinstance(error, ObjectNotApplied) or is_of_one_object(error)


def _stored_text(model: type[Model], alias: str, key: Any, field: Any) -> Any:
    rows = rows_of(model, alias).filter(pk=key).values_list(StoredText(F(field.name)))
    found = fetch_texts(connections[alias], *rows.query.get_compiler(alias).as_sql())
    return found[0][0] if found else None


#: Stands for the key of a target that the remote does not have: no value of a column.
_NOT_THERE = object()
