"""Objects that are merged by field: each field is compared by itself, and what nobody has changed on LOCAL stays.

The idea is that of column-level merging, as databases with several masters have it (PostgreSQL BDR's column-level
conflict resolution); which of two changes has seen the other is told by versions instead of clocks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import Model

from ..identity.own_fields import Versions
from ..identity.reference_table import Stored
from ..identity.references import Identity
from ..log.changed_fields import FieldsRow, last_by_users, rows_of_objects
from ..log.changes import Change
from ..log.field_versions import Apart, FieldVersion, compare_fields, newest_of
from ..log.own_windows import OwnRow, own_rows
from ..log.users_changes import LastChange
from ..log.versions import Version, had, knows, time_after
from ..rows.values import local_value
from ..schema.family import family_of, labels_of_family
from ..schema.shape import Shape
from ..tasks import At
from .context import RunContext
from .counters import Counters


class _Met(NamedTuple):
    """What was found of an object: whose versions stand, LOCAL's, those that the remote has received, and its news.

    ``held``: counters that were reckoned, and of which the remote's version is the newer one all the same.
    """

    apart: Apart
    here: Versions
    received: Mapping[str, FieldVersion]
    unseen: frozenset[str]
    held: frozenset[str]


class ByField:
    """Compares the fields of a batch's objects, and tells which of them are written.

    Args:
        context: where and how to write.
        identity: which remote row is which object, and which versions LOCAL has.
        counters: what is reckoned, instead of compared.
    """

    def __init__(self, context: RunContext, identity: Identity, counters: Counters) -> None:
        self._context, self._identity, self._counters = context, identity, counters
        self._met: dict[At, _Met] = {}
        self._own_rows: dict[int, OwnRow] = {}
        self._their_rows: dict[At, list[FieldsRow]] = {}

    def concerns(self, shape: Shape) -> bool:
        """Tell whether objects are merged by field: those with rows under several keys are not."""
        return self._identity.fields.concerns(shape)

    # What is written ------------------------------------------------------------------------------

    def unchanged(self, shape: Shape, key: Any, row: Model) -> dict[str, Any]:
        """Return what stays on the remote: attribute names to values of its row."""
        at = shape.root, key
        changed = self._met[at].apart.mine if at in self._met else self._identity.fields.changed(at)
        if changed is None:
            return {}
        written = changed | self._counters.counted(shape, key)
        return {each.attname: local_value(row, each) for each in shape.copied if each.name not in written}

    def written(self, shape: Shape, key: Any, row: Model, values: Sequence[Any]) -> list[Any]:
        """Return what a row shall hold, in the order of the copied fields."""
        staying = self.unchanged(shape, key, row)
        return [staying.get(each.attname, value) for each, value in zip(shape.copied, values, strict=True)]

    # What is compared -----------------------------------------------------------------------------

    def apart(self, shape: Shape, key: Any) -> Apart | None:
        """Return what was found when an object's fields were compared; ``None``: they were not."""
        met = self._met.get((shape.root, key))
        return None if met is None else met.apart

    def unseen(self, shape: Shape, key: Any) -> frozenset[str] | None:
        """Return the fields of an object that were changed on the remote, unseen by LOCAL; ``None``: nobody knows."""
        met = self._met.get((shape.root, key))
        return None if met is None else met.unseen

    def meet(
        self, shape: Shape, key: Any, remote_key: Any, change: Change, theirs: LastChange | None
    ) -> tuple[Apart, Versions, Versions]:
        """Compare the fields of an object that both sides have, and note whose versions stand, but for conflicts.

        To be asked when the remote's row is locked.

        Args:
            shape, key, remote_key, change: the object.
            theirs: what the remote's users have changed last, unseen by the object; ``None``: nothing.

        Returns:
            What was found, and both sides' versions.
        """
        at, identity = (shape.root, key), self._identity
        names = [each.name for each in shape.copied]
        here = identity.fields.versions(at) or dict.fromkeys(names)
        stored = identity.stored_there(shape.model, key, remote_key)
        received = {name: _nothing if stored is None else stored.of_field(name) for name in names}
        rows = self._last_of_users(shape, remote_key, theirs, received) if theirs is not None else {}
        there = {name: self._there(received[name], rows.get(name), theirs) for name in names}
        knows_local = self._local_knows(shape, at, there, rows)
        basis = identity.basis_there(shape.model, key, remote_key)
        sees = self._context.knowledge.remote.sees(labels_of_family(shape), basis)

        def remote_knows(name: str) -> bool:
            version = here[name]
            if version is None:
                return False
            return (name in rows and had(received[name].version, version)) or (change.logged and sees(version))

        found = compare_fields(here, there, users=rows, local_knows=knows_local, remote_knows=remote_knows)
        unseen = frozenset(name for name in names if there[name] is not None and not knows_local(name))
        counted = self._counters.counted(shape, key) & here.keys()
        held = counted & (found.theirs | (found.both - found.newest))
        found = Apart(found.mine | counted, found.theirs - counted, found.both - counted, found.newest, counted)
        self._met[at] = _Met(found, here, received, unseen, held)
        self.take(shape.root, key, found.mine | found.newest)
        return found, here, there

    def take(self, root: type[Model], key: Any, names: Collection[str]) -> None:
        """Note that of an object that was compared, LOCAL's versions of these fields stand, and no others."""
        met = self._met[root, key]
        brought = {name: met.here[name] for name in names if name in met.here and name not in met.held}
        kept = {name: version for name, version in met.received.items() if name not in brought}
        self._identity.receive_fields(root, key, brought, kept)

    def newest_unknown_here(self, shape: Shape, key: Any, stored: Stored | None) -> Version | None:
        """Return the newest version of a field that the remote has received, first of those that LOCAL has not seen."""
        if stored is None or stored.fields is None:
            return None if stored is None else stored.version
        versions = {each.name: stored.of_field(each.name).version for each in shape.copied}
        knows_local = self._local_knows(shape, (shape.root, key), versions, {})
        unknown = [version for name, version in versions.items() if version is not None and not knows_local(name)]
        return newest_of(unknown or versions.values())

    def newest_unknown_there(self, shape: Shape, key: Any) -> Version | None:
        """Return LOCAL's newest version of a field, first of those that the remote has not seen."""
        known = self._context.knowledge.remote.of(labels_of_family(shape))
        versions = [each for each in (self._identity.fields.versions((shape.root, key)) or {}).values() if each]
        return newest_of([each for each in versions if not knows(known, each)] or versions)

    def _there(self, received: FieldVersion, row: OwnRow | None, theirs: LastChange | None) -> Version | None:
        if row is None or theirs is None:
            return received.version
        time = time_after(row.time_or(theirs.time), received.version, row.id - (received.seen or 0))
        return Version(self._context.node, self._context.knowledge.there.of(row), time)

    def _local_knows(self, shape: Shape, at: At, there: Versions, rows: Mapping[str, OwnRow]) -> Any:
        """Return what tells whether LOCAL has seen the remote's version of a field."""
        knowledge, labels = self._context.knowledge, labels_of_family(shape)
        sees = knowledge.local.sees(labels, self._identity.versions.basis(at))

        def local_knows(name: str) -> bool:
            version = there[name]
            if version is None or had(self._identity.fields.received(at, name).version, version):
                return True
            if name in rows and knowledge.has_received(labels, rows[name]):
                return True
            return sees(version)

        return local_knows

    # The remote's log -----------------------------------------------------------------------------

    def expect(self, shape: Shape, seen: Mapping[Any, int | None]) -> None:
        """Read, in two queries, which fields of rows the remote's users have changed, and when.

        Args:
            shape: the model.
            seen: keys of rows to how far the remote's log went, at the least, when their fields came.
        """
        unread = {key: last or 0 for key, last in seen.items() if (shape.root, key) not in self._their_rows}
        if not unread:
            return
        among = {"origin": "", "id__gt": min(unread.values())}
        rows = rows_of_objects(self._context.remote, family_of(shape), unread, **among)
        ids: set[int] = set()
        for key in unread:
            found = self._their_rows[shape.root, key] = rows.get(key, [])
            ids.update(row.id for row in last_by_users(found, [each.name for each in shape.copied]).values())
        self._own_rows.update(own_rows(self._context.remote, ids))

    def _last_of_users(
        self, shape: Shape, remote_key: Any, theirs: LastChange, received: Mapping[str, FieldVersion]
    ) -> dict[str, OwnRow]:
        """Return the rows by which the remote's users have changed fields last, since these were received."""
        self.expect(shape, {remote_key: min(each.seen or 0 for each in received.values())})
        last = last_by_users(self._their_rows[shape.root, remote_key], received)
        ids = {name: row.id for name, row in last.items() if row.id > (received[name].seen or 0)}
        if not ids and not last:  # its log rows cannot be found by its key
            ids = dict.fromkeys(received, theirs.id)
        unread = set(ids.values()) - self._own_rows.keys()
        self._own_rows.update(own_rows(self._context.remote, unread))
        return {name: self._own_rows[row_id] for name, row_id in ids.items() if row_id in self._own_rows}


_nothing = FieldVersion(None, None)
