"""When the remote's own users last changed the objects of a batch, and whether they win; what is told of it."""

# Long: what was read of the remote's log is one state, and all that is asked of it is asked there.

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from django.db.models import Model

from ...capture.keys import encode_key, logged_texts
from ...conf import local_alias
from ...moment import as_utc
from ..identity.references import Identity
from ..log.changed_fields import changed_fields
from ..log.changes import LONG_AGO, Change
from ..log.field_versions import newest_of
from ..log.noted_changes import Notes
from ..log.own_windows import OwnRow, moment_of, own_rows
from ..log.users_changes import LastChange, LastChanges, last_changes
from ..log.versions import Standing, Version, compare, had, is_newer, time_after
from ..schema.family import family_of, labels_of_family
from ..schema.keys import FormerKey
from ..schema.shape import Shape, shape_of
from ..tasks import ObjectTask
from .both_sides import BothSides, Changed, There, nobody_knows
from .by_field import ByField
from .conflicts import Conflict
from .context import RunContext
from .deleted_copies import DeletedCopies, Lookups
from .settling import Settling, Verdict

#: LOCAL's version of an object, the remote's, and the one that the remote has received last.
_Versions = tuple[Version, Version, Version | None]


class RemoteChanges:
    """Looks up, per object, which version the remote has, and whether LOCAL has seen it.

    That is what its own users have changed since it last received the object, or else what it has received. A remote
    that does not capture its changes has none that could be known; one that sends to nobody need not say what it has
    received.
    """

    def __init__(self, context: RunContext, identity: Identity, changes: Sequence[Change], by_field: ByField) -> None:
        self._context = context
        self._identity = identity
        self._by_field = by_field
        self._own = context.users_changes
        # Where the newer one wins, what is older than every change of the batch cannot win. That it has lost is told.
        oldest = min((change.logged_at for change in changes), default=None)
        back_to = context.users_changes.back_to
        limited = context.asks_for_the_newest and not context.dry_run  # a dry run has noted nothing
        self._since = min(oldest, back_to) if limited and oldest and back_to else None
        self._notes = Notes(context.remote, asked=self._since is not None)
        self._last: LastChanges = {}
        self._replayed: LastChanges = {}
        self._own_rows: dict[int, OwnRow] = {}
        self._read: set[tuple[type[Model], Any]] = set()
        self.settling = Settling(context, identity, by_field)
        self._copies = DeletedCopies(context, identity)
        self._other_rows: dict[tuple[type[Model], Any], list[tuple[str, str]]] = {}

    def look(self) -> None:
        """Look whether the remote's users have changed anything; to be done when the rows are locked."""
        if self._context.logs:
            self._own.look(self._since)

    def look_for_copies(self, tasks: Iterable[ObjectTask], lookups: Lookups) -> None:
        """Look which objects the remote's users have deleted as copies; to be done when references were read."""
        for model, keys in self._copies.look(tasks, lookups).items():
            self._load(model, keys)

    @property
    def _any(self) -> bool:
        return self._context.logs and (bool(self._own.last) or not self._own.complete or self._notes.any)

    def load(self, tasks: Iterable[ObjectTask]) -> None:
        """Read the remote's changelog for the objects of a batch whose remote keys are known."""
        tasks = list(tasks)
        if self._asks_for_versions:
            self._load_versions(tasks)
        if not self._any:
            return
        by_model: dict[type[Model], list[Any]] = {}
        for task in tasks:
            known = self._identity.known(task.shape.model, task.key)
            stale = self._identity.stale_reference(task.shape.model, task.key)
            kept = None
            if self._identity.keeps_key(task.shape) and not isinstance(task.key, FormerKey):
                kept = task.key
            for remote_key in {known, stale, kept} - {None}:
                for model in family_of(task.shape, gone=task.instance is None):
                    by_model.setdefault(model, []).append(remote_key)
            for model, remote_key in self._rows_of_other_parents(task):
                by_model.setdefault(model, []).append(remote_key)
                row = (model._meta.label, encode_key(remote_key))
                self._other_rows.setdefault(task.at, []).append(row)
        for model, remote_keys in by_model.items():
            self._load(model, remote_keys)
        self._load_fields(tasks)

    def _load_fields(self, tasks: Iterable[ObjectTask]) -> None:
        """Read which fields the remote's users have changed in a batch's objects that are merged by field."""
        seen: dict[Shape, dict[Any, int | None]] = {}
        for task in tasks:
            known = self._identity.known(task.shape.model, task.key)
            if known is None or task.instance is None or not self._by_field.concerns(task.shape):
                continue
            rows = ((model._meta.label, encode_key(known)) for model in family_of(task.shape))
            if any(row in self._last for row in rows):
                stored = self._identity.stored_there(task.shape.model, task.key, known)
                seen.setdefault(task.shape, {})[known] = None if stored is None else stored.seen_of_all
        for shape, some in seen.items():
            self._by_field.expect(shape, some)

    @property
    def _asks_for_versions(self) -> bool:
        return self._context.logs and self._identity.asks_for_versions

    def _load_versions(self, tasks: Iterable[ObjectTask]) -> None:
        """Read, in a query for each model, which versions the remote has received of the objects."""
        keys: dict[type[Model], list[Any]] = {}
        for task in tasks:
            known = self._identity.known(task.shape.model, task.key)
            if known is not None:
                keys.setdefault(task.shape.root, []).append(known)
        for root, some in keys.items():
            self._identity.load_versions(root, some)

    def _rows_of_other_parents(self, task: ObjectTask) -> Iterator[tuple[type[Model], Any]]:
        for parent in task.shape.other_parents if task.instance is not None else ():
            key = task.instance.__dict__[parent.link.attname]
            remote_key = self._identity.find(parent.model, key)
            if remote_key is not None:
                yield from ((model, remote_key) for model in family_of(shape_of(parent.model)))

    def load_parents(self, shape: Shape, key: Any, parents: Iterable[Model]) -> None:
        """Read the changelog for the remote rows of parents with keys of their own, which are to go with an object.

        What has been changed in them counts as changes of the object.

        Args:
            parents: the rows; they are not read where nothing was changed.
        """
        for row in parents if self._any else ():
            for model in family_of(shape_of(type(row))):
                self._load(model, [row.pk])
                at = (model._meta.label, encode_key(row.pk))
                self._other_rows.setdefault((shape.root, key), []).append(at)

    def load_found(self, shape: Shape, remote_keys: Iterable[Any]) -> None:
        """Read the changelog for remote rows that were found, and locked, just now, in a few queries."""
        missing = [key for key in remote_keys if (shape.root, key) not in self._read]
        if not missing:
            return
        self._read.update((shape.root, key) for key in missing)
        self.look()
        for model in family_of(shape) if self._any else ():
            self._load(model, missing)

    def read_again(self, shape: Shape, remote_key: Any) -> None:
        """Read the changelog for a row that turned out to have been changed meanwhile; it is locked now."""
        self.look()
        for model in family_of(shape) if self._any else ():
            self._load(model, [remote_key])

    def _load(self, model: type[Model], remote_keys: Collection[Any]) -> None:
        """Read own changes of rows, and what was replayed there after them: it has met them."""
        label, remote = model._meta.label, self._context.remote
        if self._own.complete:
            keys = {key: (label, encode_key(key)) for key in remote_keys}
            changed = {key: self._own.last[at] for key, at in keys.items() if at in self._own.last}
        else:
            texts = logged_texts(model, remote_keys)
            found = dict(last_changes(remote, label, texts, "", since=self._since))
            changed = {key: found[at] for key in remote_keys if (at := (label, encode_key(key))) in found}
        changed |= self._notes.of(model, set(remote_keys).difference(changed))
        self._last.update(((label, encode_key(key)), last) for key, last in changed.items())
        if changed:
            first = min(last.id for last in changed.values())
            texts = logged_texts(model, changed)
            before = self._own.began + 1
            self._replayed.update(last_changes(remote, label, texts, self._context.source, after=first, before=before))

    def find(self, shape: Shape, key: Any, remote_key: Any, change: Change) -> Conflict | None:
        """Return the conflict, where the remote's own users changed the object too since the two last met.

        To be asked when the remote's row is locked: what is committed there later waits, and is newer.

        Args:
            remote_key: its remote key, or ``None``; a row that was deleted there is found by its reference.
        """
        full = change.logged_at == LONG_AGO
        stood = full and self._identity.remote_won(shape.model, key)
        made = self._identity.made_again(shape.model, key) if remote_key is None else None
        nothing_told = not self._any and not stood and made is None and not self._asks_for_versions
        if nothing_told and (self._identity.known(shape.model, key) is not None or remote_key is None):
            return None
        known = self._identity.known(shape.model, key)
        at_remote = remote_key if remote_key is not None else self.was_at(shape, key)
        if at_remote is None:
            return None
        if known is None and remote_key is not None:
            self.load_found(shape, [remote_key])
        rows = [(model._meta.label, encode_key(at_remote)) for model in family_of(shape, gone=change.deleted)]
        rows += self._other_rows.get((shape.root, key), ())
        remote_at: datetime.datetime | None
        if (shape.root, key) in self._context.left_there and len(rows) > 1:
            return self._once_more(shape, key, at_remote, change, rows)
        if made is not None:
            return self._conflict(shape, key, at_remote, change, made.time)  # the object's own row was deleted before
        if stood:  # nothing new on LOCAL: what was kept then stays
            remote_at = self._changed_at(rows, None) or as_utc(self._identity.met_at(shape.model, key))
            conflict = self._conflict(shape, key, at_remote, change, remote_at)
            self.settling.known_before.add(conflict)
            return conflict
        received, seen = self._received(shape, key, at_remote)
        by_field = seen is not None and self._by_field.concerns(shape)
        theirs = self._last_change(rows, self._met_at(shape, key), seen, by_field=by_field) if self._any else None
        if theirs is None and received is None:
            return None
        if self._by_field.concerns(shape) and remote_key is not None and not change.deleted:
            return self._weighed_by_field(shape, key, at_remote, change, theirs)
        return self._weighed(shape, key, at_remote, change, theirs, (received, seen))

    def _once_more(
        self, shape: Shape, key: Any, at_remote: Any, change: Change, rows: Sequence[tuple[str, str]]
    ) -> Conflict:
        """Return what there is to decide of an object that the remote has won in this run, by the log of one table.

        Now LOCAL's log of another one of its tables speaks of it, in another batch: that is nothing new, unless it is
        newer than what was decided upon, and the rule may care.
        """
        met_at = self._identity.met_at(shape.model, key)
        remote_at = self._changed_at(rows, None) or (LONG_AGO if met_at is None else as_utc(met_at))
        if change.logged_at > remote_at and self._context.rule_for(shape.label)[0] != "remote":
            return self._conflict(shape, key, at_remote, change, remote_at)
        keys = encode_key(key), encode_key(at_remote)
        return Conflict(shape.label, *keys, change.logged_at, remote_at, settled=True)

    def was_at(self, shape: Shape, key: Any) -> Any:
        """Return the remote key of an object whose row there is gone, as a reference or the remote's log says.

        The remote's users may have made, and deleted, what keeps its key, or their copy of what has a natural key, and
        LOCAL has not heard of it.
        """
        identity = self._identity
        stale = identity.stale_reference(shape.model, key)
        if stale is not None or identity.known(shape.model, key) is not None:
            return stale
        copy = self._copies.of((shape.root, key))
        if copy is not None and not self._knows(shape, key, copy.last, self._version_there(copy.last, None, None)):
            return copy.key
        if not identity.leaves_kept_graves(shape.root):
            return None
        rows = ((model._meta.label, encode_key(key)) for model in family_of(shape, gone=True))
        return key if any(row in self._last for row in rows) else None

    def _conflict(
        self, shape: Shape, key: Any, at_remote: Any, change: Change, remote_at: datetime.datetime
    ) -> Conflict:
        self._identity.contest(shape.model, key)
        authors = (self._context.source, self._context.node) if change.own else ("", "")
        keys = encode_key(key), encode_key(at_remote)
        conflict = Conflict(shape.label, *keys, change.logged_at, remote_at, *authors)
        self.settling.objects[conflict] = shape.model, key
        return conflict

    def _received(self, shape: Shape, key: Any, at_remote: Any) -> tuple[Version | None, int | None]:
        """Return which version the remote has received of an object, and how far its log went then."""
        stored = self._identity.stored_there(shape.model, key, at_remote)
        if stored is None:
            return None, None
        if not (self._asks_for_versions or stored.fields):
            # LOCAL has found its row, and not met it: whenever that was, nobody has seen what is logged of it.
            return None, 0 if stored.seen == 0 and not stored.remote_won else None
        if not self._by_field.concerns(shape):
            return stored.version, stored.seen
        version = self._by_field.newest_unknown_here(shape, key, stored) if self._asks_for_versions else None
        return version, stored.seen_of_all

    def _weighed_by_field(
        self, shape: Shape, key: Any, at_remote: Any, change: Change, theirs: LastChange | None
    ) -> Conflict | None:
        """Compare the fields of an object that both sides have, and return what there is to decide."""
        identity = self._identity
        if theirs is not None:
            identity.contest(shape.model, key)
        apart, *versions = self._by_field.meet(shape, key, at_remote, change, theirs)
        here, there = (newest_of(each[name] for name in apart.both or apart.theirs) for each in versions)
        keys = encode_key(key), encode_key(at_remote)
        if apart.both:
            at = moment_of(here.time) if here is not None else LONG_AGO
            assert there is not None  # or LOCAL would have seen it
            authors = self._context.source if here is None else here.author, there.author
            conflict = Conflict(shape.label, *keys, at, moment_of(there.time), *authors)
            self.settling.objects[conflict] = shape.model, key
            return conflict
        if apart.mine:
            return None
        identity.keep_theirs(shape.model, key, superseded=True)
        return Conflict(shape.label, *keys, change.logged_at, change.logged_at, settled=True)

    def _weighed(
        self,
        shape: Shape,
        key: Any,
        at_remote: Any,
        change: Change,
        theirs: LastChange | None,
        came: tuple[Version | None, int | None],
    ) -> Conflict | None:
        """Compare LOCAL's version with the remote's, and return what there is to decide.

        Args:
            theirs: what the remote's users have changed last; ``None``: nothing since it has received the object.
            came: the version that the remote has received, and how far its log went then.
        """
        identity, received = self._identity, came[0]
        there = self._version_there(theirs, *came)
        assert there is not None
        if theirs is not None:
            identity.contest(shape.model, key)
        here = self._version_here(shape, key, change, theirs)
        if here is None:
            return self._against_unknown(shape, (key, at_remote), change, theirs, there)
        match self._standing(shape, (key, at_remote), change, (here, there, received), theirs):
            case Standing.OLDER:
                return self._kept(shape, key, at_remote, _times(here, there))
            case Standing.CONCURRENT:
                if not is_newer((here.time, here.author), (there.time, there.author)):
                    identity.keep_theirs(shape.model, key)  # where both are equal there is nothing else to decide
                authors = here.author, there.author
                keys = encode_key(key), encode_key(at_remote)
                conflict = Conflict(shape.label, *keys, *_times(here, there), *authors)
                self.settling.objects[conflict] = shape.model, key
                return conflict
            case _:
                return None

    def _against_unknown(
        self, shape: Shape, keys: tuple[Any, Any], change: Change, theirs: LastChange | None, there: Version
    ) -> Conflict | None:
        """Return what there is to decide of an object of which nobody has written down LOCAL's version."""
        key, at_remote = keys
        full = change.logged_at == LONG_AGO
        if full and theirs is None and not self._knows(shape, key, theirs, there):
            return self._kept(shape, key, at_remote, (change.logged_at, moment_of(there.time)))
        # Of kept keys that are gone nobody has written that down; LOCAL may have seen the remote's all the same.
        if theirs is None or (not full and self._knows(shape, key, theirs, there)):
            return None
        return self._conflict(shape, key, at_remote, change, theirs.time)

    def _kept(
        self, shape: Shape, key: Any, at_remote: Any, times: tuple[datetime.datetime, datetime.datetime]
    ) -> Conflict:
        """Keep the remote's version of an object, which is newer: nothing is to be decided."""
        self._identity.keep_theirs(shape.model, key, superseded=True)
        return Conflict(shape.label, encode_key(key), encode_key(at_remote), *times, settled=True)

    def _version_here(self, shape: Shape, key: Any, change: Change, theirs: LastChange | None) -> Version | None:
        """Return LOCAL's version of an object; ``None``: nobody has written it down.

        What is brought with all other objects is older than what the remote's users have changed.
        """
        if change.logged_at == LONG_AGO:
            return None if theirs is not None else self._identity.versions.of((shape.root, key))
        return self._by_field.newest_unknown_there(shape, key) or self._identity.versions.of((shape.root, key))

    def _version_there(self, theirs: LastChange | None, received: Version | None, seen: int | None) -> Version | None:
        """Return the remote's version of an object: its own users' last one, or the one that it has received.

        Args:
            theirs: the last change of its own users since then.
            received: the version that it has received; ``seen``: how far its log went then.
        """
        if theirs is None:
            return received
        row = self._own_row(theirs.id)
        number, rows = self._context.knowledge.there.of(row), row.id - (seen or 0)
        return Version(self._context.node, number, time_after(row.time_or(theirs.time), received, rows))

    def _own_row(self, row_id: int) -> OwnRow:
        """Return a log row of the remote's own users; those of the whole batch are read in one query."""
        if row_id not in self._own_rows:
            unread = {last.id for last in self._last.values()} - self._own_rows.keys()
            self._own_rows.update(own_rows(self._context.remote, {row_id, *unread}))
        return self._own_rows[row_id]

    def _standing(
        self, shape: Shape, keys: tuple[Any, Any], change: Change, versions: _Versions, theirs: LastChange | None
    ) -> Standing:
        (key, at_remote), (here, there, received) = keys, versions
        basis = self._identity.basis_there(shape.model, key, at_remote)
        if self._identity.remote_won(shape.model, key):  # what has lost against it is decided, and told, as before
            basis = basis._replace(upon=())
        sees = self._context.knowledge.remote.sees(labels_of_family(shape), basis)
        # What is kept as a failure has come, and was not applied; what was received, users there have seen.
        remote_knows = (theirs is not None and had(received, here)) or (
            (change.logged or change.logged_at == LONG_AGO) and sees(here)
        )
        standing = compare(here, there, local_knows=self._knows(shape, key, theirs, there), remote_knows=remote_knows)
        if standing is Standing.SAME and theirs is not None:
            return Standing.OLDER  # of several writes with one version their author has the last
        return standing

    def find_in_parent(self, shape: Shape, key: Any, remote_key: Any, change: Change) -> Conflict | None:
        """Return the conflict over the row of a parent with a key of its own, to which a new child's row comes.

        To be asked when the remote's row is locked.

        Args:
            shape, key: the local object that the parent's row is by itself.
            remote_key: its remote key, or ``None``: there is none.
            change: what LOCAL logged of the child.
        """
        at_remote = remote_key if remote_key is not None else self.was_at(shape, key)
        if at_remote is None or not self._context.logs:
            return None
        self.read_again(shape, at_remote)
        rows = [(model._meta.label, encode_key(at_remote)) for model in family_of(shape)]
        if remote_key is None and (made := self._identity.made_again(shape.model, key)) is not None:
            return self._conflict(shape, key, at_remote, change, made.time)  # the row was deleted before
        received, seen = self._received(shape, key, at_remote)
        theirs = self._last_change(rows, self._met_at(shape, key), seen)
        if theirs is None or self._knows(shape, key, theirs, self._version_there(theirs, received, seen)):
            return None
        return self._conflict(shape, key, at_remote, change, theirs.time)

    def _knows(self, shape: Shape, key: Any, theirs: LastChange | None, there: Version | None) -> bool:
        """Tell whether LOCAL has seen the remote's version: it had it, has received its log row, or heard of it.

        Args:
            shape, key: the object.
            theirs: what the remote's users have changed last; ``None``: the remote has received its version.
            there: the version.
        """
        assert there is not None
        if had(self._identity.versions.received((shape.root, key)), there):
            return True
        knowledge, labels = self._context.knowledge, labels_of_family(shape)
        if theirs is not None and knowledge.has_received(labels, self._own_row(theirs.id)):
            return True
        return knowledge.local.sees(labels, self._identity.versions.basis((shape.root, key)))(there)

    @property
    def has_any(self) -> bool:
        """Whether the remote's users have changed anything, or it has received something."""
        return self._any or self._asks_for_versions

    def unseen(self, shape: Shape, key: Any, at_remote: Any, *, gone: bool = False) -> tuple[Any, str] | None:
        """Return when, and by whose users, the remote's version of a row was made that LOCAL has not seen.

        To be asked when the row is locked, or gone.

        Args:
            shape, key: the object that it is, or was; ``None`` for the key: none of LOCAL's.
            at_remote: its key there.
            gone: the row was deleted.

        Returns:
            ``None``: LOCAL has seen it.
        """
        if gone and (made := self._identity.made_again(shape.model, key)) is not None:
            return made.time, self._context.node
        there, theirs = self._last_version(shape, key, at_remote, gone=gone)
        if there is None or self._knows(shape, key, theirs, there):
            return None
        return moment_of(there.time), there.author

    def version_of_row(self, shape: Shape, key: Any, at_remote: Any) -> Version | None:
        """Return the remote's version of a row; ``None``: nobody has written it down."""
        return self._last_version(shape, key, at_remote)[0] if self._context.logs else None

    def _last_version(
        self, shape: Shape, key: Any, at_remote: Any, *, gone: bool = False
    ) -> tuple[Version | None, LastChange | None]:
        self.read_again(shape, at_remote)
        rows = [(model._meta.label, encode_key(at_remote)) for model in family_of(shape, gone=gone)]
        received, seen = self._received(shape, key, at_remote)
        theirs = self._last_change(rows, self._met_at(shape, key), seen) if self._any else None
        return self._version_there(theirs, received, seen), theirs

    def verdict(
        self,
        shape: Shape,
        key: Any,
        remote_key: Any,
        change: Change,
        here: Mapping[str, Any] | Sequence[Any] | None,
        there: There,
        *,
        equal: bool = False,
        deletes: bool = False,
    ) -> Verdict:
        """Tell whether the remote's users have changed an object too, and win, or what the rule has raised.

        Args:
            here, there: both versions, as for ``BothSides``.
            equal: the remote holds what it shall hold, so that there is nothing to win.
            deletes: as for ``settle``.
        """
        conflict = self.find(shape, key, remote_key, change)
        if conflict is None or equal:
            return False
        seen = self.with_sides(conflict, shape, key, remote_key, change, here, there)
        return self.settling.settle(seen, change, deletes=deletes, deleted=there is None)

    def with_sides(
        self,
        conflict: Conflict,
        shape: Shape,
        key: Any,
        remote_key: Any,
        change: Change,
        here: Mapping[str, Any] | Sequence[Any] | None,
        there: There,
    ) -> Conflict:
        """Return a conflict with both versions, of which nothing is read before somebody asks."""
        if conflict.settled:
            return conflict
        identity = self._identity
        at_remote = remote_key if remote_key is not None else self.was_at(shape, key)
        made = identity.known(shape.model, key) is None and remote_key is not None
        fields = shape_of(type(there)).copied if isinstance(there, Model) else shape.copied
        changed = self._changed(shape, key, change, None if made else at_remote)
        apart = self._by_field.apart(shape, key) if fields is shape.copied else None
        if apart is not None:
            changed = partial(identity.fields.changed, (shape.root, key)), partial(self._by_field.unseen, shape, key)
        return replace(
            conflict, sides=BothSides(self._context.remote, fields, here, there, *changed, made=made, apart=apart)
        )

    def _changed(self, shape: Shape, key: Any, change: Change, at_remote: Any) -> tuple[Changed, Changed]:
        """Return what tells, when it is asked, which fields LOCAL, and which the remote has changed."""
        here: Changed = nobody_knows
        there: Changed = nobody_knows
        family = family_of(shape)
        if change.logged and not isinstance(key, FormerKey):
            until = change.last
            here = partial(changed_fields, local_alias(), family, key, id__gte=change.first, id__lte=until)
        if self._context.logs and at_remote is not None:
            stored = self._identity.stored_there(shape.model, key, at_remote)
            if stored is not None and stored.seen is not None:
                there = partial(changed_fields, self._context.remote, family, at_remote, id__gt=stored.seen, origin="")
        return here, there

    def _met_at(self, shape: Shape, key: Any) -> datetime.datetime | None:
        met_at: datetime.datetime | None = self._identity.met_at(shape.model, key)
        return met_at

    def _changed_at(
        self, rows: Sequence[tuple[str, str]], met_at: datetime.datetime | None
    ) -> datetime.datetime | None:
        last = self._last_change(rows, met_at, None)
        return None if last is None else last.time

    def _last_change(
        self,
        rows: Sequence[tuple[str, str]],
        met_at: datetime.datetime | None,
        seen: int | None,
        *,
        by_field: bool = False,
    ) -> LastChange | None:
        """Return what the remote's users have changed last, if it has received nothing since.

        Args:
            by_field: of what it has received since, it need not have received all fields.
        """
        changes = [self._last[at] for at in rows if at in self._last]
        latest = max(changes, key=lambda last: last.id, default=None)
        if latest is None:
            return None
        if not by_field and any(self._replayed[at].id > latest.id for at in rows if at in self._replayed):
            return None
        if seen is not None:
            return latest if latest.id > seen else None
        if met_at is not None and latest.time < as_utc(met_at):
            return None
        return latest


def _times(here: Version, there: Version) -> tuple[datetime.datetime, datetime.datetime]:
    return moment_of(here.time), moment_of(there.time)
