"""What a batch has learnt of references, and how it is written: at its end, in its transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import Model, Q

from ...capture.keys import encode_key
from ...key_texts import full_key, is_digest, stored_key
from ...models import Reference
from ..log.changes import Change
from ..log.versions import Version
from ..log.window import highest_id
from ..schema.keys import FormerKey
from ..schema.shape import gives_keys_again, model_of, read_key, root_of
from ..tasks import At
from .logged_keys import LoggedKeys, number_of
from .names import Names
from .own_versions import OwnVersions
from .reference_table import Name, ReferenceTable, Stored, text_of


@dataclass
class Noted:
    """References that were read, and what has become of their objects.

    Attributes:
        rows: the references by which objects are known, by root model and local key.
        others: further references of objects that have several names.
        learnt: remote keys of objects that have no reference, or one to another row, or names that were not stored yet.
        made: those whose rows this batch has made.
        forgotten: those that are no row any more; ``gone``: because they were deleted.
        lost: those of which the remote has kept its row in a conflict.
        met: references whose objects and rows were made equal now.
        outdated: references of objects that are gone, whose keys others have.
        brought: objects whose version is the remote's too now, but for those of ``theirs``.
        theirs: those of which the remote has kept its version; ``superseded``: it has seen LOCAL's.
        there: the references to rows, by root model and what their keys are stored as.
    """

    rows: dict[At, Stored] = field(default_factory=dict)
    others: dict[At, list[Stored]] = field(default_factory=dict)
    learnt: dict[At, Any] = field(default_factory=dict)
    made: set[At] = field(default_factory=set)
    forgotten: set[At] = field(default_factory=set)
    gone: set[At] = field(default_factory=set)
    lost: set[At] = field(default_factory=set)
    met: set[int] = field(default_factory=set)
    outdated: set[int] = field(default_factory=set)
    brought: set[At] = field(default_factory=set)
    theirs: set[At] = field(default_factory=set)
    superseded: set[At] = field(default_factory=set)
    there: dict[tuple[type[Model], str], list[Stored]] = field(default_factory=dict)

    def add(self, at: At, row: Stored) -> None:
        """Note a reference of an object, once."""
        known = self.rows.setdefault(at, row)
        if row.pk != known.pk and row.pk not in {known.pk, *(other.pk for other in self.others.get(at, ()))}:
            self.others[at] = [*self.others.get(at, ()), row]

    def rows_of(self, at: At) -> list[Stored]:
        """Return all references of an object that were read."""
        row = self.rows.get(at)
        return [] if row is None else [row, *self.others.get(at, ())]


class Storing:
    """Writes what was noted.

    Args:
        table: the references.
        names: the names of objects.
        log: what LOCAL's log says of keys.
        kept_keys: labels of models with the option ``identity: 'pk'``.
        noted: what was learnt.
        versions: which versions LOCAL has of objects.
        logs: the remote captures its own changes.
    """

    def __init__(
        self,
        table: ReferenceTable,
        names: Names,
        log: LoggedKeys,
        kept_keys: Collection[str],
        noted: Noted,
        versions: OwnVersions,
        *,
        logs: bool,
    ) -> None:
        self._table, self._names, self._log = table, names, log
        self._kept_keys, self._noted, self._versions = kept_keys, noted, versions
        self._logs = logs
        self._seen: int | None = None

    def store(self, known: Mapping[At, Any]) -> None:
        """Write what was learnt; part of the batch's transaction.

        Args:
            known: root model and local key to remote key.
        """
        if self._logs and (self._noted.learnt or self._noted.met or self._asks_for_versions):
            self._seen = highest_id(self._table.remote)
        self._store_versions(known)
        self._store_gone()
        for pk, former in self._names.formers.items():
            self._table.rename(pk, former)
        for (root, key), row in self._noted.rows.items() if self._log.formers else ():
            is_own = isinstance(key, FormerKey) and row.source == self._table.source and not row.is_gone
            if is_own and (root, key) not in self._noted.forgotten:
                self._table.rename(row.pk, key)
        self._store_learnt()
        # The remote's users' change that has won is still theirs, and newer than all that has come.
        theirs = {row.pk for at in self._noted.theirs for row in self._noted.rows_of(at)}
        self._table.meet(self._noted.met - theirs, seen=self._seen)
        self._table.meet(self._noted.met & theirs)
        lost: dict[type[Model], list[Any]] = {}
        for root, key in self._noted.lost - self._noted.forgotten:
            if (remote_key := known.get((root, key))) is not None:
                lost.setdefault(root, []).append(remote_key)
        for root, keys in lost.items():
            self._table.lose(root, keys)

    def _store_learnt(self) -> None:
        """Write references to rows that were not known: nearly all are of what LOCAL itself has made, and new."""
        own: dict[type[Model], list[tuple[Any, Any]]] = {}
        named: dict[type[Model], list[tuple[Name, Any]]] = {}
        moved: list[tuple[int, Any, int | None]] = []
        forgotten, known, stored = self._noted.forgotten, self._names.known, self._noted.rows
        for at, remote_key in self._noted.learnt.items():
            root, key = at
            rows = self._noted.rows_of(at) if at in stored and at not in forgotten else []
            if not rows and at not in known and at not in self._noted.theirs:
                own.setdefault(root, []).append((key, remote_key))
                continue
            elsewhere = [row for row in rows if row.remote_pk != text_of(remote_key)]
            moved += ((row.pk, remote_key, self._logged(root, key, row)) for row in elsewhere)
            for name in self._names_to_store(root, key, rows):
                named.setdefault(root, []).append((name, remote_key))
        self._table.move(moved)
        self._noted.met.update(pk for pk, _, _ in moved)
        for root in {**own, **named}:
            found = [*named.get(root, ()), *self._names_of_found(root)]
            if self._asks_for_versions:
                found += ((self._own_name(root, key), there) for key, there in own.pop(root, ()))
            if some := own.get(root):
                until = self._log.until
                self._table.insert_own(root, ((key, there, until(root, key)) for key, there in some), self._seen)
            # What the remote's users have made, and won with, is newer than all that has come.
            theirs = {text_of(there) for at, there in self._noted.learnt.items() if at in self._noted.theirs}
            rest = [each for each in found if text_of(each[1]) not in theirs]
            self._table.insert(root, self._with_versions(root, rest), self._seen)
            kept = [(name, there, None) for name, there in found if text_of(there) in theirs]
            self._table.insert(root, kept, None if self._seen is None else 0)

    def _with_versions(
        self, root: type[Model], named: list[tuple[Name, Any]]
    ) -> Iterable[tuple[Name, Any, Version | None]]:
        if not self._asks_for_versions:
            return [(name, there, None) for name, there in named]
        versions = {text_of(there): self._version(at) for at, there in self._noted.learnt.items() if at[0] is root}
        return [(name, there, versions[text_of(there)]) for name, there in named]

    @cached_property
    def _asks_for_versions(self) -> bool:
        return self._logs and bool(self._noted.brought or self._noted.gone) and self._table.remote_sends

    def _store_versions(self, known: Mapping[At, Any]) -> None:
        """Write which versions have come, into all references to a row: whoever asks knows one of its names."""
        if self._seen is None or not self._asks_for_versions:
            return
        versions: dict[Stored, Version | None] = {}
        for at in self._noted.brought - self._noted.theirs - self._noted.forgotten:
            rows = [*self._noted.rows_of(at), *self._noted.there.get((at[0], text_of(known.get(at))), ())]
            version = self._version(at) if rows else None
            if version is not None:
                versions.update((row, version) for row in rows)
        for at in self._noted.gone:
            versions.update((row, self._version(at)) for row in self._noted.rows_of(at) if not row.is_gone)
        self._table.set_versions(versions, self._seen)

    def _version(self, at: At) -> Version | None:
        if not self._asks_for_versions or at in self._noted.theirs:
            return None
        return self._versions.of(at)

    def _logged(self, root: type[Model], key: Any, row: Stored) -> int | None:
        """Return the row of its maker's log by which an object is known."""
        return self._log.until(root, key) if row.source == self._table.source else row.logged

    def _names_to_store(self, root: type[Model], key: Any, rows: list[Stored]) -> list[Name]:
        """Return the names of an object that the remote does not have yet."""
        known, own = self._names.known.get((root, key)), self._own_name(root, key)
        if known is None:
            return [] if rows else [own]
        stored = {(row.source, row.local_pk) for row in rows}
        names = [own if name.source == self._table.source and name.key == own.key else name for name in known]
        # Of what LOCAL has deleted, and the remote keeps, its maker's word has been read already.
        return [each for each in names if (each.source, each.key) not in stored and not FormerKey.is_one(each.key)]

    def _own_name(self, root: type[Model], key: Any) -> Name:
        text = text_of(key)
        full = full_key(encode_key(key)) if is_digest(text) else None
        return Name(self._table.source, text, full, self._log.until(root, key))

    def _names_of_found(self, root: type[Model]) -> list[tuple[Name, Any]]:
        """Return the remote's own names of what it had made, and LOCAL has a name for from now on.

        Who has received an object from the remote must still find it by the name that it had.
        """
        if not gives_keys_again(root, self._kept_keys):
            return []
        found = {
            text_of(there): there
            for at, there in self._noted.learnt.items()
            if at[0] is root and at not in self._noted.made and not self._noted.rows_of(at)
            if self._table.target not in {name.source for name in self._names.known.get(at, ())}
        }
        if not found or not self._table.remote_sends:
            return []
        named = {row.remote_pk for row in self._table.to_rows(self._table.remote, root, found)}
        return [
            (Name(self._table.target, text, None, None), there) for text, there in found.items() if text not in named
        ]

    def _store_gone(self) -> None:
        """Delete the references of objects that were deleted, or leave tombstones where the remote sends to others."""
        going, buried = set(self._noted.outdated), dict[type[Model], dict[int, tuple[Name, str]]]()
        may_be_asked = bool(self._noted.gone) and self._table.remote_sends
        # An object that was deleted and has come back under another key is known by the same reference.
        others = self._noted.brought - self._noted.forgotten if self._noted.forgotten else ()
        kept = {row.pk for at in others for row in self._noted.rows_of(at)}
        for at in self._noted.forgotten:
            rows = [row for row in self._noted.rows_of(at) if not row.is_gone and row.pk not in kept]
            if rows and may_be_asked and at in self._noted.gone and gives_keys_again(at[0], self._kept_keys):
                buried.setdefault(at[0], {}).update({row.pk: (self._last_name(at, row), row.remote_pk) for row in rows})
            else:
                going.update(row.pk for row in rows)
        self._table.delete(going)
        for root, some in buried.items():
            self._table.bury(root, some)

    def _last_name(self, at: At, row: Stored) -> Name:
        """Return the name of an object that is gone: its maker may give its key out again."""
        root, key = at
        text = row.local_pk
        if row.source != self._table.source:
            formers = [name.key for name in self._names.known.get(at, ()) if name.source == row.source]
            text = next((each for each in formers if FormerKey.is_one(each) and each.startswith(f"{text}~")), text)
        elif isinstance(key, FormerKey):
            text = key
        elif (ended := self._log.until(root, key)) is not None:
            text = FormerKey.of(text, ended)
        return Name(row.source, text, row.local_text, row.logged)


def mark_as_former(remote: str, source: str, change: Change) -> None:
    """Keep the reference of an object that could not be deleted from the one that has its key now."""
    model = model_of(change.label)
    key = read_key(model, change.key) if model is not None else None
    if model is not None and isinstance(key, FormerKey):
        references = Reference.objects.using(remote).filter(source=source, model_label=root_of(model)._meta.label)
        earlier = Q(logged__isnull=True) | Q(logged__lt=key.ended)
        if not references.filter(local_pk=stored_key(key)).exists():
            number = stored_key(encode_key(number_of(root_of(model), key)))
            references.filter(earlier, local_pk=number).update(local_pk=stored_key(key), local_text=full_key(key))
