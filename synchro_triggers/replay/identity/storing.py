"""What a batch has learnt of references, and how it is written: at its end, in its transaction."""

# Long: references, tombstones and versions are written from one state, and each hangs on what was written before it.

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from django.db.models import Model, Q

from ...capture.keys import encode_key
from ...key_texts import full_key, is_digest, key_of_unseen, stored_key
from ...models import ChangeLog, Operation, Reference
from ..log.changes import Change
from ..log.field_versions import FieldVersion, FieldVersions, fields_text, newest_of
from ..log.heard import versions_text
from ..log.versions import Version
from ..log.window import highest_id
from ..rows.selecting import rows_with
from ..schema.keys import FormerKey, Unreadable
from ..schema.shape import gives_keys_again, model_of, read_key, root_of
from ..tasks import At
from .arrivals import Entries, Entry, entry_of, note_arrivals
from .came_with import CameWith
from .logged_keys import LoggedKeys
from .names import Names
from .noted import Noted
from .own_fields import OwnFields, Versions
from .own_versions import OwnVersions
from .reference_table import Name, Receipt, ReferenceTable, Stored, text_of
from .telling import leaves_kept_graves

_NOTHING = Receipt(None, None)


class Storing:
    """Writes what was noted.

    Args:
        table: the references.
        names: the names of objects.
        log: what LOCAL's log says of keys.
        kept_keys: labels of models with the option ``identity: 'pk'``.
        noted: what was learnt.
        versions: which versions LOCAL has of objects; ``fields``: of single fields.
        logs: the remote captures its own changes.
        came_with: what the run's objects come with; ``None``: nobody asks.
    """

    def __init__(
        self,
        table: ReferenceTable,
        names: Names,
        log: LoggedKeys,
        kept_keys: Collection[str],
        noted: Noted,
        versions: OwnVersions,
        fields: OwnFields,
        *,
        logs: bool,
        came_with: CameWith | None = None,
    ) -> None:
        self._table, self._names, self._log = table, names, log
        self._kept_keys, self._noted, self._versions, self._fields = kept_keys, noted, versions, fields
        self._logs, self._came_with = logs, came_with
        self._come_with: set[int] = set()
        self._seen: int | None = None

    def store(self, known: Mapping[At, Any]) -> None:
        """Write what was learnt; part of the batch's transaction.

        Args:
            known: root model and local key to remote key.
        """
        versions = self._asks_for_versions or self._leaves_graves
        if self._logs and (self._noted.learnt or self._noted.met or self._noted.fields or versions):
            self._seen = highest_id(self._table.remote)
        self._store_versions(known)
        self._store_gone()
        if self._leaves_graves:
            self._store_graves()
            self._store_kept_graves()
        self._store_learnt()
        self._store_versions_of_met()
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
        if self._came_with is not None:
            self._came_with.store(self._come_with)
        if self._logs and (self._noted.brought or self._noted.gone) and not self._asks_for_versions:
            self._note_arrivals(known)

    def _store_learnt(self) -> None:
        """Write references to rows that were not known: nearly all are of what LOCAL itself has made, and new."""
        own: dict[type[Model], list[tuple[Any, Any]]] = {}
        named: dict[type[Model], list[tuple[At, Name, Any]]] = {}
        moved: list[tuple[Stored, Any, int | None]] = []
        forgotten, stored, theirs = self._noted.forgotten, self._noted.rows, self._noted.theirs
        known, fields, asks_for_versions = self._names.known, self._noted.fields, self._asks_for_versions
        for at, remote_key in self._noted.learnt.items():
            root, key = at
            rows = self._noted.rows_of(at) if at in stored and at not in forgotten else []
            if not (rows or asks_for_versions or at in known or at in theirs or at in fields or type(key) is FormerKey):
                own.setdefault(root, []).append((key, remote_key))
                continue
            if rows:
                to = text_of(remote_key)
                moved += ((row, remote_key, self._logged(root, key, row)) for row in rows if row.remote_pk != to)
            named.setdefault(root, []).extend((at, name, remote_key) for name in self._names_to_store(root, key, rows))
        self._table.move(moved)
        self._noted.met.update(row.pk for row, _, _ in moved)
        for root, some in own.items():
            until = self._log.until
            self._table.insert_own(root, ((key, there, until(root, key)) for key, there in some), self._seen)
        for root, names in (*named.items(), *self._names_of_found().items()):
            new = [(name, there, self._kept(at) if at in theirs else self._receipt(at)) for at, name, there in names]
            self._table.insert(root, new)

    def _kept(self, at: At) -> Receipt:
        """Return what the remote has received of an object of which its users' version stands."""
        upon = None if self._seen is None or at in self._noted.superseded else self._upon(at)
        return _NOTHING if self._seen is None else Receipt(None, 0, upon=upon)

    @cached_property
    def _asks_for_versions(self) -> bool:
        return self._logs and bool(self._noted.brought or self._noted.gone) and self._table.others_may_ask

    @cached_property
    def _leaves_graves(self) -> bool:
        """Whether others may have what was deleted: they ask the remote, have sent to LOCAL, or received from it."""
        table, matters = self._table, self._logs and bool(self._noted.gone)
        return matters and (table.others_may_ask or table.local_receives or table.local_sends_elsewhere)

    def _store_versions(self, known: Mapping[At, Any]) -> None:
        """Write which versions have come, into all references to a row: whoever asks knows one of its names."""
        if self._seen is None:
            return
        asks_for_versions, noted = self._asks_for_versions, self._noted
        receipts: dict[Stored, Receipt] = {}
        for at in (noted.brought if asks_for_versions else noted.fields.keys() & noted.brought) - noted.forgotten:
            if at in noted.theirs:
                continue
            rows = [*noted.rows_of(at), *noted.there.get((at[0], text_of(known.get(at))), ())]
            receipt = self._receipt(at) if rows else _NOTHING
            if receipt.version is not None or at in noted.fields:
                receipts.update((row, receipt) for row in rows)
        for at in noted.gone - noted.theirs if self._leaves_graves else ():
            rows = [row for row in noted.rows_of(at) if not row.is_gone or at in noted.unseen]
            receipts.update((row, self._receipt_of(at)) for row in rows)
        for at in (noted.brought & noted.theirs) - noted.forgotten - noted.superseded:
            rows = [*noted.rows_of(at), *noted.there.get((at[0], text_of(known.get(at))), ())]
            receipts.update((row, row.receipt._replace(upon=self._upon(at, row))) for row in rows)
        self._table.receive(receipts)

    def _store_versions_of_met(self) -> None:
        """Write which versions have come, into references with an older one that say from now on how far the log goes.

        What is noted of these objects is no newer by that, and would count for nothing.
        """
        noted = self._noted
        if not noted.met or self._seen is None or self._asks_for_versions:
            return
        receipts: dict[Stored, Receipt] = {}
        for at in noted.brought - noted.forgotten - noted.theirs - noted.fields.keys():
            rows = [row for row in noted.rows_of(at) if row.pk in noted.met and row.number is not None]
            if rows and (receipt := self._receipt(at)).version is not None:
                receipts.update((row, receipt) for row in rows)
        self._table.receive(receipts)

    def _upon(self, at: At, row: Stored | None = None) -> str | None:
        """Return what the remote's version of an object has seen from now on, which stands against LOCAL's."""
        lost = {self._versions.of(at), *(self._fields.versions_of_all(at) or {}).values()} - {None}
        return versions_text([*(() if row is None else row.basis.upon), *filter(None, lost)])

    def _note_arrivals(self, known: Mapping[At, Any]) -> None:
        """Note which versions have come, for those who will ask: what stands in a reference already needs no more."""
        noted = self._noted
        brought: Entries = {}
        gone: Entries = {}
        self._seen = highest_id(self._table.remote) if self._seen is None else self._seen
        times = {} if self._table.local_receives else self._versions.times_where_nothing_is_numbered()
        for at in self._fields.objects:
            times.pop(at, None)
        for at in noted.brought - noted.forgotten - noted.theirs - noted.fields.keys():
            entry = times.get(at) or self._entry(at)
            if entry is not None and (remote_key := known.get(at)) is not None:
                row = noted.rows.get(at)
                text = text_of(remote_key) if row is None or at in noted.learnt else row.remote_pk
                brought.setdefault(at[0]._meta.label, {})[text] = entry
        buried = set() if self._leaves_graves else (noted.gone & noted.forgotten) - noted.theirs
        roots = {root for root in {root for root, _ in buried} if leaves_kept_graves(root, self._kept_keys)}
        for at in buried:
            if at[0] in roots and (entry := times.get(at) or self._entry(at)) is not None:
                rows = noted.rows_of(at)
                gone.setdefault(at[0]._meta.label, {})[rows[0].remote_pk if rows else text_of(at[1])] = entry
        note_arrivals(self._table.remote, self._table.source, self._seen, brought, gone)

    def _entry(self, at: At) -> Entry | None:
        """Return what LOCAL's version of an object is noted as, where it is not its own users' first window's."""
        brought = self._fields.versions_of_all(at) or {}
        fields = {name: FieldVersion(each, self._seen) for name, each in brought.items()}
        version = newest_of(brought.values()) if brought else self._versions.of(at)
        before = versions_text(self._versions.before(at, version))
        return entry_of(Receipt(version, self._seen, fields_text(fields), upon=before))

    def _receipt(self, at: At) -> Receipt:
        """Return what the remote has received of an object that it has now."""
        fields = self._fields_of(at)
        if fields is None:
            return self._receipt_of(at)
        newest = newest_of(version for version, _ in fields.values())
        return Receipt(newest, self._seen, fields_text(fields), *self._basis_of(at, newest))

    def _receipt_of(self, at: At) -> Receipt:
        """Return what the remote has received of an object as a whole, or of its deletion."""
        version = self._version(at)
        return Receipt(version, self._seen, None, *self._basis_of(at, version))

    def _basis_of(self, at: At, version: Version | None) -> tuple[int | None, str | None]:
        """Return what LOCAL has seen of an object, as it is stored."""
        if version is None:
            return None, None
        before = self._versions.before(at, version)
        if self._came_with is None or not self._asks_for_versions:
            return None, versions_text(before)
        basis = self._came_with.of(
            self._versions.change_of(at),
            self._versions.basis(at),
            before,
            made=at in self._noted.made,
            has_arrived=lambda end: at not in self._noted.fields or self._fields.have_arrived(at, end),
        )
        if basis.came_with is not None:
            self._come_with.add(basis.came_with)
        return basis.came_with, versions_text(basis.upon)

    def _fields_of(self, at: At) -> FieldVersions | None:
        """Return which versions of its fields the remote has; ``None``: the object counts as a whole."""
        met = self._noted.fields.get(at)
        brought: Versions | None = self._fields.versions_of_all(at) if met is None else met.brought
        if not brought:
            return None
        fields = {name: FieldVersion(version, self._seen) for name, version in brought.items()}
        return fields if met is None else {**met.kept, **fields}

    def _version(self, at: At) -> Version | None:
        return None if at in self._noted.theirs else self._versions.of(at)

    def _logged(self, root: type[Model], key: Any, row: Stored) -> int | None:
        """Return the row of its maker's log by which an object is known."""
        return self._log.until(root, key) if row.source == self._table.source else row.logged

    def _names_to_store(self, root: type[Model], key: Any, rows: list[Stored]) -> list[Name]:
        """Return the names of an object that the remote does not have yet."""
        known = self._names.known.get((root, key))
        if known is None:
            return [] if rows else [self._own_name(root, key)]
        own = self._own_name(root, key)
        stored = {(row.source, row.local_pk) for row in rows}
        names = [own if each[:2] == own[:2] and each.ended == own.ended else each for each in known]
        return [each for each in names if (each.source, each.key) not in stored]

    def _own_name(self, root: type[Model], key: Any) -> Name:
        text, ended = text_of(key), self._log.ended.get((root, key), 0)
        full = None
        if is_digest(text):
            full = full_key(key.number if isinstance(key, FormerKey) else encode_key(key))
        return Name(self._table.source, text, full, self._log.until(root, key), ended)

    def _names_of_found(self) -> dict[type[Model], list[tuple[At, Name, Any]]]:
        """Return the remote's own names of what it had made, and LOCAL has a name for from now on.

        Who has received an object from the remote must still find it by the name that it had.
        """
        found: dict[type[Model], dict[str, tuple[At, Any]]] = {}
        matched = self._noted.learnt.keys() - self._noted.made - self._noted.rows.keys()
        for at in matched if matched and self._table.others_may_ask else ():
            named = any(name.source == self._table.target for name in self._names.known.get(at, ()))
            if not named and gives_keys_again(at[0], self._kept_keys):
                there = self._noted.learnt[at]
                found.setdefault(at[0], {})[text_of(there)] = at, there
        names: dict[type[Model], list[tuple[At, Name, Any]]] = {}
        for root, some in found.items():
            told = {row.remote_pk for row in self._table.to_rows(self._table.remote, root, some)}
            names[root] = [
                (at, Name(self._table.target, text, None, None), there)
                for text, (at, there) in some.items()
                if text not in told
            ]
        return names

    def _store_gone(self) -> None:
        """Delete the references of objects that were deleted, or leave tombstones where others may have them."""
        going, gone = set(self._noted.outdated), dict[type[Model], list[Stored]]()
        # An object that was deleted and has come back under another key is known by the same reference.
        others = self._noted.brought - self._noted.forgotten if self._noted.forgotten else ()
        kept = {row.pk for at in others for row in self._noted.rows_of(at)}
        for at in self._noted.forgotten:
            rows = [row for row in self._noted.rows_of(at) if not row.is_gone and row.pk not in kept]
            if rows and self._leaves_graves and at in self._noted.gone and gives_keys_again(at[0], self._kept_keys):
                gone.setdefault(at[0], []).extend(rows)
            else:
                going.update(row.pk for row in rows)
        ended = self._ended(going)
        self._table.delete(going)
        for root in {**gone, **ended}:
            self._table.settle(root, ended.get(root, {}), gone.get(root, ()))

    def _store_graves(self) -> None:
        """Leave tombstones of what has no reference that could become one, for those to whom the remote sends.

        That is what the remote has made itself, and what it has never had: then its log has to say that it is gone, or
        the deletion would travel no further.
        """
        graves: dict[type[Model], list[tuple[Name, str, Receipt]]] = {}
        logged: list[ChangeLog] = []
        for at in self._noted.buried & self._noted.gone:
            name, text = self._noted.made_there[at]
            if gives_keys_again(at[0], self._kept_keys):
                graves.setdefault(at[0], []).append((name, stored_key(text), self._receipt_of(at)))
        for at in self._noted.unseen & self._noted.gone:
            if leaves_kept_graves(at[0], self._kept_keys):
                continue
            rows, names, receipt = self._noted.rows_of(at), self._names_of_unseen(at), self._receipt_of(at)
            version = receipt.version
            if rows and version is not None and all(row.version != version for row in rows):
                name = rows[0].name  # it was deleted there before, by others: they need not have seen this
                text = key_of_unseen(name.source, name.key, name.logged, name.ended)
            elif not rows and self._is_newer_than_its_makers(at, version):
                name, there = self._noted.made_there[at]
                text = key_of_unseen(name.source, name.key, name.logged, name.ended)
                graves.setdefault(at[0], []).append((name, stored_key(there), receipt))
            elif names and gives_keys_again(at[0], self._kept_keys):
                name = names[0]
                text = key_of_unseen(name.source, name.key, name.logged, name.ended)
                graves.setdefault(at[0], []).extend((name, stored_key(text), receipt) for name in names)
            else:
                continue
            logged.append(self._logged_as_gone(at[0], text))
        for root, some in graves.items():
            self._table.insert_graves(root, some)
        ChangeLog.objects.using(self._table.remote).bulk_create(logged)

    def _is_newer_than_its_makers(self, at: At, version: Version | None) -> bool:
        """Tell whether a deletion stands over that of the remote's own users, who have made the object.

        From then on the object has the version of LOCAL's deletion there, or others who have not seen it would compare
        theirs with the older one.
        """
        return at in self._noted.made_there and version is not None and version.author != self._table.target

    def _logged_as_gone(self, root: type[Model], text: str) -> ChangeLog:
        """Return the row by which the remote hands on that what it does not have is gone."""
        label, origin = root._meta.label, self._table.source
        return ChangeLog(model_label=label, object_pk=text, operation=Operation.DELETE, origin=origin)

    def _store_kept_graves(self) -> None:
        """Leave tombstones of objects that keep their keys, of which LOCAL can tell who has deleted them, and when."""
        graves: dict[type[Model], dict[str, Receipt]] = {}
        logged: list[ChangeLog] = []
        for at in self._noted.gone & self._noted.forgotten:
            root, key = at
            if not leaves_kept_graves(root, self._kept_keys) or (version := self._version(at)) is None:
                continue
            rows, made = self._noted.rows_of(at), self._noted.made_there.get(at)
            text = rows[0].remote_pk if rows else text_of(key) if made is None else stored_key(made[1])
            before = self._noted.graves.get((root, text))
            if version.author != self._table.target and (before is None or before.version != version):
                graves.setdefault(root, {})[text] = self._receipt_of(at)
                logged += [self._logged_as_gone(root, encode_key(key))] if at in self._noted.unseen else ()
        for root, some in graves.items():
            self._table.bury_kept(root, some)
        ChangeLog.objects.using(self._table.remote).bulk_create(logged)

    def _names_of_unseen(self, at: At) -> list[Name]:
        """Return the names of an object that the remote has never had, and that others may have."""
        if self._noted.rows_of(at) or at in self._names.lives_on:
            return []
        names = self._names.known.get(at, [])
        if not names and not isinstance(at[1], Unreadable) and self._table.local_sends_elsewhere:
            version = self._versions.of(at)
            names = [self._own_name(*at)] if version is not None and version.author == self._table.source else []
        return [] if any(name.source == self._table.target for name in names) else names

    def _ended(self, going: Collection[int]) -> dict[type[Model], dict[Stored, int]]:
        """Return the references that shall know from now on that their makers' keys have ended.

        Args:
            going: those that need not know: they are deleted.
        """
        found: dict[type[Model], dict[Stored, int]] = {}
        for root, some in self._names.ended.items():
            found[root] = {row: ended for row, ended in some.items() if row.pk not in going}
        for at, ended in self._log.ended.items():
            # One that could not be deleted is tried again under the key that it has.
            is_done = isinstance(at[1], FormerKey) or at in self._noted.brought
            for row in self._noted.rows_of(at) if is_done or at in self._noted.forgotten else ():
                is_own = row.source == self._table.source and row.local_pk == text_of(at[1])
                if is_own and not row.ended and row.pk not in going:
                    found.setdefault(at[0], {})[row] = ended
        return found


def mark_as_former(remote: str, source: str, change: Change) -> None:
    """Keep the reference of an object that could not be deleted from the one that has its key now."""
    model = model_of(change.label)
    key = read_key(model, change.key) if model is not None else None
    if model is not None and isinstance(key, FormerKey):
        references = rows_with(Reference, remote, local_pk=[text_of(key)]).filter(source=source)
        references = references.filter(model_label=root_of(model)._meta.label)
        earlier = Q(logged__isnull=True) | Q(logged__lt=key.ended)
        if not references.filter(ended=key.ended).exists():
            references.filter(earlier, ended=0).update(ended=key.ended)
