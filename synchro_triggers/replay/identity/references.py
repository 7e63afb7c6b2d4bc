"""Which remote row is known to be which local object: by stored references, and by what a batch has learnt.

References are stored in the database that received the object. For two-way use the other direction's references,
which are stored in LOCAL, are read too, backwards. What has no reference is found by ``matching``.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import connections
from django.db.models import Model, Q

from ...capture.keys import encode_key
from ...key_texts import full_key, stored_key
from ...models import Reference
from ...vendors.vendor import database_of
from ..log.changes import Change
from ..log.users_changes import LastChange, UsersChanges
from ..rows.read_ahead import ReadAhead, RowLocks
from ..rows.selecting import rows_with
from ..schema.keys import FormerKey
from ..schema.relations import may_be_spoken_of
from ..schema.shape import Shape, model_of, read_key, read_keys, root_of
from ..tasks import At
from .given_again import Strangers
from .logged_keys import LoggedKeys, number_of
from .reference_table import ReferenceTable, Stored, text_of
from .telling import keeps_key

#: How many deleted objects a run remembers, the last ones: what speaks of them is logged near to their end.
_REMEMBERED = 100_000


class Identity:
    """The references of one batch, read in a few queries, and what is learnt while it is applied.

    Args:
        source: node id of LOCAL.
        target: node id of the remote.
        kept_keys: labels of models with the option ``identity: 'pk'``.
        imagined: what a dry run would have created so far.
        given_again: references to rows that are other objects now, and since when: beside those that say so.
        gone: of what the run has deleted so far, root model and local key to what it was there, where keys may lead to
            it that no database keeps from leading nowhere; it takes what the batch deletes.

    Attributes:
        log: what LOCAL's log says of keys; it is told before anything is loaded.
        outlived: root model and local key to remote key of what was known under a key that has been given out again,
            although the log does not say that it was deleted.
        nowhere: root model and key of what LOCAL does not have, to what stands on the remote for it where it is part of
            another's key.
    """

    def __init__(
        self,
        remote: str,
        source: str,
        target: str,
        kept_keys: frozenset[str],
        imagined: Mapping[At, Any] | None = None,
        given_again: Mapping[int, datetime.datetime] | None = None,
        gone: dict[At, Any] | None = None,
    ) -> None:
        self.remote = remote
        self.log = LoggedKeys(kept_keys)
        self._table = ReferenceTable(remote, source, target)
        self._strangers = Strangers(source, kept_keys, given_again)
        self._kept_keys = kept_keys
        self._keeps: dict[Shape, bool] = {}
        self._imagined = imagined if imagined is not None else {}
        self.gone = gone if gone is not None else {}
        self._is_remembered: dict[type[Model], bool] = {}
        self._asked: set[At] = set()
        self._rows: dict[At, Stored] = {}  # references, by local key
        self._times: dict[int, datetime.datetime] = {}
        self._known: dict[At, Any] = {}  # local key to remote key, and backwards
        self._claimed: dict[At, Any] = {}
        self._free: set[At] = set()  # remote keys whose references were looked for
        self._learnt: dict[At, Any] = {}
        self._forgotten: set[At] = set()
        self._contested: set[At] = set()
        self._lost: set[At] = set()
        self._met: set[int] = set()
        self._outdated: set[int] = set()
        self.outlived: dict[At, Any] = {}
        self.nowhere: dict[At, Any] = {}

    # Reading --------------------------------------------------------------------------------------

    def load(
        self, model: type[Model], keys: Iterable[Any], rows: ReadAhead | None = None, *, locks: RowLocks | None = None
    ) -> None:
        """Read the references of local keys of one model, and drop those whose remote row is gone.

        Args:
            rows: where to put the remote rows, if they will be wanted anyway.
            locks: locks the remote rows where they are not put there.
        """
        root = root_of(model)
        wanted = {key for key in keys if (root, key) not in self._asked}
        if not wanted:
            return
        wanted = self.log.with_sharers(root, wanted)
        self._asked |= {(root, key) for key in wanted}
        self._known.update({(root, key): self._imagined[root, key] for key in wanted if (root, key) in self._imagined})
        found = self._read(root, wanted)
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

    def _read(self, root: type[Model], keys: Iterable[Any]) -> dict[Any, Any]:
        """Return the remote keys of references of either direction, by the local keys of whom they speak."""
        by_text = {text_of(key): key for key in keys}
        found: dict[Any, Any] = {}
        stored = [(by_text[each.local_pk], each) for each in self._stored(root, local_pk=by_text)]
        for at, each in sorted(stored, key=lambda row: not isinstance(row[0], FormerKey)):
            key = self._whose(root, at, each)
            if key is not None:
                self._rows[root, key] = each
                found[key] = each.remote
        found = dict(zip(found, read_keys(root, list(found.values())), strict=True))
        for each in self._table.backwards(root, remote_pk=by_text):
            key, remote_key = by_text[each.remote_pk], read_key(root, each.local)
            former = self.log.formers.get((root, key))
            if former is None and key not in found:
                if not isinstance(self.claimed_by(root, remote_key), FormerKey):
                    found[key] = remote_key
                    self._strangers.came_by[root, key] = each.logged
            elif former is not None and former not in found:
                found[former] = self._learnt[root, former] = remote_key
        return found

    def _stored(self, root: type[Model], **texts: Collection[str]) -> list[Stored]:
        rows = self._table.of(root, **texts)
        self._strangers.note(rows)
        return rows

    def _whose(self, root: type[Model], key: Any, stored: Stored) -> Any:
        """Return the key of a reference's object, which may have been deleted since; ``None``: it is nobody's."""
        found = self.log.whose(root, key, stored.logged, self._rows)
        if found is None:
            self._outdated.add(stored.pk)
            self.outlived[root, key] = read_key(root, stored.remote)
        return found

    def watch(self, users_changes: UsersChanges) -> None:
        """Ask from now on, and of what is known already, whether the remote's users have made others of the rows."""
        self._strangers.users_changes = users_changes
        known: dict[type[Model], list[Any]] = {}
        for root, key in self._known:
            known.setdefault(root, []).append(key)
        for root, keys in known.items():
            self._part_from_strangers(root, keys)

    def _part_from_strangers(self, root: type[Model], keys: Iterable[Any]) -> None:
        """Take objects for gone on the remote whose number was given to another one there since the two last met."""
        known = {key: self._known[root, key] for key in keys if (root, key) in self._known}
        for key in self._strangers.among(root, known, self._rows, self.met_at):
            del self._known[root, key]
            self._claimed.pop((root, known[key]), None)

    def existing(self, model: type[Model], remote_keys: Collection[Any], locks: RowLocks | None = None) -> set[Any]:
        """Return those of the remote keys whose rows exist; lock them, if there are locks."""
        if not remote_keys:
            return set()
        rows = rows_with(model, self.remote, pk=remote_keys)
        if locks is not None:
            rows = locks.taken(rows)
        return database_of(connections[self.remote]).exact_keys(remote_keys, set(rows.values_list("pk", flat=True)))

    def without_row_in(self, child: type[Model], keys: Iterable[Any]) -> list[Any]:
        """Return those loaded local keys whose objects are on the remote, without a row in the table of a child."""
        root = root_of(child)
        known = {self._known[root, key]: key for key in keys if (root, key) in self._known}
        rows = {there: key for there, key in known.items() if (root, key) not in self._imagined}
        there = self.existing(child, rows)
        return [key for remote_key, key in rows.items() if remote_key not in there]

    def keeps_key(self, shape: Shape) -> bool:
        """Tell whether objects of this model have the same primary key on both sides."""
        if shape not in self._keeps:
            self._keeps[shape] = keeps_key(shape, self._kept_keys)
        return self._keeps[shape]

    # What is known --------------------------------------------------------------------------------

    def known(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of a loaded local key, or ``None``."""
        return self._known.get((root_of(model), key))

    def find(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of a local key, which is loaded if need be, or ``None``."""
        self.load(model, [key])
        return self.known(model, key)

    def stale_reference(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of a reference whose row is gone, or ``None``."""
        root = root_of(model)
        if (root, key) in self._known:
            return None
        if (stranger := self._strangers.found(root, key)) is not None:
            return stranger[0]
        reference = self._rows.get((root, key))
        return None if reference is None else read_key(root, reference.remote)

    def made_again(self, model: type[Model], key: Any) -> LastChange | None:
        """Return when the remote's users made another object of the number that the object's row had there."""
        found = self._strangers.found(root_of(model), key)
        return None if found is None else found[1]

    def met_at(self, model: type[Model], key: Any) -> Any:
        """Return when the object last met its remote row (the remote's clock), or ``None``."""
        reference = self._rows.get((root_of(model), key))
        if reference is None:
            return None
        if reference.pk not in self._times:  # few are asked for, and reading times takes long
            unread = [each.pk for each in self._rows.values() if each.pk not in self._times]
            self._times.update(self._table.met_at(unread))
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
        if reference is not None and reference.remote_pk == text_of(remote_key):
            if (root, key) in self._contested or reference.remote_won or self._strangers.is_noted(reference):
                self._met.add(reference.pk)
        else:
            self._learnt[root, key] = remote_key

    def forget(self, model: type[Model], key: Any) -> None:
        """Drop the reference of an object that was deleted."""
        root = root_of(model)
        remote_key = self._known.pop((root, key), None)
        if remote_key is not None:
            self._claimed.pop((root, remote_key), None)
            self._remember(root, key, remote_key)
        self._learnt.pop((root, key), None)
        self._forgotten.add((root, key))

    def _remember(self, root: type[Model], key: Any, remote_key: Any) -> None:
        if root not in self._is_remembered:
            self._is_remembered[root] = may_be_spoken_of(root)
        if self._is_remembered[root]:
            self.gone[root, key] = remote_key
            if len(self.gone) > _REMEMBERED:
                del self.gone[next(iter(self.gone))]

    def is_forgotten(self, model: type[Model], key: Any) -> bool:
        """Tell whether the batch has deleted an object, and nothing else has its key by now."""
        return (root_of(model), key) in self._forgotten

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
        by_text = {text_of(key): key for key in unknown}
        self._free.update((root, key) for key in unknown)
        for stored in self._stored(root, remote_pk=by_text):
            key, remote_key = self._whose(root, read_key(root, stored.local), stored), by_text[stored.remote_pk]
            if key is None:
                continue
            self._rows[root, key] = stored
            stranger = self._strangers.found(root, key)
            is_strangers = self._strangers.is_noted(stored) or (stranger is not None and stranger[0] == remote_key)
            if (root, key) not in self._forgotten and not is_strangers:
                self._claimed[root, remote_key] = key

    def claims_backwards(self, model: type[Model], remote_keys: Iterable[Any]) -> dict[Any, Any]:
        """Return the local keys of remote rows that came to LOCAL from there, by remote key."""
        root, by_text = root_of(model), {text_of(key): key for key in remote_keys}
        rows = self._table.backwards(root, local_pk=by_text) if by_text else ()
        return {by_text[each.local_pk]: read_key(root, each.remote) for each in rows}

    # Writing --------------------------------------------------------------------------------------

    def store(self) -> None:
        """Write what was learnt; part of the batch's transaction."""
        gone = [row.pk for at in self._forgotten if (row := self._rows.get(at)) is not None]
        self._table.delete([*gone, *self._outdated])
        for (root, key), row in self._rows.items() if self.log.formers else ():
            if isinstance(key, FormerKey) and (root, key) not in self._forgotten:
                self._table.rename(row.pk, key)
        new: dict[type[Model], list[tuple[Any, Any, int | None]]] = {}
        moved: list[tuple[int, Any, int | None]] = []
        for (root, key), remote_key in self._learnt.items():
            reference, logged = self._rows.get((root, key)), self.log.until(root, key)
            if reference is not None and (root, key) not in self._forgotten:
                moved.append((reference.pk, remote_key, logged))
            else:
                new.setdefault(root, []).append((key, remote_key, logged))
        self._table.move(moved)
        self._met.update(pk for pk, _, _ in moved)
        for root, rows in new.items():
            self._table.insert(root, rows)
        self._table.meet(self._met)
        lost: dict[type[Model], list[Any]] = {}
        for root, key in self._lost - self._forgotten:
            lost.setdefault(root, []).append(key)
        for root, keys in lost.items():
            self._table.lose(root, keys)


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
