"""The table of references: which row each object is, by whoever made it, stored in the database that has the row."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Model, Q

from ...capture.keys import encode_key
from ...conf import local_alias
from ...key_texts import full_key, gone_key, is_digest, is_gone_key, key_of_gone, read_full_key, stored_key
from ...models import MetNode, Reference
from ...moment import UtcNow
from ..log.versions import Version
from ..rows.own_rows import has_rows
from ..rows.selecting import rows_with
from ..rows.statements import insert_texts, update_rows
from ..schema.keys import FormerKey

_AT_A_TIME = 50


class Stored(NamedTuple):
    """A row of the table, as it is: ``Reference`` says what its columns mean."""

    pk: int
    source: str
    local_pk: str
    local_text: str | None
    remote_pk: str
    remote_text: str | None
    logged: int | None
    remote_won: bool
    replaced_at: datetime.datetime | None
    author: str | None
    number: int | None
    time: int | None
    seen: int | None

    @property
    def version(self) -> Version | None:
        """The version that was received."""
        if self.number is None or self.time is None:
            return None
        return Version(self.author or self.source, self.number, self.time)

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


class Name(NamedTuple):
    """Who made an object, under which key there (as it is stored), and a row of its maker's log that spoke of it."""

    source: str
    key: str
    text: str | None
    logged: int | None


