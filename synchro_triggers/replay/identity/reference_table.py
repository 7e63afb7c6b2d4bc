"""The table of references: which row each object is, by whoever made it, stored in the database that has the row."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Model

from ...capture.keys import encode_key
from ...conf import local_alias
from ...faults.judge import ChangedMeanwhile
from ...key_texts import full_key, gone_key, is_digest, is_gone_key, key_of_gone, read_full_key, stored_key
from ...models import MetNode, Reference
from ...moment import UtcNow
from ..log.field_versions import FieldVersion, read_fields
from ..log.heard import Basis, read_versions
from ..log.versions import Version
from ..rows.own_rows import has_rows, is_asked_for_versions
from ..rows.selecting import rows_with
from ..rows.statements import RowsVanished, insert_texts, update_rows
from ..schema.keys import FormerKey
from ..schema.shape import read_key

#: The columns that say whose a reference is, and of which row.
_WHOSE = ("ended", "remote_pk", "remote_text", "gone")

#: The columns that say what was received.
_RECEIVED = ("author", "number", "time", "seen", "fields", "came_with", "upon")


#: Whose the tombstones are of objects that keep their keys: everybody's, for the key tells everywhere which it is.
EVERYBODY = "*"


class Stored(NamedTuple):
    """A row of the table, as it is: ``Reference`` says what its columns mean."""

    pk: int
    source: str
    local_pk: str
    local_text: str | None
    ended: int
    remote_pk: str
    remote_text: str | None
    gone: int | None
    logged: int | None
    remote_won: bool
    replaced_at: datetime.datetime | None
    author: str | None
    number: int | None
    time: int | None
    seen: int | None
    fields: str | None
    came_with: int | None
    upon: str | None

    @property
    def version(self) -> Version | None:
        """The version that was received."""
        if self.number is None or self.time is None:
            return None
        return Version(self.author or self.source, self.number, self.time)

    @property
    def receipt(self) -> Receipt:
        """What was received of the object."""
        return Receipt(self.version, self.seen, self.fields, self.came_with, self.upon)

    @property
    def basis(self) -> Basis:
        """What its sender had seen of the object."""
        return Basis(self.came_with, () if self.upon is None else read_versions(self.upon))

    @property
    def versions(self) -> list[Version]:
        """All versions that have been received: of the object, and of its fields."""
        of_fields = () if self.fields is None else read_fields(self.fields).values()
        found = (self.version, *(each.version for each in of_fields))
        return [version for version in found if version is not None]

    def of_field(self, name: str) -> FieldVersion:
        """Return the version of one field that was received."""
        found = None if self.fields is None or self.is_gone else read_fields(self.fields).get(name)
        return FieldVersion(self.version, self.seen) if found is None else found

    @property
    def seen_of_all(self) -> int | None:
        """How far the log went, at the least, when the object's fields came."""
        if self.fields is None or self.is_gone:
            return self.seen
        return min(each.seen or 0 for each in read_fields(self.fields).values())

    @property
    def local(self) -> str:
        """The text of the maker's key."""
        return read_full_key(self.local_pk, self.local_text)

    @property
    def remote(self) -> str:
        """The text of the key that the row has, or had."""
        return key_of_gone(self.remote_pk) if self.is_gone else read_full_key(self.remote_pk, self.remote_text)

    @property
    def is_gone(self) -> bool:
        """Whether the row is gone: this is a tombstone."""
        return is_gone_key(self.remote_pk)

    @property
    def name(self) -> Name:
        """The name of the object."""
        return Name(self.source, self.local_pk, self.local_text, self.logged, self.ended)

    def local_key(self, root: type[Model]) -> Any:
        """Return the maker's key, which may be another object's now."""
        return FormerKey.of(self.local, self.ended) if self.ended else read_key(root, self.local)

    def remote_key(self, root: type[Model]) -> Any:
        """Return the key of the row, or the one that it had, which may be another's now."""
        return FormerKey.of(self.remote, self.gone or 0) if self.is_gone else read_key(root, self.remote)


