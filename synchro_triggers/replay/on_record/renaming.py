"""Giving one of two objects that want the same unique values another one, as a change of its database's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connections
from django.db.models import IntegerField, Model, QuerySet

from ...capture.install import require_capture
from ...capture.keys import encode_key
from ...conf import get_settings, local_alias
from ...exceptions import Refused, SynchroConfigurationError, SynchroError
from ...key_texts import printable_key, stored_key
from ...models import Afterwards, Conflict, ConflictKind, Failure
from ...moment import UtcNow
from ...reaching import means_unreachable
from ...unnamed import unnamed_on
from ...vendors.vendor import writing_on
from ..log.changes import LONG_AGO
from ..plan.clash import Clash, other_values
from ..rows.read_ahead import RowLocks
from ..rows.selecting import rows_of
from ..rows.utc import times_in_utc, zone_of
from ..rows.value_texts import NotReadBack, from_json
from ..rows.values import local_value, same_value, set_values
from ..schema.relations import links_to_children
from ..schema.shape import Shape, concrete_of, leads_elsewhere, model_of, parents_of, read_key, shape_of, shown_key
from ..schema.unique_sets import UniqueSet, natural_set, own_key, unique_sets
from ..state.failures import describe
from ..state.node import node_id
from ..write.one import save
from .listing import aliases_of_nodes, versions_of

#: What a database takes that names no range itself.
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1

#: Values by attribute names.
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Renamed:
    """What was done.

    Attributes:
        database: the alias of the database whose object has other values now.
        model, key: the object.
        before, after: the values that it had, and has, as people may see them, by names of fields.
        advice: what brings both objects to the other databases.
    """

    database: str
    model: str
    key: str
    before: dict[str, str | None]
    after: dict[str, str | None]
    advice: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return asdict(self)


def rename(alias: str, record: Conflict, given: tuple[str, str] | None = None, *, side: str | None = None) -> Renamed:
    """Give one of two objects of a clash that is on record another value.

    With the record's mark it is one transaction, and, but for that, what users of that database might have done. Where
    the object is the sender's, its own transaction is committed first.

    Args:
        alias: the database that has the record.
        record: the record.
        given: the name of a field, and its new value as text; ``None``: what the option ``unique`` says.
        side: ``remote``: the object of that database (the default); ``local``: the sender's. Without ``given``: the
            one that was changed last, which the option is asked for.

    Raises:
        Refused: the record is of no clash, or closed; one of the objects is gone; they want the same values no more;
            the new value is another object's. Nothing was changed.
        SynchroConfigurationError: the field is not part of the clash, the value is none, or there is no such option.
        SynchroError: the database, or code of the project, has refused the value. Nothing was changed.
    """
    with _told(record, alias), ExitStack() as opened:
        for context in (writing_on(alias), unnamed_on(alias), times_in_utc(alias)):
            opened.enter_context(context)
        rows: QuerySet[Conflict] = QuerySet(Conflict, using=alias).filter(pk=record.pk)
        current = RowLocks(alias).taken(rows).first()
        if current is None:
            raise Refused(f"Conflict {record.pk} on {alias!r} was forgotten meanwhile: nothing was changed.")
        _require_open_clash(current, alias)
        met = _Met(alias, current)
        done = met.by_option(side) if given is None else met.by_hand(*given, side or "remote")
        rows.update(taken=Afterwards.RENAMED, taken_at=UtcNow())
    return done


def _named(record: Conflict, alias: str) -> str:
    return f"{record.model_label} {printable_key(record.remote_key)} on {alias!r} (conflict {record.pk})"


@contextmanager
def _told(record: Conflict, alias: str) -> Iterator[None]:
    """Say of which object an error is; also one at the commit."""
    try:
        yield
    except (DatabaseError, ValidationError, NotReadBack) as error:
        if isinstance(error, DatabaseError) and means_unreachable(error):
            raise
        raise SynchroError(
            f"{_named(record, alias)}: the value cannot be written: {describe(error)}. Nothing was changed."
        ) from error


def _require_open_clash(record: Conflict, alias: str) -> None:
    if record.kind != ConflictKind.UNIQUE:
        raise Refused(
            f"{_named(record, alias)}: this is {record.kind}, and not two objects that want the same unique values. "
            f"Nothing was changed. Take a side: synchro_conflicts --take local {record.pk}, or --take remote."
        )
    if record.taken or record.merged_values is not None:
        at = record.taken_at or record.decided_at
        raise Refused(
            f"{_named(record, alias)}: one of both objects has other values already, since {at:%Y-%m-%d %H:%M:%S}. "
            "Nothing was changed."
        )


class _Met:
    """Both objects of a clash as they are now."""

    def __init__(self, alias: str, record: Conflict) -> None:
        self._alias, self._record = alias, record
        model = model_of(record.model_label)
        if model is None:
            raise self._refused("there is no such model any more")
        self._shape = shape_of(concrete_of(model))
        self._wanted = self._recorded()
        self._sender = aliases_of_nodes(alias).get(record.source)
        self._row = self._row_there()
        self._here: Model | None = None
        if self._sender == local_alias():
            self._here = self._row_at_sender(local_alias(), to_write=False)
        self._clashing = [each for each in _all_sets(self._shape, alias) if self._is_held(each)]
        if not self._clashing:
            raise self._refused("both objects want the same unique values no more")
        self._names = tuple(dict.fromkeys(name for each in self._clashing for name in each.names))

    def _refused(self, said: str) -> Refused:
        return Refused(
            f"{_named(self._record, self._alias)}: {said}. Nothing was changed. The next `manage.py synchronize` tries "
            f"again; synchro_conflicts --forget {self._record.pk} takes it off the record."
        )

    def _recorded(self) -> dict[str, Any]:
        """Return the values of the sender's object, as the database that has the record would hold them."""
        version, _, _ = versions_of(self._record)
        connection, fields = connections[self._alias], {field.name: field for field in self._shape.copied}
        known = {name: raw for name, raw in (version or {}).items() if name in fields}
        return {fields[name].attname: from_json(fields[name], raw, connection) for name, raw in known.items()}

    def _row_there(self) -> Model:
        for model in (self._shape.model, *parents_of(self._shape.model)):
            key = read_key(model, self._record.remote_key, zone_of(self._alias))
            row = RowLocks(self._alias).taken(rows_of(model, self._alias).filter(pk=key)).first()
            if row is not None:
                return _most_derived(row, self._alias)
        raise self._refused("it is gone")

    def _row_at_sender(self, alias: str, *, to_write: bool) -> Model:
        """Return the sender's object.

        Raises:
            Refused: it is gone, or has other values now.
        """
        shape, text = self._shape, self._record.local_key
        where = f"{shape.label} {printable_key(shown_key(shape.label, text))} on {alias!r}, which wanted its values,"
        key = read_key(shape.model, text, zone_of(alias))
        rows = rows_of(shape.model, alias).filter(pk=key)
        row: Model | None = (RowLocks(alias).taken(rows) if to_write else rows).first()
        if row is None:
            raise self._refused(f"{where} is gone")
        for each in _all_sets(shape, self._alias):
            if self._is_held(each):
                plain = [field for field in each.fields if not leads_elsewhere(field)]
                if all(same_value(field, self._wanted[field.attname], local_value(row, field)) for field in plain):
                    return row
        raise self._refused(f"{where} was changed since, or both want the same unique values no more")

    def _is_held(self, unique: UniqueSet) -> bool:
        """Tell whether the row there has the values that the sender's object wants."""
        own = own_key(shape_of(type(self._row)), unique.model, self._row.__dict__, self._row.pk)
        holders = unique.holders(rows_of(unique.model, self._alias).filter(pk=own), self._wanted)
        return holders is not None and holders.exists()

    # Other values -----------------------------------------------------------------------------------

    def by_hand(self, name: str, text: str, side: str) -> Renamed:
        """Give the object of a side a value."""
        if name not in self._names:
            raise SynchroConfigurationError(
                f"{_named(self._record, self._alias)}: {name!r} is not among what both objects want, which is "
                f"{', '.join(self._names)}. Nothing was changed."
            )
        [field] = [field for each in self._clashing for field in each.fields if field.name == name][:1]
        return self._write(side, {field.attname: _read(field, text, self._alias)})

    def by_option(self, side: str | None) -> Renamed:
        """Give the object that was changed last what the option ``unique`` says."""
        rule = get_settings().uniques.get(self._shape.label)
        if rule is None:
            raise SynchroConfigurationError(
                f"{_named(self._record, self._alias)}: say which value it shall have, with "
                f"--rename {self._record.pk} --field {self._names[0]} --value TEXT; there is no SYNCHRO_OPTIONS"
                f"[{self._shape.label!r}]['unique'] that would tell. Nothing was changed."
            )
        record, fields = self._record, {field.name: field for field in self._shape.copied}
        mine = {name: self._wanted.get(field.attname) for name, field in fields.items()}
        theirs = {name: local_value(self._row, each) for name, each in fields.items() if _has(self._row, each)}
        here, there = (record.local_at or LONG_AGO, record.local_author), (record.remote_at or LONG_AGO, "")
        there = (there[0], record.remote_author)
        newest = "local" if here > there else "remote"
        if side not in {None, newest}:
            raise SynchroConfigurationError(
                f"{_named(record, self._alias)}: SYNCHRO_OPTIONS[{self._shape.label!r}]['unique'] gives the object "
                f"other values that was changed last, which is the {newest} one. Nothing was changed."
            )
        kept, renamed, (kept_at, kept_by), (at, by) = (
            (theirs, mine, there, here) if newest == "local" else (mine, theirs, here, there)
        )
        clash = Clash(self._shape.label, self._names, kept, renamed, kept_at, at, kept_by, by)
        try:
            found = other_values(clash, rule, list(fields), record.remote_key)
        except SynchroError:
            raise
        except Exception as error:  # the callable's own
            raise SynchroError(f"{_named(record, self._alias)}: {describe(error)}. Nothing was changed.") from error
        return self._write(newest, {fields[name].attname: value for name, value in found.items()})

    # Writing ----------------------------------------------------------------------------------------

    def _write(self, side: str, values: Values) -> Renamed:
        done = self._change(self._alias, self._row, values) if side == "remote" else self._change_at_sender(values)
        # What is kept of either shall be tried by the next run.
        _try_at_once(self._alias, self._record.source, self._record.local_key)
        if self._sender == local_alias() != self._alias:
            _try_at_once(local_alias(), node_id(self._alias), self._record.remote_key)
        return done

    def _change_at_sender(self, values: Values) -> Renamed:
        """Change the sender's object, where this database reaches it."""
        alias, record = self._sender, self._record
        if alias is None or alias not in connections:
            raise SynchroConfigurationError(
                f"{_named(record, self._alias)}: the sender, {record.source}, is no database that is known here. "
                "Nothing was changed. Give the other object another value (--side remote), or change that one there."
            )
        if any(leads_elsewhere(field) for field in self._shape.copied if field.attname in values):
            raise Refused(
                f"{_named(record, self._alias)}: keys are others on {alias!r}. Nothing was changed. Give the other "
                "object another value (--side remote), or change that one there."
            )
        require_capture(alias)
        with writing_on(alias), unnamed_on(alias), times_in_utc(alias):
            return self._change(alias, self._row_at_sender(alias, to_write=True), values)

    def _change(self, alias: str, row: Model, values: Values) -> Renamed:
        """Save other values of a row; require that nobody has them, as far as can be seen from here."""
        shape = shape_of(type(row))
        fields = [field for field in shape.copied if field.attname in values]
        before = {field.name: local_value(row, field) for field in fields}
        new = {field.attname: local_value(row, field) for field in shape.copied} | dict(values)
        self._require_free(alias, row, new, values, own=True)
        if row is not self._row:
            self._require_free(self._alias, row, self._wanted | dict(values), values)
        elif self._here is not None:
            self._require_free(local_alias(), row, new, values)
        set_values(row, dict(values))
        save(row, shape, alias)
        if row is self._row and any(map(self._is_held, self._clashing)):
            said = ", ".join(f"{field.name}={values[field.attname]!r}" for field in fields)
            raise Refused(
                f"{_named(self._record, self._alias)}: with {said} both still want the same. Nothing was changed."
            )
        return Renamed(
            database=alias,
            model=shape.label,
            key=printable_key(shown_key(shape.label, encode_key(row.pk))),
            before=_as_shown(before),
            after=_as_shown({field.name: values[field.attname] for field in fields}),
            advice=self._advice(alias),
        )

    def _require_free(self, alias: str, row: Model, new: Values, values: Values, *, own: bool = False) -> None:
        """Require that no other row of a database has new values.

        Args:
            new: all values that the object shall have.
            values: those that are new.
            own: the object's row is in that database. Of another one, keys are not known.
        """
        shape = shape_of(type(row))
        for each in _all_sets(shape, alias):
            if not any(field.attname in values for field in each.fields):
                continue
            if alias != self._alias and not own and any(map(leads_elsewhere, each.fields)):
                continue
            rows = rows_of(each.model, alias)
            rows = rows.exclude(pk=own_key(shape, each.model, row.__dict__, row.pk)) if own else rows
            holders = each.holders(rows, new)
            if holders is not None and (holder := holders.first()) is not None:
                said = ", ".join(f"{field.name}={new.get(field.attname)!r}" for field in each.fields)
                raise Refused(
                    f"{_named(self._record, self._alias)}: {said} is taken as well, on {alias!r} by "
                    f"{each.model._meta.label} {holder.pk!r}. Nothing was changed."
                )

    def _advice(self, alias: str) -> str:
        if alias == local_alias():
            return "`manage.py synchronize` brings it to the others."
        return (
            f"`manage.py synchronize --both --remote {alias}` brings both objects to {local_alias()!r} and {alias!r}; "
            f"so does each run of {alias!r} to {local_alias()!r}."
        )


