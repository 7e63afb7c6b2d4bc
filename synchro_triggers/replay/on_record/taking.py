"""Deciding a conflict otherwise afterwards: the version that has lost is written as a change of the database's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connections
from django.db.models import Model, ProtectedError, QuerySet, RestrictedError

from ...capture.keys import encode_key
from ...conf import get_settings, local_alias
from ...exceptions import Refused, SynchroError
from ...key_texts import full_key, gone_key, stored_key
from ...models import Checkpoint, Conflict, ConflictKind, Reference, Winner
from ...moment import UtcNow
from ...reaching import means_unreachable
from ...unnamed import unnamed_on
from ...vendors.vendor import writing_on
from ..identity.reference_table import text_of
from ..identity.telling import keeps_key
from ..rows.own_rows import has_rows
from ..rows.read_ahead import RowLocks
from ..rows.selecting import linked_pairs, rows_of
from ..rows.shown_values import difference_of
from ..rows.utc import times_in_utc, zone_of
from ..rows.value_texts import NotReadBack, from_json
from ..rows.values import local_value, new_instance, same_value, set_values
from ..schema.link_shapes import link_shape
from ..schema.shape import Shape, concrete_of, model_of, read_key, root_of, shape_of
from ..state.failures import describe
from ..state.node import node_id
from ..write.one import delete, save, save_links
from .listing import versions_of

Values = dict[str, Any] | None


@dataclass(frozen=True)
class Taken:
    """What was done.

    Attributes:
        done: ``written``, ``made again``, ``deleted``, ``linked``, ``unlinked``, or ``left as it is``.
        advice: what becomes of the other database, and what is to be done there.
    """

    done: str
    advice: str


def take(alias: str, record: Conflict, side: str, *, force: bool = False) -> Taken:
    """Let a version of an object stand that is on record.

    All of it is one transaction, and, but for the record, what users of that database might have done.

    Args:
        alias: the database that has the record.
        record: the record.
        side: ``local``: the sender's version; ``remote``: that of the database.
        force: also where the object was changed since.

    Raises:
        Refused: it was decided so before, the object was changed since, or its model is gone. Nothing was changed.
        SynchroError: the database, or code of the project, has refused the values. Nothing was changed.
    """
    with writing_on(alias), unnamed_on(alias), times_in_utc(alias):
        rows: QuerySet[Conflict] = QuerySet(Conflict, using=alias).filter(pk=record.pk)
        current = RowLocks(alias).taken(rows).first()
        if current is None:
            raise Refused(f"Conflict {record.pk} on {alias!r} was forgotten meanwhile: nothing was changed.")
        if current.taken == side:
            raise Refused(
                f"Conflict {record.pk} on {alias!r} is decided so already: {side!r} was taken at "
                f"{current.taken_at:%Y-%m-%d %H:%M:%S}. Nothing was changed."
            )
        if current.kind == ConflictKind.UNIQUE:
            raise Refused(
                f"{_named(current, alias)}: these are two objects that want the same unique values, and neither's "
                "version may be written over the other. Nothing was changed. Give one of them another value: "
                f"synchro_conflicts --rename {current.pk} --field NAME --value TEXT."
            )
        writer = _Links if current.kind == ConflictKind.LINKS else _Objects
        with _told(current, alias):
            done = writer(alias, current, force=force).take(side)
        rows.update(taken=side, taken_at=UtcNow(), remote_pk=current.remote_pk, remote_text=current.remote_text)
    return Taken(done, _advice(alias, current, side))


@contextmanager
def _told(record: Conflict, alias: str) -> Iterator[None]:
    """Say of which object an error is."""
    try:
        yield
    except (IntegrityError, ProtectedError, RestrictedError, ValidationError, NotReadBack, DatabaseError) as error:
        if isinstance(error, DatabaseError) and means_unreachable(error):
            raise
        raise SynchroError(
            f"{_named(record, alias)}: its version cannot be written: {describe(error)}. Nothing was changed."
        ) from error


def _named(record: Conflict, alias: str) -> str:
    return f"{record.model_label} {record.remote_key} on {alias!r} (conflict {record.pk})"


def _version(record: Conflict, side: str) -> Values:
    here, there, merged = versions_of(record)
    return {Winner.LOCAL: here, Winner.REMOTE: there, Winner.MERGED: merged}[Winner(side)]


def _require_model(record: Conflict, alias: str) -> type[Model]:
    model = model_of(record.model_label)
    if model is None:
        raise Refused(f"{_named(record, alias)}: there is no such model any more. Nothing was changed.")
    return model


class _Objects:
    """Writes a version of an object."""

    def __init__(self, alias: str, record: Conflict, *, force: bool) -> None:
        self._alias, self._record, self._force = alias, record, force
        self._connection = connections[alias]
        self._shape: Shape = shape_of(concrete_of(_require_model(record, alias)))
        self._fields = {field.name: field for field in self._shape.copied}
        self._key = read_key(self._shape.model, record.remote_key, zone_of(alias))

    def take(self, side: str) -> str:
        """Write the version; return what that was."""
        row = RowLocks(self._alias).taken(rows_of(self._shape.model, self._alias).filter(pk=self._key)).first()
        self._require_unchanged(row)
        wanted = self._read(_version(self._record, side))
        if wanted is None:
            return self._delete(row)
        if row is None:
            return self._make(wanted)
        if not self._differing(row, wanted):
            return "left as it is"
        set_values(row, {self._fields[name].attname: value for name, value in wanted.items()})
        save(row, self._shape, self._alias)
        return "written"

    def _delete(self, row: Model | None) -> str:
        if row is None:
            return "left as it is"
        delete(row, self._alias)
        return "deleted"

    def _make(self, wanted: dict[str, Any]) -> str:
        """Make a row again, under its key where keys are kept, else under a new one, by which it is known then."""
        shape = self._shape
        keeps = not shape.automatic_key or keeps_key(shape, get_settings().identity)
        values = {field.attname: field.get_default() for field in self._fields.values() if field.name not in wanted}
        values |= {self._fields[name].attname: value for name, value in wanted.items()}
        row = new_instance(shape, self._alias, self._key if keeps else None, values)
        save(row, shape, self._alias, force_insert=True)
        self._rename(encode_key(row.pk))
        return "made again"

    def _rename(self, text: str) -> None:
        """Let references to the row that is gone lead to the one that was made in its place."""
        record = self._record
        if text != record.remote_key:
            label = root_of(self._shape.model)._meta.label
            references: QuerySet[Reference] = QuerySet(Reference, using=self._alias)
            references = references.filter(model_label=label)
            before = stored_key(record.remote_key)
            key = text_of(read_key(self._shape.root, record.local_key))
            named = references.filter(source=record.source, local_pk=key)
            own = named.filter(remote_pk__in=[before, gone_key(before)]).order_by("-logged", "-id").first()
            if own is not None:
                new = {"remote_pk": stored_key(text), "remote_text": full_key(text), "gone": None}
                # They have met now: else the new row would be another object, made under a used number.
                met = {"met_at": UtcNow(), "replaced_at": None, "remote_won": False}
                references.filter(remote_pk=own.remote_pk, gone=own.gone).update(**new, **met)
            record.remote_pk, record.remote_text = stored_key(text), full_key(text)

    # What it holds now ----------------------------------------------------------------------------

    def _read(self, version: Values) -> Values:
        if version is None:
            return None
        if not self._force and (unknown := [name for name in version if name not in self._fields]):
            raise Refused(
                f"{_named(self._record, self._alias)}: {self._shape.label} has no field {unknown[0]!r} any more that "
                "is synchronised. Nothing was changed; --force takes the other fields."
            )
        known = {name: raw for name, raw in version.items() if name in self._fields}
        return {name: from_json(self._fields[name], raw, self._connection) for name, raw in known.items()}

    def _differing(self, row: Model, values: dict[str, Any]) -> list[str]:
        return [
            name
            for name, value in values.items()
            if not same_value(self._fields[name], local_value(row, self._fields[name]), value)
        ]

    def _require_unchanged(self, row: Model | None) -> None:
        """Raise ``Refused`` where the row is not what it was left as."""
        if self._force:
            return
        record, said = self._record, ""
        version = _version(record, record.taken or record.result)
        if row is None or version is None:
            if (row is None) != (version is None):
                said = "it was deleted since" if row is None else "it was made again since"
        else:
            stood = self._read(version) or {}
            changed = [self._told(row, name, stood[name]) for name in self._differing(row, stood)]
            said = f"it was changed since: {'; '.join(changed)}" if changed else ""
        if said:
            raise Refused(f"{_named(record, self._alias)}: {said}. Nothing was changed; --force takes the version.")

    def _told(self, row: Model, name: str, stood: Any) -> str:
        found = difference_of(self._fields[name], stood, local_value(row, self._fields[name]))
        was, now = ("NULL" if each is None else repr(each) for each in (found.local, found.remote))
        return f"{name} is {now} now, and was {was}"


class _Links:
    """Makes or removes a link."""

    def __init__(self, alias: str, record: Conflict, *, force: bool) -> None:
        self._alias, self._record, self._force = alias, record, force
        self._shape = link_shape(_require_model(record, alias))

    def take(self, side: str) -> str:
        """Let the link be there, or not; return what that was."""
        shape, record, alias = self._shape, self._record, self._alias
        here, there, _ = versions_of(record)
        by_attname = {field.attname: field for field in shape.through._meta.concrete_fields}
        ends = [by_attname[end] for end in shape.ends]
        known = here or there or {}
        source, target = (from_json(end, known[end.name], connections[alias]) for end in ends)
        is_there = bool(linked_pairs(shape.through, shape.ends, alias, [(source, target)]))
        stood = _version(record, record.taken or record.result) is not None
        if is_there is not stood and not self._force:
            said = "made" if is_there else "removed"
            raise Refused(
                f"{_named(record, alias)}: the link was {said} since. Nothing was changed; --force takes the version."
            )
        wanted = _version(record, side) is not None
        if wanted is is_there:
            return "left as it is"
        owner = rows_of(shape.source_model, alias).filter(pk=source).first()
        if owner is None or not rows_of(shape.target_model, alias).filter(pk=target).exists():
            raise Refused(f"{_named(record, alias)}: one of its ends was deleted since. Nothing was changed.")
        mirrored = {target} if shape.field.remote_field.symmetrical else set()
        save_links(shape, owner, {target}, alias, add=wanted, mirrored=mirrored)
        return "linked" if wanted else "unlinked"


def _advice(alias: str, record: Conflict, side: str) -> str:
    """Return what becomes of the sender, which must not stay different without anybody being told."""
    if side == Winner.LOCAL:
        return "That is the sender's own version."
    if alias != local_alias():
        if has_rows(Checkpoint, local_alias(), source=node_id(alias)):
            return (
                f"{local_alias()!r} learns it when {alias!r} synchronizes to it, or when it fetches it itself "
                f"(`manage.py synchronize --pull --remote {alias}`)."
            )
        return (
            f"{local_alias()!r} has never received anything from {alias!r}: it keeps its own version, and its next "
            f"change of the object is a conflict again. Change it on {local_alias()!r} by hand, or fetch it with "
            f"`manage.py synchronize --pull --remote {alias}`."
        )
    if get_settings().remotes:
        return f"The sender, {record.source}, learns it when {local_alias()!r} synchronizes to it."
    return (
        f"{local_alias()!r} sends to nobody (SYNCHRO_REMOTE): the sender, {record.source}, keeps its own version, and "
        "its next change of the object is a conflict again. Change it there by hand, or let this database synchronize "
        "to it."
    )