class Name(NamedTuple):
    """Who made an object, under which key there (as it is stored), and which of those that have had the key it is.

    ``logged`` is a row of its maker's log that spoke of it, ``ended`` the one that says that the key is its no longer.
    """

    source: str
    key: str
    text: str | None
    logged: int | None
    ended: int = 0


class Receipt(NamedTuple):
    """What a database has received of an object.

    Attributes:
        version: who has changed it last; ``None``: nobody asks, or has written that down.
        seen: how far the database's own log went then; ``None``: it has none.
        fields: the versions of its fields, where they differ (``fields_text``).
        came_with, upon: what its sender had seen of it, as of ``Basis``.
    """

    version: Version | None
    seen: int | None
    fields: str | None = None
    came_with: int | None = None
    upon: str | None = None


def text_of(key: Any) -> str:
    """Return what a key is stored as; a long one's full text stands beside it."""
    if type(key) is int:  # nearly all are short, and plain text
        return str(key)
    return stored_key(key.number if isinstance(key, FormerKey) else encode_key(key))


class ReferenceTable:
    """Reads and writes the references of a remote; reads those of LOCAL.

    Args:
        remote: the remote alias.
        source, target: the node ids of LOCAL and of the remote.
    """

    def __init__(self, remote: str, source: str, target: str) -> None:
        self.remote, self.source, self.target = remote, source, target

    @cached_property
    def local_receives(self) -> bool:
        """Whether LOCAL has references: objects that others have made, or that it was told of."""
        return has_rows(Reference, local_alias())

    @cached_property
    def others_may_ask(self) -> bool:
        """Whether others than LOCAL may ask the remote which object is gone, and which version of one it has."""
        return is_asked_for_versions(self.remote, self.source)

    @cached_property
    def local_sends_elsewhere(self) -> bool:
        """Whether LOCAL has ever sent anything to others than the remote."""
        return MetNode._base_manager.using(local_alias()).exclude(node_id=self.target).exists()

    def of_local(self) -> ReferenceTable:
        """Return the table seen from the remote: what is written then is LOCAL's."""
        return ReferenceTable(local_alias(), self.target, self.source)

    # Reading --------------------------------------------------------------------------------------

    def named(self, alias: str, root: type[Model], sources: Collection[str], texts: Collection[str]) -> list[Stored]:
        """Return the references to rows of one table whose maker and key are among these, of all that had the keys."""
        rows = rows_with(Reference, alias, local_pk=texts).filter(model_label=root._meta.label)
        rows = rows.filter(source=next(iter(sources))) if len(sources) == 1 else rows.filter(source__in=list(sources))
        return list(map(Stored._make, rows.values_list(*Stored._fields)))

    def to_rows(self, alias: str, root: type[Model], texts: Collection[str]) -> list[Stored]:
        """Return the references to rows of one table that have these keys, whoever made them."""
        rows = rows_with(Reference, alias, remote_pk=texts).filter(model_label=root._meta.label)
        return list(map(Stored._make, rows.values_list(*Stored._fields)))

    def kept_graves(self, root: type[Model], texts: Collection[str]) -> dict[str, Stored]:
        """Return the tombstones of objects that keep their keys, by what these are stored as."""
        graves = self.to_rows(self.remote, root, list(map(gone_key, texts))) if texts else ()
        return {row.local_pk: row for row in graves if row.source == EVERYBODY}

    def met_at(self, pks: Collection[int]) -> dict[int, datetime.datetime]:
        """Return when objects last met their remote rows (the remote's clock), by the references' primary keys."""
        return dict(rows_with(Reference, self.remote, pk=pks).values_list("pk", "met_at"))

    # Writing --------------------------------------------------------------------------------------

    def delete(self, pks: Collection[int]) -> None:
        if pks:
            rows_with(Reference, self.remote, pk=pks)._raw_delete(self.remote)

    def settle(self, root: type[Model], ended: Mapping[Stored, int], gone: Collection[Stored]) -> None:
        """Note which keys are their objects' no longer, and which rows are gone; of two with one name one goes.

        Args:
            root: the root model.
            ended: since which rows of their makers' logs.
            gone: those whose rows are gone. They are kept where no key of a row finds them.
        """
        new = {row.pk: (row, row.ended) for row in gone} | {row.pk: (row, at) for row, at in ended.items()}
        if not new:
            return
        going = {row.pk for row in gone}
        named = self.named(
            self.remote, root, {row.source for row, _ in new.values()}, {r.local_pk for r, _ in new.values()}
        )
        kept: set[tuple[str, str, int]] = set()
        doubled: set[int] = set()
        for row in sorted(named, key=lambda row: (row.pk in going or row.is_gone, row.pk)):  # what lives says more
            name = row.source, row.local_pk, new[row.pk][1] if row.pk in new else row.ended
            if name in kept:
                doubled.add(row.pk)
            kept.add(name)
        self.delete(doubled)
        values = [
            (pk, at, gone_key(row.remote_pk), None, 0)
            if pk in going and not row.is_gone
            else (pk, at, row.remote_pk, row.remote_text, row.gone)
            for pk, (row, at) in new.items()
            if pk not in doubled
        ]
        self._update(_WHOSE, values)

    def move(self, moved: Iterable[tuple[Stored, Any, int | None]]) -> None:
        """Let references lead to other rows: what they were, the remote keys, and the last log rows of the objects.

        Raises:
            ChangedMeanwhile: a run of another node to the same remote has moved one since it was read.
        """
        columns = ("remote_pk", "remote_text", "gone", "logged", "replaced_at")
        rows = [(row.pk, row.remote_pk, *_texts_of(to), None, logged, None) for row, to, logged in moved]
        try:
            self._update(columns, rows, same=("id", "remote_pk"))
        except RowsVanished as error:
            raise ChangedMeanwhile(str(error)) from error

    def insert_own(self, root: type[Model], new: Iterable[tuple[Any, Any, int | None]], seen: int | None) -> None:
        """Store references to rows of what LOCAL has made: its keys, those of the rows, and the last log rows.

        Args:
            root: the root model.
            new: the references.
            seen: how far the remote's log goes; ``None``: it has none.
        """
        keyed = [
            (key, there, text := text_of(key), text if there is key else text_of(there), logged)
            for key, there, logged in new
        ]
        rows: list[tuple[Any, ...]] = [row for _, _, *row in keyed]  # type: ignore[misc]
        names: tuple[str, ...] = ("local_pk", "remote_pk", "logged")
        if any(is_digest(text) for *pair, _ in rows for text in pair):
            names += ("local_text", "remote_text")
            rows = [(*row, _full_text_of(key), _full_text_of(there)) for key, there, *row in keyed]
        self._insert(root, self.source, names, rows, seen)

    def insert_made(self, root: type[Model], rows: list[tuple[Any, ...]], seen: int | None) -> None:
        """Store references as ``insert_own`` does, of whole numbers: both as texts, and the last log rows."""
        self._insert(root, self.source, ("local_pk", "remote_pk", "logged"), rows, seen)

    def insert(self, root: type[Model], new: Iterable[tuple[Name, Any, Receipt]]) -> None:
        """Store references: the names of objects, their keys on the remote, and what has come of them."""
        by_source: dict[str, list[tuple[Name, Any, Receipt]]] = {}
        for each in new:
            by_source.setdefault(each[0].source, []).append(each)
        names = ("local_pk", "local_text", "ended", "remote_pk", "remote_text", "logged")
        for source, some in by_source.items():
            rows: list[tuple[Any, ...]] = [
                (name.key, name.text, name.ended, *_texts_of(there), name.logged) for name, there, _ in some
            ]
            receipts = {receipt for _, _, receipt in some}
            if len(receipts) == 1 and receipts == {Receipt(None, (seen := some[0][2].seen))}:
                self._insert(root, source, names, rows, seen)
            else:
                rows = [(*row, *_columns_of(receipt, source)) for row, (_, _, receipt) in zip(rows, some, strict=True)]
                self._insert(root, source, (*names, *_RECEIVED), rows, None)

    def insert_graves(self, root: type[Model], new: Iterable[tuple[Name, str, Receipt]]) -> None:
        """Store tombstones of what has had no reference: names, what the rows' keys were stored as, and versions."""
        by_source: dict[str, list[tuple[Any, ...]]] = {}
        for name, text, receipt in new:
            row = name.key, name.text, name.ended, gone_key(text), 0, name.logged
            by_source.setdefault(name.source, []).append((*row, *_columns_of(receipt, name.source)))
        names = ("local_pk", "local_text", "ended", "remote_pk", "gone", "logged", *_RECEIVED)
        for source, rows in by_source.items():
            self._insert(root, source, names, rows, None)

    def bury_kept(self, root: type[Model], new: Mapping[str, Receipt]) -> None:
        """Store tombstones of objects that keep their keys, instead of older ones of theirs."""
        rows = rows_with(Reference, self.remote, remote_pk=list(map(gone_key, new)))
        rows.filter(model_label=root._meta.label, source=EVERYBODY)._raw_delete(self.remote)
        graves = [(Name(EVERYBODY, text, None, None), text, receipt) for text, receipt in new.items()]
        self.insert_graves(root, graves)

    def _insert(
        self, root: type[Model], source: str, names: tuple[str, ...], rows: list[tuple[Any, ...]], seen: int | None
    ) -> None:
        constants: dict[str, str | int] = {"source": source, "model_label": root._meta.label}
        if seen is not None:
            constants["seen"] = seen
        insert_texts(self.remote, Reference, constants, names, rows)

    def receive(self, receipts: Mapping[Stored, Receipt]) -> None:
        """Note which versions of objects have come."""
        self._update(_RECEIVED, [(row.pk, *_columns_of(receipt, row.source)) for row, receipt in receipts.items()])

    def _update(
        self, names: tuple[str, ...], values: list[tuple[Any, ...]], *, same: tuple[str, ...] = ("id",)
    ) -> None:
        if values:
            known, new = ([Reference._meta.get_field(name) for name in some] for some in (same, names))
            update_rows(self.remote, Reference, known, new, values)  # type: ignore[arg-type]

    def meet(self, pks: Collection[int], **seen: int | None) -> None:
        """Note that objects and their remote rows were made equal, or compared, now; and, if told, ``seen``."""
        if pks:
            met = {"met_at": UtcNow(), "remote_won": False, "replaced_at": None, **seen}
            rows_with(Reference, self.remote, pk=pks).update(**met)

    def lose(self, root: type[Model], remote_keys: Iterable[Any]) -> None:
        """Note that the remote's rows were kept in conflicts."""
        references = rows_with(Reference, self.remote, remote_pk=list(map(text_of, remote_keys)))
        references.filter(model_label=root._meta.label).update(remote_won=True)

    def unsee(self, root: type[Model], remote_keys: Iterable[Any]) -> None:
        """Note that LOCAL's objects were found in rows of the remote, and not met: it has not seen what those hold."""
        references = rows_with(Reference, self.remote, remote_pk=list(map(text_of, remote_keys)))
        references.filter(model_label=root._meta.label, source=self.source, number__isnull=True).update(seen=0)


def _columns_of(receipt: Receipt, source: str) -> tuple[str | int | None, ...]:
    version, *others = receipt
    if version is None:
        return None, None, None, *others
    return (None if version.author == source else version.author), version.number, version.time, *others


def _texts_of(key: Any) -> tuple[str, str | None]:
    """Return what a key is stored as, and what stands beside it."""
    text = text_of(key)
    return text, _full_text_of(key) if is_digest(text) else None


def _full_text_of(key: Any) -> str | None:
    return full_key(encode_key(key))