def _all_sets(shape: Shape, alias: str) -> Iterator[UniqueSet]:
    """Yield what is unique in a database, or by the natural key."""
    yield from unique_sets(shape, alias)
    yield from natural_set(shape)


def _try_at_once(alias: str, source: str, key: str) -> None:
    """Let a failure pause no longer."""
    failures: QuerySet[Failure] = QuerySet(Failure, using=alias)
    failures.filter(source=source, object_pk=stored_key(key)).update(next_at=None)


def _has(row: Model, field: Any) -> bool:
    return field.attname in row.__dict__


def _most_derived(row: Model, alias: str) -> Model:
    """Return a row as its most derived model, whose signals are sent then."""
    for link in links_to_children(type(row)):
        if link.primary_key and (child := rows_of(link.model, alias).filter(pk=row.pk).first()) is not None:
            return _most_derived(child, alias)
    return row


def _read(field: Any, text: str, alias: str) -> Any:
    """Return the value of a text, for a database.

    Raises:
        SynchroConfigurationError: it is none of the field's.
    """
    try:
        value = field.to_python(text)
        for validator in field.validators if value is not None else ():
            validator(value)
        if isinstance(field, IntegerField) and value is not None:
            # The field's own validators ask the database for which they were asked first.
            low, high = connections[alias].ops.integer_field_range(field.get_internal_type())
            if not (_SMALLEST if low is None else low) <= value <= (_LARGEST if high is None else high):
                raise ValueError("it is too large, or too small")
    except (ValidationError, ValueError, TypeError) as error:
        raise SynchroConfigurationError(
            f"{text!r} is no value of {field.model._meta.label}.{field.name}: {describe(error)}. Nothing was changed."
        ) from error
    return value


def _as_shown(values: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: None if value is None else str(value) for name, value in values.items()}