def text_of(key: Any) -> str:
    """Return what a key is stored as; a long one's full text stands beside it."""
    return str(key) if type(key) is int else stored_key(encode_key(key))  # nearly all are short, and plain text


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
    def remote_sends(self) -> bool:
        """Whether the remote has ever sent anything to anybody: then it must be able to say which object is gone."""
        return has_rows(MetNode, self.remote)

    def of_local(self) -> ReferenceTable:
        """Return the table seen from the remote: what is written then is LOCAL's."""
        return ReferenceTable(local_alias(), self.target, self.source)

    # Reading --------------------------------------------------------------------------------------

    def named(self, alias: str, root: type[Model], sources: Collection[str], texts: Collection[str]) -> list[Stored]:
        """Return the references to rows of one table whose maker and key are among these."""
        rows = rows_with(Reference, alias, local_pk=texts).filter(model_label=root._meta.label)
        rows = rows.filter(source=next(iter(sources))) if len(sources) == 1 else rows.filter(source__in=list(sources))
        return list(map(Stored._make, rows.values_list(*Stored._fields)))

    def to_rows(self, alias: str, root: type[Model], texts: Collection[str]) -> list[Stored]:
        """Return the references to rows of one table that have these keys, whoever made them."""
        rows = rows_with(Reference, alias, remote_pk=texts).filter(model_label=root._meta.label)
        return list(map(Stored._make, rows.values_list(*Stored._fields)))

    def to_gone_rows(self, root: type[Model], numbers: Sequence[str]) -> list[Stored]:
        """Return LOCAL's references to rows that had these keys, and are gone."""
        return self._beginning(local_alias(), root, "remote_pk", [gone_key(number) for number in numbers])

    def lives_on(self, root: type[Model], names: Mapping[Any, Name]) -> dict[Any, Stored]:
        """Return the remote's references to rows of what it has made, deleted, and got back under other keys.

        Args:
            root: the root model.
            names: of objects that the remote has made, by whatever they are asked for.
        """
        numbers = [f"{name.key}~" for name in names.values()]
        ended: dict[str, list[tuple[int, Stored]]] = {}
        for row in self._beginning(self.remote, root, "local_pk", numbers):
            if row.source == self.target and not row.is_gone and FormerKey.is_one(row.local_pk):
                former = FormerKey(row.local_pk)
                ended.setdefault(former.number, []).append((former.ended, row))
        found: dict[Any, Stored] = {}
        for asked, name in names.items():
            later = [each for each in ended.get(name.key, ()) if each[0] >= (name.logged or 0)]
            if later:
                found[asked] = min(later, key=lambda each: each[0])[1]
        return found

    def former_names(self, root: type[Model], names: Mapping[str, Collection[str]]) -> dict[tuple[str, str], set[int]]:
        """Return which rows of makers' logs have ended objects that had keys before, as far as either side knows.

        Args:
            root: the root model.
            names: keys, by their makers.
        """
        found: dict[tuple[str, str], set[int]] = {}
        for source, numbers in names.items():
            for alias in (local_alias(), self.remote):
                for each in self._beginning(alias, root, "local_pk", [f"{number}~" for number in numbers]):
                    if each.source == source and FormerKey.is_one(each.local_pk):
                        former = FormerKey(each.local_pk)
                        found.setdefault((source, former.number), set()).add(former.ended)
        return found

    def _beginning(self, alias: str, root: type[Model], column: str, beginnings: Sequence[str]) -> list[Stored]:
        found: list[Stored] = []
        for start in range(0, len(beginnings), _AT_A_TIME):
            any_of = Q()
            for text in beginnings[start : start + _AT_A_TIME]:
                any_of |= Q(**{f"{column}__startswith": text})
            rows = Reference._base_manager.using(alias).filter(any_of, model_label=root._meta.label)
            found += map(Stored._make, rows.values_list(*Stored._fields))
        return found

    def met_at(self, pks: Collection[int]) -> dict[int, datetime.datetime]:
        """Return when objects last met their remote rows (the remote's clock), by the references' primary keys."""
        return dict(rows_with(Reference, self.remote, pk=pks).values_list("pk", "met_at"))

    # Writing --------------------------------------------------------------------------------------

    def delete(self, pks: Collection[int]) -> None:
        if pks:
            rows_with(Reference, self.remote, pk=pks)._raw_delete(self.remote)

    def bury(self, root: type[Model], buried: Mapping[int, tuple[Name, str]]) -> None:
        """Keep references to rows that are gone, under their names, where no key of a row finds them.

        Args:
            root: the root model.
            buried: their primary keys, to names and the texts of the rows' keys.
        """
        if not buried:
            return
        names = {name.source: {each.key for each, _ in buried.values()} for name, _ in buried.values()}
        there = {
            (each.source, each.local_pk): each.pk
            for each in self.named(self.remote, root, names, set().union(*names.values()))
        }
        doubled = [pk for pk, (name, _) in buried.items() if there.get((name.source, name.key), pk) != pk]
        self.delete(doubled)
        columns = [Reference._meta.get_field(name) for name in ("local_pk", "local_text", "remote_pk", "remote_text")]
        values = [
            (pk, name.key, name.text, gone_key(there), None)
            for pk, (name, there) in buried.items()
            if pk not in doubled
        ]
        if values:
            update_rows(self.remote, Reference, [Reference._meta.get_field("id")], columns, values)  # type: ignore[arg-type]

    def rename(self, pk: int, key: FormerKey) -> None:
        """Store a reference under the key of an object that is gone: its number is another one's."""
        rows_with(Reference, self.remote, pk=[pk]).update(local_pk=text_of(key), local_text=full_key(key))

    def move(self, moved: Iterable[tuple[int, Any, int | None]]) -> None:
        """Let references lead to other rows: their primary keys, remote keys, and the last log rows of the objects."""
        columns = [Reference._meta.get_field(name) for name in ("remote_pk", "remote_text", "logged", "replaced_at")]
        values = [(pk, text_of(there), _full_text_of(there), logged, None) for pk, there, logged in moved]
        if values:
            id_field = Reference._meta.get_field("id")
            update_rows(self.remote, Reference, [id_field], columns, values)  # type: ignore[arg-type]

    def insert_own(self, root: type[Model], new: Iterable[tuple[Any, Any, int | None]], seen: int | None) -> None:
        """Store references to rows of what LOCAL has made: its keys, those of the rows, and the last log rows.

        Args:
            root: the root model.
            new: the references.
            seen: how far the remote's log goes; ``None``: it has none.
        """
        keyed = [(key, there, text_of(key), text_of(there), logged) for key, there, logged in new]
        rows: list[tuple[Any, ...]] = [row for _, _, *row in keyed]  # type: ignore[misc]
        names: tuple[str, ...] = ("local_pk", "remote_pk", "logged")
        if any(is_digest(text) for *pair, _ in rows for text in pair):
            names += ("local_text", "remote_text")
            rows = [(*row, _full_text_of(key), _full_text_of(there)) for key, there, *row in keyed]
        self._insert(root, self.source, names, rows, seen)

    def insert(
        self, root: type[Model], new: Iterable[tuple[Name, Any, Version | None]], seen: int | None = None
    ) -> None:
        """Store references: the names of objects, their keys on the remote, and the versions that came.

        Args:
            root: the root model.
            new: the references.
            seen: how far the remote's log goes; ``None``: it has none.
        """
        by_source: dict[str, list[tuple[Name, Any, Version | None]]] = {}
        for each in new:
            by_source.setdefault(each[0].source, []).append(each)
        names = ("local_pk", "local_text", "remote_pk", "remote_text", "logged")
        for source, some in by_source.items():
            rows: list[tuple[Any, ...]] = [
                (name.key, name.text, text_of(there), _full_text_of(there), name.logged) for name, there, _ in some
            ]
            if seen is None or all(version is None for _, _, version in some):
                self._insert(root, source, names, rows, seen)
            else:
                versions = [_columns_of(version, source, seen) for _, _, version in some]
                rows = [(*row, *version) for row, version in zip(rows, versions, strict=True)]
                self._insert(root, source, (*names, "author", "number", "time", "seen"), rows, None)

    def _insert(
        self, root: type[Model], source: str, names: tuple[str, ...], rows: list[tuple[Any, ...]], seen: int | None
    ) -> None:
        constants: dict[str, str | int] = {"source": source, "model_label": root._meta.label}
        if seen is not None:
            constants["seen"] = seen
        insert_texts(self.remote, Reference, constants, names, rows)

    def set_versions(self, versions: Mapping[Stored, Version | None], seen: int) -> None:
        """Note which versions of objects have come."""
        columns = [Reference._meta.get_field(name) for name in ("author", "number", "time", "seen")]
        values = [(row.pk, *_columns_of(version, row.source, seen)) for row, version in versions.items()]
        if values:
            id_field = Reference._meta.get_field("id")
            update_rows(self.remote, Reference, [id_field], columns, values)  # type: ignore[arg-type]

    def meet(self, pks: Collection[int], **seen: int | None) -> None:
        """Note that objects and their remote rows were made equal, or compared, now; and, if told, ``seen``."""
        if pks:
            met = {"met_at": UtcNow(), "remote_won": False, "replaced_at": None, **seen}
            rows_with(Reference, self.remote, pk=pks).update(**met)

    def lose(self, root: type[Model], remote_keys: Iterable[Any]) -> None:
        """Note that the remote's rows were kept in conflicts."""
        references = rows_with(Reference, self.remote, remote_pk=list(map(text_of, remote_keys)))
        references.filter(model_label=root._meta.label).update(remote_won=True)


def _columns_of(version: Version | None, source: str, seen: int) -> tuple[str | None, int | None, int | None, int]:
    if version is None:
        return None, None, None, seen
    return (None if version.author == source else version.author), version.number, version.time, seen


def _full_text_of(key: Any) -> str | None:
    return full_key(encode_key(key))
