"""Which remote row is known to be which local object: by stored references, and by what a batch has learnt.

A reference says who has made an object, under which key there, and which row it is of the database that stores it. So
an object is asked for under all the names that LOCAL knows of it (``names``); where the remote has made it, its key
there is one of them. What has no reference is found by ``matching``.
"""

# Long: what one batch knows of references is one state, which its reading and its learning share.

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db.models import Model

from ...conf import local_alias
from ...key_texts import read_full_key
from ..log.field_versions import FieldVersion
from ..log.heard import Basis
from ..log.own_windows import WindowNumbers
from ..log.users_changes import LastChange, UsersChanges
from ..log.versions import Version
from ..rows.read_ahead import ReadAhead, RowLocks, existing_keys
from ..schema.relations import may_be_spoken_of
from ..schema.shape import Shape, read_key, read_keys, root_of
from ..tasks import At
from .arrivals import write_arrivals
from .came_with import CameWith
from .content_types import are_told_by_names, called_the_same
from .given_again import Strangers
from .logged_keys import LoggedKeys
from .names import Names, is_unsure
from .noted import Fields, Noted
from .own_fields import OwnFields
from .own_versions import OwnVersions
from .reference_table import Name, ReferenceTable, Stored, text_of
from .storing import Storing
from .telling import keeps_key, leaves_kept_graves

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
        numbers: numbers what LOCAL's users have changed.
        logs: the remote captures its own changes.
        merged_by_field: labels of models whose objects are merged by field.
        came_with: what the run's objects come with; ``None``: nobody asks.

    Attributes:
        versions: which versions LOCAL has of objects; ``fields``: of single fields.
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
        numbers: WindowNumbers | None = None,
        *,
        logs: bool = False,
        merged_by_field: Collection[str] = (),
        came_with: CameWith | None = None,
    ) -> None:
        self.remote, self.log = remote, LoggedKeys(kept_keys)
        self._source, self._target = source, target
        self.table = ReferenceTable(remote, source, target)
        self._names = Names(self.table, self.log, kept_keys)
        self.versions = OwnVersions(source, numbers or WindowNumbers(local_alias()), self._names.received)
        self.fields = OwnFields(
            source, target, numbers or WindowNumbers(local_alias()), self._names.received, merged_by_field
        )
        self._strangers = Strangers(source, target, kept_keys, given_again)
        self._kept_keys, self._logs, self._came_with = kept_keys, logs, came_with
        self._keeps: dict[Shape, bool] = {}
        self._noted = Noted()
        self._imagined = imagined if imagined is not None else {}
        self.gone = gone if gone is not None else {}
        self._is_remembered: dict[type[Model], bool] = {}
        self._asked: set[At] = set()
        self._kept_graves: set[At] = set()  # of objects that are not there
        self._times: dict[int, datetime.datetime] = {}
        self._known: dict[At, Any] = {}  # local key to remote key, and backwards
        self._claimed: dict[At, Any] = {}
        self._free: set[At] = set()  # remote keys whose references were looked for
        self._contested: set[At] = set()
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
        if are_told_by_names(root):
            for key, remote_key in called_the_same(self.remote, root, wanted).items():
                self._take(root, key, remote_key)
            return
        found = self._read(root, wanted)
        rows_there = {there for some in found.values() for there in some}
        if rows is not None:
            rows.load(root, rows_there)
            alive = rows.known(root) & rows_there
        else:
            alive = self.existing(root, rows_there, locks)
        for key, some in found.items():
            for remote_key in some:
                if remote_key in alive:
                    self._take(root, key, remote_key)
                    break
        self._part_from_strangers(root, found)
        self._read_kept_graves(root, wanted)

    def _read_kept_graves(self, root: type[Model], keys: Iterable[Any]) -> None:
        """Read which of the keys that objects keep were deleted on the remote, by whom, and when."""
        if self.asks_for_versions and self.leaves_kept_graves(root):
            missing = [text_of(key) for key in keys if (root, key) not in self._known]
            graves = self.table.kept_graves(root, missing)
            self._noted.graves.update(((root, text), row) for text, row in graves.items())
            keys_of_graves = {key for key in keys if text_of(key) in graves} if graves else set()
            made_since = self.existing(root, keys_of_graves) if graves else ()
            self._kept_graves.update((root, key) for key in keys_of_graves.difference(made_since))

    def _take(self, root: type[Model], key: Any, remote_key: Any) -> None:
        """Note which of the rows that references tell an object is, and let the reference to it be the first."""
        self._known[root, key] = remote_key
        self._claimed[root, remote_key] = key
        if others := self._noted.others.get((root, key)):
            rows = sorted([self._noted.rows[root, key], *others], key=lambda row: row.remote_pk != text_of(remote_key))
            self._noted.rows[root, key], self._noted.others[root, key] = rows[0], rows[1:]

    def _read(self, root: type[Model], keys: Iterable[Any]) -> dict[Any, list[Any]]:
        """Return the remote keys that objects may have, by local key: what references tell first."""
        found: dict[Any, list[str]] = {}
        for key, row in self._names.references_of(root, keys, self._whose):
            self._strangers.note(row)
            self._note_row(root, key, row, found)
        for key in keys if self._names.known else ():
            self._note_made_there(root, key, self._names.known.get((root, key), ()), found)
        read = read_keys(root, [text for some in found.values() for text in some])
        following = iter(read)
        return {key: [next(following) for _ in some] for key, some in found.items()}

    def _note_row(self, root: type[Model], key: Any, row: Stored, found: dict[Any, list[str]]) -> None:
        self._noted.add((root, key), row)
        if not row.is_gone and row.remote not in (some := found.setdefault(key, [])):
            some.append(row.remote)

    def _note_made_there(self, root: type[Model], key: Any, names: Iterable[Name], found: dict[Any, list[str]]) -> None:
        """Note the keys of what the remote has made itself, where no reference of its own says more."""
        theirs = [name for name in names if name.source == self._target and not name.ended]
        explicit = {(row.source, row.local_pk) for row in self._noted.rows_of((root, key))} if theirs else ()
        for name in theirs:
            if (name.source, name.key) not in explicit:
                text = read_full_key(name.key, name.text)
                found.setdefault(key, []).append(text)
                self._noted.made_there[root, key] = name, text
                self._strangers.came_by[root, key] = name.logged

    def _whose(self, root: type[Model], key: Any, stored: Stored) -> Any:
        """Return the key of a reference's object, which may have been deleted since; ``None``: it is nobody's."""
        found = self.log.whose(root, key, stored.logged, self._noted.rows)
        if found is None:
            self._noted.outdated.add(stored.pk)
            if not stored.is_gone:
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
        for key in self._strangers.among(root, known, self._noted.rows, self.met_at):
            del self._known[root, key]
            self._claimed.pop((root, known[key]), None)

    def existing(self, model: type[Model], remote_keys: Collection[Any], locks: RowLocks | None = None) -> set[Any]:
        """Return those of the remote keys whose rows exist; lock them, if there are locks."""
        return existing_keys(self.remote, model, remote_keys, locks)

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

    def leaves_kept_graves(self, root: type[Model]) -> bool:
        """Tell whether an object of a root model that is deleted can be made again, as the same one, under its key."""
        return leaves_kept_graves(root, self._kept_keys)

    # What is known --------------------------------------------------------------------------------

    def known(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of a loaded local key, or ``None``."""
        return self._known.get((root_of(model), key))

    def find(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of a local key, which is loaded if need be, or ``None``."""
        self.load(model, [key])
        return self.known(model, key)

    def stale_reference(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of an object that is known to have been there, and whose row is gone, or ``None``."""
        root = root_of(model)
        at = root, key
        if at in self._known:
            return None
        if (stranger := self._strangers.found(root, key)) is not None:
            return stranger[0]
        if (reference := self._noted.rows.get(at)) is not None:
            return read_key(root, reference.remote)
        if (made := self._noted.made_there.get(at)) is not None:
            return read_key(root, made[1])
        return key if at in self._kept_graves else None

    def made_again(self, model: type[Model], key: Any) -> LastChange | None:
        """Return when the remote's users made another object of the number that the object's row had there."""
        found = self._strangers.found(root_of(model), key)
        return None if found is None else found[1]

    def met_at(self, model: type[Model], key: Any) -> Any:
        """Return when the object last met its remote row (the remote's clock), or ``None``."""
        reference = self._noted.rows.get((root_of(model), key))
        if reference is None:
            return None
        if reference.pk not in self._times:  # few are asked for, and reading times takes long
            unread = [each.pk for each in self._noted.rows.values() if each.pk not in self._times]
            self._times.update(self.table.met_at(unread))
        return self._times.get(reference.pk)

    # Versions -------------------------------------------------------------------------------------

    @property
    def asks_for_versions(self) -> bool:
        """Whether the remote hands on what it receives, so that it must say which versions of objects it has."""
        return self._logs and self.table.others_may_ask

    def load_versions(self, model: type[Model], remote_keys: Iterable[Any]) -> None:
        """Read which versions of rows the remote has received, in one query."""
        root = root_of(model)
        unread = {text_of(key) for key in remote_keys if (root, text_of(key)) not in self._noted.there}
        if unread and self.asks_for_versions:
            write_arrivals(self.remote)  # of one who has begun before anybody asked
            self._noted.there.update(((root, text), []) for text in unread)
            for row in self.table.to_rows(self.remote, root, unread):
                self._noted.there[root, row.remote_pk].append(row)

    def stored_there(self, model: type[Model], key: Any, remote_key: Any) -> Stored | None:
        """Return the reference that tells what the remote has received last of an object."""
        root = root_of(model)
        self.load_versions(root, [remote_key])
        text = text_of(remote_key)
        rows = self._noted.there.get((root, text)) or self._noted.rows_of((root, key))
        if (grave := self._noted.graves.get((root, text))) is not None:
            rows = [*rows, grave]
        return max(rows, key=lambda row: row.seen or 0, default=None)

    def basis_there(self, model: type[Model], key: Any, remote_key: Any) -> Basis:
        """Return what the sender of an object had seen of it that the remote has received last."""
        stored = self.stored_there(model, key, remote_key)
        return Basis() if stored is None else stored.basis

    def receive_fields(
        self, model: type[Model], key: Any, brought: Mapping[str, Version | None], kept: Mapping[str, FieldVersion]
    ) -> None:
        """Remember of which fields of an object LOCAL's version stands, and what the remote has of the others.

        Where none does, the remote's version of the object stands.
        """
        at = root_of(model), key
        self._noted.fields[at] = Fields(brought, kept)
        (self._noted.theirs.discard if brought else self._noted.theirs.add)(at)

    def keep_theirs(self, model: type[Model], key: Any, *, superseded: bool = False) -> None:
        """Remember that the remote's version of an object stands; ``superseded``: it has seen LOCAL's."""
        self._noted.theirs.add((root_of(model), key))
        if superseded:
            self._noted.superseded.add((root_of(model), key))

    def take_ours(self, model: type[Model], key: Any) -> None:
        """Remember that LOCAL's version of an object stands."""
        self._noted.theirs.discard((root_of(model), key))

    def lives_on(self, model: type[Model], key: Any) -> bool:
        """Tell whether an object that was deleted has come back to LOCAL since, under another key."""
        return (root_of(model), key) in self._names.lives_on

    def is_superseded(self, model: type[Model], key: Any) -> bool:
        """Tell whether the remote has a newer version of an object, which has seen LOCAL's."""
        return (root_of(model), key) in self._noted.superseded

    def remote_won(self, model: type[Model], key: Any) -> bool:
        """Tell whether the remote's row was kept, in a conflict, when the two last met."""
        reference = self._noted.rows.get((root_of(model), key))
        return reference is not None and reference.remote_won

    def was_there(self, model: type[Model], key: Any) -> bool:
        """Tell whether the remote has had an object, or has made it itself, and does not have it any more."""
        at = root_of(model), key
        if at in self._known:
            return False
        if self.stale_reference(model, key) is not None:
            return True
        names = self._names.known.get(at)
        return names is not None and any(name.source == self._target for name in names)

    def were_there(self, objects: set[At]) -> set[At]:
        """Return those of some objects of which ``was_there()`` is true; fast where nothing is known of any."""
        sources = self._noted.rows, self._noted.made_there, self._kept_graves, self._names.known, self._strangers.rows
        if not (noted := [each for each in sources if each]):
            return set()
        return {
            at for at in objects.difference(self._known) if any(at in each for each in noted) and self.was_there(*at)
        }

    def stands_there(self, model: type[Model], key: Any) -> bool:
        """Tell whether the remote's version of an object has won a conflict, in this batch or when the two last met."""
        return (root_of(model), key) in self._noted.theirs or self.remote_won(model, key)

    def lose(self, model: type[Model], key: Any) -> None:
        """Remember, after ``learn()``, that the remote's row was kept in a conflict."""
        self._noted.lost.add((root_of(model), key))

    def contest(self, model: type[Model], key: Any) -> None:
        """Remember that users of the remote changed the object's row too: when the two met will matter then."""
        self._contested.add((root_of(model), key))

    def learn(self, model: type[Model], key: Any, remote_key: Any, *, made: bool = False) -> None:
        """Remember that the object is the remote row, and that they have met now; or that the row was made for it."""
        root = root_of(model)
        other = self._claimed.get((root, remote_key))
        if other is not None and other != key:
            self.forget(root, other)  # its object is gone, and the row is taken over
            self._noted.gone.discard((root, other))
            self._noted.buried.discard((root, other))
        if made:
            self._noted.made.add((root, key))
        self._known[root, key] = remote_key
        self._claimed[root, remote_key] = key
        self._noted.forgotten.discard((root, key))
        self._noted.brought.add((root, key))
        self._noted.lost.discard((root, key))
        reference = self._noted.rows.get((root, key))
        if reference is not None and reference.remote_pk == text_of(remote_key):
            if (root, key) in self._contested or reference.remote_won or self._strangers.is_noted(reference):
                self._noted.met.update(row.pk for row in self._noted.rows_of((root, key)))
            if (root, key) in self._names.known:  # some of which the remote may not know yet
                self._noted.learnt[root, key] = remote_key
        elif not are_told_by_names(root):
            self._noted.learnt[root, key] = remote_key

    def forget(self, model: type[Model], key: Any) -> None:
        """Drop the reference of an object that was deleted."""
        root = root_of(model)
        remote_key = self._known.pop((root, key), None)
        if remote_key is not None:
            self._claimed.pop((root, remote_key), None)
            self._remember(root, key, remote_key)
            if (root, key) in self._noted.made_there and (root, key) not in self._noted.rows:
                self._noted.buried.add((root, key))
        self._noted.learnt.pop((root, key), None)
        self._noted.forgotten.add((root, key))
        self._noted.gone.add((root, key))

    def forget_unseen(self, model: type[Model], key: Any) -> None:
        """Remember that an object was deleted which the remote does not have, and may never have had."""
        self.forget(model, key)
        self._noted.unseen.add((root_of(model), key))

    def _remember(self, root: type[Model], key: Any, remote_key: Any) -> None:
        if root not in self._is_remembered:
            self._is_remembered[root] = may_be_spoken_of(root)
        if self._is_remembered[root]:
            self.gone[root, key] = remote_key
            if len(self.gone) > _REMEMBERED:
                del self.gone[next(iter(self.gone))]

    def has_reference(self, model: type[Model], key: Any) -> bool:
        """Tell whether an object was known to be a row of the remote before this batch."""
        at = root_of(model), key
        return at in self._noted.rows or at in self._noted.made_there

    def has_come(self, model: type[Model], key: Any) -> bool:
        """Tell whether the batch has brought an object to the remote, or found it there, and not deleted it since."""
        at = root_of(model), key
        return at in self._noted.brought and at not in self._noted.forgotten

    def is_forgotten(self, model: type[Model], key: Any) -> bool:
        """Tell whether the batch has deleted an object, and nothing else has its key by now."""
        return (root_of(model), key) in self._noted.forgotten

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
        rows = self.table.to_rows(self.remote, root, by_text)
        named_here = self._names.keys_of(root, rows)
        for stored in rows:
            self._strangers.note(stored)
            remote_key = by_text[stored.remote_pk]
            key = named_here.get(stored.pk)
            if stored.source == self._source and (key is None or is_unsure(stored.name)):
                key = stored.local_key(root) if stored.ended else self._whose(root, stored.local_key(root), stored)
            if key is None:
                continue
            self._note_row(root, key, stored, {})
            stranger = self._strangers.found(root, key)
            is_strangers = self._strangers.is_noted(stored) or (stranger is not None and stranger[0] == remote_key)
            if (root, key) not in self._noted.forgotten and not is_strangers:
                self._claimed[root, remote_key] = key

    def claims_backwards(self, model: type[Model], remote_keys: Iterable[Any]) -> dict[Any, Any]:
        """Return the local keys of remote rows that came to LOCAL from there, by remote key."""
        root, by_text = root_of(model), {text_of(key): key for key in remote_keys}
        rows = (
            self.table.named(local_alias(), root, {self._target}, by_text)
            if by_text and self.table.local_receives
            else ()
        )
        there = (each for each in rows if not each.is_gone and not each.ended)
        return {by_text[each.local_pk]: read_key(root, each.remote) for each in there}

    # Writing --------------------------------------------------------------------------------------

    def store(self) -> None:
        """Write what was learnt; part of the batch's transaction."""
        known = self.table, self._names, self.log, self._kept_keys, self._noted, self.versions, self.fields
        Storing(*known, logs=self._logs, came_with=self._came_with).store(self._known)
