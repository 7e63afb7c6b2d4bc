"""Which remote row is which local object.

In this order: the stored reference (dropped when its remote row is gone); the natural key; the primary key,
if the database does not give it out or the model has the option ``identity: 'pk'``; otherwise none: a new object.

References are stored in the database that received the object. For two-way use the other direction's
references, which are stored in LOCAL, are read too, backwards.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import Model, Q

from ...capture.tables import encode_key
from ...conf import LOCAL
from ...key_texts import full_key, is_digest, read_full_key, stored_key
from ...models import Reference
from ...moment import UtcNow, as_utc
from ..log.changes import Change
from ..log.own_changes import LastChange, OwnChanges
from ..rows.contention import RowLocks
from ..rows.doubled_hours import doubling_zone
from ..rows.mysql import exact_keys
from ..rows.read_ahead import ReadAhead
from ..rows.selecting import rows_with
from ..rows.statements import insert_texts, update_rows
from ..rows.utc import zone_of
from ..schema.keys import FormerKey
from ..schema.shape import (
    Shape,
    gives_keys_again,
    model_of,
    read_key,
    read_keys,
    root_of,
)
from ..schema.stored_types import plain_type


class _Stored(NamedTuple):
    """What is needed of a ``Reference``."""

    pk: int
    remote_pk: str
    logged: int | None
    remote_won: bool
    replaced_at: datetime.datetime | None


class Identity:
    """The references of one batch, read in a few queries, and what is learnt while it is applied.

    Args:
        remote: the remote alias.
        source: node id of LOCAL.
        target: node id of the remote.
        kept_keys: labels of models with the option ``identity: 'pk'``.
        imagined: what a dry run would have created so far.
        given_again: references to rows that are other objects now, and since when: beside those that say so.

    Attributes:
        outlived: root model and local key to remote key of what was known under a key that has been given out again,
            although the log does not say that it was deleted.
    """

    def __init__(
        self,
        remote: str,
        source: str,
        target: str,
        kept_keys: frozenset[str],
        imagined: Mapping[tuple[type[Model], Any], Any] | None = None,
        given_again: Mapping[int, datetime.datetime] | None = None,
    ) -> None:
        self.remote = remote
        self._source = source
        self._target = target
        self._kept_keys = kept_keys
        self._imagined = imagined if imagined is not None else {}
        self._given_again = dict(given_again or {})
        self._known: dict[tuple[type[Model], Any], Any] = {}
        self._claimed: dict[tuple[type[Model], Any], Any] = {}
        self._free: set[tuple[type[Model], Any]] = set()
        self._asked: set[tuple[type[Model], Any]] = set()
        self._rows: dict[tuple[type[Model], Any], _Stored] = {}
        self._keeps: dict[Shape, bool] = {}
        self._learnt: dict[tuple[type[Model], Any], Any] = {}
        self._contested: set[tuple[type[Model], Any]] = set()
        self._met: set[int] = set()
        self._times: dict[int, datetime.datetime] = {}
        self._lost: set[tuple[type[Model], Any]] = set()
        self._forgotten: set[tuple[type[Model], Any]] = set()
        self._full_texts: dict[str, str] = {}
        self._looked_for: set[tuple[type[Model], Any]] = set()
        self.nowhere: dict[tuple[type[Model], Any], Any] = {}
        self._batch: set[tuple[type[Model], Any]] = set()
        self._zone = doubling_zone(remote)
        self._formers: dict[tuple[type[Model], Any], FormerKey] = {}
        self._going: set[tuple[type[Model], Any]] = set()
        self._inserted: dict[tuple[type[Model], Any], int] = {}
        self._logged: dict[tuple[type[Model], Any], int] = {}
        self._begun: dict[tuple[type[Model], Any], int] = {}
        self._outdated: set[int] = set()
        self._made_again: dict[tuple[type[Model], Any], tuple[Any, LastChange]] = {}
        self._own_changes: OwnChanges | None = None
        self._came_by: dict[tuple[type[Model], Any], int | None] = {}
        self.outlived: dict[tuple[type[Model], Any], Any] = {}

    # References -----------------------------------------------------------------------------------

    def expect(self, tasks: Iterable[Any], formers: Iterable[tuple[type[Model], FormerKey, int]]) -> None:
        """Take note of what the log says of keys; to be done first.

        Args:
            tasks: the batch's objects.
            formers: root models and keys of objects whose keys were given out again, whether in this batch or not; and
                the ids of the inserts that gave them out.
        """
        for root, former, begun in formers:
            at = root, _number_of(root, former)
            self._formers[at], self._begun[at] = former, begun
        for task in tasks:
            change, root = task.change, task.shape.root
            self._batch.add((root, task.key))
            if task.instance is None and not task.keep_parents:
                self._going.add((root, task.key))
            if isinstance(task.key, FormerKey):
                self._formers[root, _number_of(root, task.key)] = task.key
            elif change.logged:
                self._logged[root, task.key] = max(change.last, change.read_until)
                inserted = change.created and not change.ended and model_of(change.label) is root
                if inserted and gives_keys_again(root, self._kept_keys):
                    self._inserted[root, task.key] = change.first

    def logged_until(self, model: type[Model], rows: Mapping[Any, int]) -> None:
        """Take note of the last log rows that speak of keys, of whatever object: what is learnt now is newer."""
        root = root_of(model)
        self._logged.update({(root, key): last for key, last in rows.items()})

    def load(
        self, model: type[Model], keys: Iterable[Any], rows: ReadAhead | None = None, *, locks: RowLocks | None = None
    ) -> None:
        """Read the references of local keys of one model, and drop those whose remote row is gone.

        Args:
            model: the model.
            keys: local keys.
            rows: where to put the remote rows, if they will be wanted anyway.
            locks: locks the remote rows where they are not put there.
        """
        root = root_of(model)
        wanted = {key for key in keys if (root, key) not in self._asked}
        if not wanted:
            return
        if self._formers:  # both at once: whose reference it is must be told
            wanted |= {_number_of(root, key) for key in wanted if isinstance(key, FormerKey)}
            wanted |= {former for key in wanted if (former := self._formers.get((root, key))) is not None}
        self._asked |= {(root, key) for key in wanted}
        self._known.update({(root, key): self._imagined[root, key] for key in wanted if (root, key) in self._imagined})
        by_text = {self._text(key): key for key in wanted}
        found: dict[Any, Any] = {}
        rows_there = sorted(
            self._stored(root, local_pk=by_text), key=lambda row: not isinstance(by_text[row[0]], FormerKey)
        )
        for local_pk, stored in rows_there:
            key = self._whose(root, by_text[local_pk], stored)
            if key is not None:
                self._rows[root, key] = stored
                found[key] = stored.remote_pk
        found = dict(zip(found, read_keys(root, list(map(self._full, found.values()))), strict=True))
        backwards = rows_with(Reference, LOCAL, remote_pk=by_text).filter(
            source=self._target, model_label=root._meta.label
        )
        came = list(backwards.values_list("pk", "remote_pk", "local_pk", "logged"))
        self._read_full_texts(LOCAL, "local", {pk: there for pk, _, there, _ in came})
        for _, here, there, logged in came:
            key, came_from = by_text[here], read_key(root, self._full(there))
            former = self._formers.get((root, key))
            if former is None and key not in found:
                if not isinstance(self.claimed_by(root, came_from), FormerKey):
                    found[key] = came_from
                    self._came_by[root, key] = logged
            elif former is not None and former not in found:
                found[former] = came_from
                self._learnt[root, former] = found[former]
        if rows is not None:
            rows.load(root, found.values())
            alive = rows.known(root) & set(found.values())
        else:
            alive = self.existing(root, found.values(), locks)
        for key, remote_key in found.items():
            if remote_key in alive:
                self._known[root, key] = remote_key
                self._claimed[root, remote_key] = key
        self._part_from_strangers(root, found)

    def watch(self, own_changes: OwnChanges) -> None:
        """Ask from now on, and of what is known already, whether the remote's users have made others of the rows."""
        self._own_changes = own_changes
        known: dict[type[Model], list[Any]] = {}
        for root, key in self._known:
            known.setdefault(root, []).append(key)
        for root, keys in known.items():
            self._part_from_strangers(root, keys)

    def _part_from_strangers(self, root: type[Model], keys: Iterable[Any]) -> None:
        """Take objects for gone on the remote whose number was given to another one there since the two last met."""
        for key in keys if self._given_again else ():
            reference = self._rows.get((root, key))
            replaced_at = self._given_again.get(reference.pk) if reference is not None else None
            if replaced_at is not None and (root, key) in self._known:
                self._is_a_strangers(root, key, LastChange(as_utc(replaced_at), 0))
        own = self._own_changes
        if own is None or (own.complete and not own.inserted) or not gives_keys_again(root, self._kept_keys):
            return
        rows = {self._known[root, key]: key for key in keys if (root, key) in self._known}
        for remote_key, made in own.made_again(root, list(rows), self._source).items():
            key = rows[remote_key]
            if (root, key) in self._rows:
                met_at = self.met_at(root, key)
                is_another = met_at is not None and made.time > as_utc(met_at)
            else:  # it came from there: the reference on LOCAL says up to which row of the remote's log it is that one
                logged = self._came_by.get((root, key))
                is_another = logged is not None and made.id > logged
            if is_another:
                self._is_a_strangers(root, key, made)

    def _is_a_strangers(self, root: type[Model], key: Any, made: LastChange) -> None:
        remote_key = self._known.pop((root, key))
        self._claimed.pop((root, remote_key), None)
        self._made_again[root, key] = (remote_key, made)

    def made_again(self, model: type[Model], key: Any) -> LastChange | None:
        """Return when the remote's users made another object of the number that the object's row had there."""
        found = self._made_again.get((root_of(model), key))
        return found[1] if found is not None else None

    def _stored(self, root: type[Model], **texts: Collection[str]) -> list[tuple[str, _Stored]]:
        references = rows_with(Reference, self.remote, **texts)
        references = references.filter(source=self._source, model_label=root._meta.label)
        names = ("local_pk", "pk", "remote_pk", "logged", "remote_won", "replaced_at")
        rows = [(local_pk, _Stored(*stored)) for local_pk, *stored in references.values_list(*names)]
        self._given_again.update((each.pk, each.replaced_at) for _, each in rows if each.replaced_at is not None)
        if plain_type(root._meta.pk) is not int:
            self._read_full_texts(self.remote, "local", {stored.pk: local_pk for local_pk, stored in rows})
            self._read_full_texts(self.remote, "remote", {stored.pk: stored.remote_pk for _, stored in rows})
        return rows

    def _text(self, key: Any) -> str:
        """Return what a key is stored as in references."""
        if type(key) is int:  # nearly all are: short, and plain text
            return str(key)
        text = encode_key(key)
        stored = stored_key(text)
        if stored is not text:
            self._full_texts[stored] = text
        return stored

    def _full(self, stored: str) -> str:
        return self._full_texts[stored] if self._full_texts and is_digest(stored) else stored

    def _read_full_texts(self, alias: str, side: str, stored: Mapping[int, str]) -> None:
        """Read the full keys of those rows whose keys, of the one or the other side, are digests."""
        unknown = {pk: text for pk, text in stored.items() if is_digest(text) and text not in self._full_texts}
        if unknown:
            rows = rows_with(Reference, alias, pk=unknown)
            self._full_texts.update(
                (unknown[pk], read_full_key(unknown[pk], full)) for pk, full in rows.values_list("pk", f"{side}_text")
            )

    def _whose(self, root: type[Model], key: Any, stored: _Stored) -> Any:
        """Return the key of a reference's object, which may have been deleted since; ``None``: it is nobody's."""
        former = self._formers.get((root, key)) if self._formers else None
        if former is not None and (root, former) not in self._rows and (stored.logged or 0) < former.ended:
            return former
        inserted = self._inserted.get((root, key))
        if inserted is not None and stored.logged is not None and stored.logged < inserted:
            self._outdated.add(stored.pk)
            self.outlived[root, key] = read_key(root, self._full(stored.remote_pk))
            return None
        return key

    def existing(self, model: type[Model], remote_keys: Collection[Any], locks: RowLocks | None = None) -> set[Any]:
        """Return those of the remote keys whose rows exist; lock them, if there are locks."""
        if not remote_keys:
            return set()
        rows = rows_with(model, self.remote, pk=remote_keys)
        if locks is not None:
            rows = locks.taken(rows)
        return exact_keys(self.remote, remote_keys, set(rows.values_list("pk", flat=True)))

    def without_row_in(self, child: type[Model], keys: Iterable[Any]) -> list[Any]:
        """Return those loaded local keys whose objects are on the remote, without a row in the table of a child."""
        root = root_of(child)
        known = {self._known[root, key]: key for key in keys if (root, key) in self._known}
        rows = {there: key for there, key in known.items() if (root, key) not in self._imagined}
        there = self.existing(child, rows)
        return [key for remote_key, key in rows.items() if remote_key not in there]

    def known(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of a loaded local key, or ``None``."""
        return self._known.get((root_of(model), key))

    def stale_reference(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of a reference whose row is gone, or ``None``."""
        root = root_of(model)
        if (root, key) in self._made_again and (root, key) not in self._known:
            return self._made_again[root, key][0]
        reference = self._rows.get((root, key))
        if reference is None or (root, key) in self._known:
            return None
        return read_key(root, self._full(reference.remote_pk))

    def met_at(self, model: type[Model], key: Any) -> Any:
        """Return when the object last met its remote row (the remote's clock), or ``None``."""
        reference = self._rows.get((root_of(model), key))
        if reference is None:
            return None
        if reference.pk not in self._times:  # few are asked for, and reading times takes long
            unread = [each.pk for each in self._rows.values() if each.pk not in self._times]
            self._times.update(rows_with(Reference, self.remote, pk=unread).values_list("pk", "met_at"))
        return self._times.get(reference.pk)

    def remote_won(self, model: type[Model], key: Any) -> bool:
        """Tell whether the remote's row was kept, in a conflict, when the two last met."""
        reference = self._rows.get((root_of(model), key))
        return reference is not None and reference.remote_won

    def lose(self, model: type[Model], key: Any) -> None:
        """Remember, after ``learn()``, that the remote's row was kept in a conflict."""
        self._lost.add((root_of(model), key))

    def contest(self, model: type[Model], key: Any) -> None:
        """Remember that users of the remote changed the object's row too: when the two met will matter then."""
        self._contested.add((root_of(model), key))

    def learn(self, model: type[Model], key: Any, remote_key: Any) -> None:
        """Remember that the object is the remote row, and that they have met now."""
        root = root_of(model)
        other = self._claimed.get((root, remote_key))
        if other is not None and other != key:
            self.forget(root, other)  # its object is gone, and the row is taken over
        self._known[root, key] = remote_key
        self._claimed[root, remote_key] = key
        self._forgotten.discard((root, key))
        self._lost.discard((root, key))
        reference = self._rows.get((root, key))
        if reference is not None and reference.remote_pk == self._text(remote_key):
            if (root, key) in self._contested or reference.remote_won or reference.pk in self._given_again:
                self._met.add(reference.pk)
        else:
            self._learnt[root, key] = remote_key

    def forget(self, model: type[Model], key: Any) -> None:
        """Drop the reference of an object that was deleted."""
        root = root_of(model)
        remote_key = self._known.pop((root, key), None)
        if remote_key is not None:
            self._claimed.pop((root, remote_key), None)
        self._learnt.pop((root, key), None)
        self._forgotten.add((root, key))

    def claimed_by(self, model: type[Model], remote_key: Any) -> Any:
        """Return the local key that is known to be this remote row, or ``None``."""
        root = root_of(model)
        self.load_claims(root, [remote_key])
        return self._claimed.get((root, remote_key))

    def load_claims(self, model: type[Model], remote_keys: Iterable[Any]) -> None:
        """Read which local objects remote rows are known to be, so that ``claimed_by`` asks no more."""
        root = root_of(model)
        unknown = [key for key in remote_keys if (root, key) not in self._claimed and (root, key) not in self._free]
        if not unknown:
            return
        by_text = {self._text(key): key for key in unknown}
        self._free.update((root, key) for key in unknown)
        for local_pk, stored in self._stored(root, remote_pk=by_text):
            key = self._whose(root, read_key(root, self._full(local_pk)), stored)
            if key is not None:
                self._rows[root, key] = stored
            remote_key = by_text[stored.remote_pk]
            is_strangers = stored.pk in self._given_again
            is_strangers |= (root, key) in self._made_again and self._made_again[root, key][0] == remote_key
            if key is not None and (root, key) not in self._forgotten and not is_strangers:
                self._claimed[root, remote_key] = key

    def claims_backwards(self, model: type[Model], remote_keys: Iterable[Any]) -> dict[Any, Any]:
        """Return the local keys of remote rows that came to LOCAL from there, by remote key."""
        by_text = {self._text(key): key for key in remote_keys}
        if not by_text:
            return {}
        root = root_of(model)
        references = rows_with(Reference, LOCAL, local_pk=by_text)
        references = references.filter(source=self._target, model_label=root._meta.label)
        came = list(references.values_list("pk", "local_pk", "remote_pk"))
        self._read_full_texts(LOCAL, "remote", {pk: here for pk, _, here in came})
        return {by_text[there]: read_key(root, self._full(here)) for _, there, here in came}

    def is_going(self, model: type[Model], key: Any) -> bool:
        """Tell whether the log says that an object of the batch is gone."""
        return (root_of(model), key) in self._going

    def is_of_batch(self, root: type[Model], key: Any) -> bool:
        """Tell whether an object is one of the batch's own."""
        return (root, key) in self._batch

    def store(self) -> None:
        """Write what was learnt; part of the batch's transaction."""
        gone = [row.pk for at in self._forgotten if (row := self._rows.get(at)) is not None]
        gone += list(self._outdated)
        if gone:
            rows_with(Reference, self.remote, pk=gone)._raw_delete(self.remote)
        for (root, key), row in self._rows.items() if self._formers else ():
            if isinstance(key, FormerKey) and (root, key) not in self._forgotten:
                rows_with(Reference, self.remote, pk=[row.pk]).update(
                    local_pk=self._text(key), local_text=full_key(key)
                )
        new: dict[type[Model], list[tuple[str, str, int | None]]] = {}
        moved = []
        for (root, key), remote_key in self._learnt.items():
            row, remote_pk = self._rows.get((root, key)), self._text(remote_key)
            if row is not None and (root, key) not in self._forgotten:
                moved.append((row.pk, remote_pk, self._logged_until(root, key)))
            else:
                new.setdefault(root, []).append((self._text(key), remote_pk, self._logged_until(root, key)))
        if moved:
            field = Reference._meta.get_field
            columns = [field("remote_pk"), field("remote_text"), field("logged"), field("replaced_at")]
            values = [(pk, remote_pk, self._beside(remote_pk), logged, None) for pk, remote_pk, logged in moved]
            update_rows(self.remote, Reference, [field("id")], columns, values)  # type: ignore[arg-type,list-item]
            self._met.update(pk for pk, _, _ in moved)
        for root, rows in new.items():
            same = {"source": self._source, "model_label": root._meta.label}
            names: tuple[str, ...] = ("local_pk", "remote_pk", "logged")
            texts: Sequence[Sequence[Any]] = rows
            if any(is_digest(text) for *pair, _ in rows for text in pair):
                names += ("local_text", "remote_text")
                texts = [(*row, *map(self._beside, row[:2])) for row in rows]
            insert_texts(self.remote, Reference, same, names, texts)
        if self._met:
            rows_with(Reference, self.remote, pk=self._met).update(met_at=UtcNow(), remote_won=False, replaced_at=None)
        lost: dict[type[Model], list[str]] = {}
        for root, key in self._lost - self._forgotten:
            lost.setdefault(root, []).append(self._text(key))
        for root, kept in lost.items():
            references = rows_with(Reference, self.remote, local_pk=kept)
            references.filter(source=self._source, model_label=root._meta.label).update(remote_won=True)

    def _logged_until(self, root: type[Model], key: Any) -> int | None:
        """Return up to which row of the log an object is known; ``None``: it is not known by the log."""
        logged, former = self._logged.get((root, key)), self._formers.get((root, key))
        # The insert itself may be read by another run, where this one is cut off: it is not to take it for another's.
        return self._begun.get((root, key), former.ended) if logged is None and former is not None else logged

    def _beside(self, stored: str) -> str | None:
        return full_key(self._full(stored)) if is_digest(stored) else None

    # Natural keys and primary keys ----------------------------------------------------------------

    def keeps_key(self, shape: Shape) -> bool:
        """Tell whether objects of this model have the same primary key on both sides."""
        if shape not in self._keeps:
            kept = {shape.root._meta.label, shape.label} & self._kept_keys
            self._keeps[shape] = not shape.automatic_key or bool(kept)
        return self._keeps[shape]


def mark_as_former(remote: str, source: str, change: Change) -> None:
    """Keep the reference of an object that could not be deleted from the one that has its key now."""
    model = model_of(change.label)
    key = read_key(model, change.key) if model is not None else None
    if model is not None and isinstance(key, FormerKey):
        references = Reference.objects.using(remote).filter(source=source, model_label=root_of(model)._meta.label)
        earlier = Q(logged__isnull=True) | Q(logged__lt=key.ended)
        if not references.filter(local_pk=stored_key(key)).exists():
            number = stored_key(encode_key(_number_of(root_of(model), key)))
            references.filter(earlier, local_pk=number).update(local_pk=stored_key(key), local_text=full_key(key))


def _number_of(root: type[Model], former: FormerKey) -> Any:
    """Return the key, as the log has it, that is another object's now."""
    return read_key(root, former.number, zone_of(LOCAL))
