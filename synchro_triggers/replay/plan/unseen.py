"""An object that one side has deleted, and on which something hangs that the deleter has not seen.

A delete takes along only what its users have seen. What the other side's users have made, changed, or let point to the
object meanwhile is a conflict over the object: it comes back, or what hangs on it goes, as its rule says. It is asked
wherever the two meet first: where the delete arrives (``deleted_here``), or where what hangs on the object does
(``deleted_there``). An object that comes back is a new version of the remote's users, which has seen both sides'.

What the rule is not asked for: what protects an object keeps it (``PROTECT`` and the like), and so does what has won a
conflict of its own.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from django.db.models import CASCADE, SET_NULL, Model

from ...capture.keys import encode_key
from ...conf import local_alias
from ...models import ConflictKind
from ..errors import LeftBehind
from ..identity.references import Identity
from ..log.changes import Change
from ..log.heard import Basis
from ..log.own_windows import moment_of, own_rows
from ..log.users_changes import last_changes
from ..log.versions import Version
from ..rows.local_rows import load_instances
from ..rows.selecting import rows_of, rows_with
from ..rows.values import local_value
from ..schema.relations import hanging_on, may_hang_on
from ..schema.shape import (
    Shape,
    concrete_of,
    is_foreign_key,
    is_parent_link,
    points_to_key,
    root_of,
    shape_of,
    target_of,
)
from ..tasks import At, ObjectTask, at_of
from .both_sides import BothSides, nobody_knows
from .conflicts import Conflict, Decision, name_of_rule
from .context import RunContext
from .remote_changes import RemoteChanges
from .unseen_records import Hanger, Met, UnseenRecords


class _Seen(NamedTuple):
    """When a version was made, and by whose users."""

    time: datetime.datetime
    author: str


class Unseen:
    """Decides what becomes of such objects.

    Attributes:
        records: tells it, and puts it on record.
    """

    def __init__(self, context: RunContext, identity: Identity, remote_changes: RemoteChanges) -> None:
        self._context, self._identity, self._remote_changes = context, identity, remote_changes
        self.records = UnseenRecords(context, identity, remote_changes.settling)
        self._returning: set[At] = set()
        self._left: dict[At, _Seen] = {}  # what was left behind, and when what it hangs on was deleted there

    # LOCAL has deleted it ---------------------------------------------------------------------------

    def speak_of(self, model: type[Model]) -> bool:
        """Tell whether the remote's users may have changed rows of a table."""
        return self._context.logs and self._context.users_changes.speak_of(model._meta.label)

    def may_hang_on(self, model: type[Model]) -> bool:
        """Tell whether something may hang on a model's rows on the remote that LOCAL has not seen."""
        if not self._context.logs or not self._remote_changes.has_any:
            return False
        versions = self._identity.asks_for_versions or bool(self._left)
        return versions or any(map(self.speak_of, may_hang_on(model)))

    def stays(self, task: ObjectTask, change: Change, row: Model, hangers: Sequence[Hanger]) -> bool:
        """Tell whether an object that LOCAL has deleted stays, for what hangs on it that LOCAL has not seen.

        Args:
            row: its remote row.
            hangers: what hangs on that.

        Raises:
            Exception: what the rule has raised.
        """
        unseen: list[tuple[Hanger, _Seen]] = []
        # Where LOCAL would never learn that an object stays, what protects it keeps its delete as a failure.
        hands_on = self._identity.asks_for_versions
        for each in (each for each in hangers if hands_on or not each.protects):
            seen = self._remote_changes.unseen(each.shape, each.key, each.row.pk)
            seen = self._left.get((each.shape.root, each.key)) if seen is None else seen
            if seen is not None:
                unseen.append((each, _Seen(*seen)))
        if not unseen:
            return False
        forced = any(each.protects or (each.key is not None and self._has_lost(each)) for each, _ in unseen)
        last = max(seen for _, seen in unseen)
        here = self._identity.versions.of(task.at)
        local = _Seen(change.logged_at, self._context.source) if here is None else _Seen(*_told(here))
        sides = BothSides(
            self._context.remote, shape_of(type(row)).copied, None, row, nobody_knows, lambda: frozenset[str]()
        )
        conflict = self._conflict(task.shape, task.key, row.pk, local, last, sides)
        decision, rule = self._decide(conflict, forced="remote" if forced else "")
        stays = decision.winner == "remote"
        sides.read()
        met = Met(conflict, ConflictKind.DELETE_CHILD, rule, stays)
        met.over = [(each, _text_of_row(each, self._context.remote)) for each, _ in unseen]
        self.records.met[change, task.at] = met
        if stays:
            self._identity.keep_theirs(task.shape.model, task.key)
        return stays

    def _has_lost(self, hanger: Hanger) -> bool:
        """Tell whether LOCAL's version of what hangs on an object has lost a conflict, its own or over another one."""
        at = hanger.shape.root, hanger.key
        return at in self._left or self._identity.stands_there(*at)

    # The remote has deleted it ----------------------------------------------------------------------

    def is_deleted_there(self, shape: Shape, key: Any) -> bool:
        """Tell whether the remote has deleted an object, and LOCAL has not seen that."""
        return self._deleted_there(shape, key) is not None

    def _deleted_there(self, shape: Shape, key: Any) -> tuple[Any, _Seen] | None:
        if not self._context.logs or (shape.root, key) in self._returning:
            return None
        if self._identity.find(shape.root, key) is not None:
            return None
        at_remote = self._remote_changes.was_at(shape, key)
        if at_remote is None:
            return None
        seen = self._remote_changes.unseen(shape, key, at_remote, gone=True)
        return None if seen is None else (at_remote, _Seen(*seen))

    def require(self, model: type[Model], key: Any, foreign_key: Any, instance: Any, change: Change | None) -> None:
        """Let the deletion of a target on the remote stand, or the target come back, for what points to it.

        Args:
            model, key: the target.
            foreign_key, instance, change: as for ``comes_back``.

        Raises:
            LeftBehind: its deletion stands.
            Exception: what the rule has raised.
        """
        root = root_of(model)
        if change is None or not self.is_deleted_there(shape_of(root), key):
            return
        found = load_instances(root, [key]).get(key)
        if found is not None and self.comes_back(found, foreign_key, instance, change) is False:
            left = LeftBehind(change, (root, key))
            if instance is not None:
                self.goes_too(left, instance, change)
            raise left

    def goes_too(self, left: LeftBehind, instance: Model, change: Change | None) -> None:
        """Remember that an object of LOCAL hangs on what was left behind, so that it goes, or points to nothing, too.

        Args:
            left: why that was left.
            change: what LOCAL has logged of the object, or of whoever needs it.
        """
        met_by, at = left.over
        own = (change or met_by, at)
        met = self.records.met.setdefault(own, replace(self.records.met[met_by, at], over=[]))
        self._left[at_of(instance)] = _Seen(met.conflict.remote_at, met.conflict.remote_author)
        if at_of(instance) not in {(each.shape.root, each.key) for each, _ in met.over}:
            met.over.append(self._hanging_here(instance))

    def comes_back(self, target: Model, foreign_key: Any, instance: Model, change: Change | None) -> bool | None:
        """Tell whether an object comes back that the remote has deleted, for what LOCAL has let point to it.

        Args:
            target: the object.
            foreign_key: what points to it: a field, which may be a column that holds keys, or ``None``: a link.
            instance: what has that.
            change: what LOCAL has logged of this.

        Returns:
            ``None``: there is nothing to decide.

        Raises:
            Exception: what the rule has raised.
        """
        shape = shape_of(type(target))
        found = self._deleted_there(shape, target.pk) if change is not None else None
        if found is None or change is None:
            return None
        at_remote, there = found
        own = self._identity.versions.of(at_of(instance)) if foreign_key is not None else None
        here = _Seen(change.logged_at, self._context.source) if own is None else _Seen(*_told(own))
        here = max([here, *self._unseen_there(target)])
        values = _values_there(shape, target, self._identity)
        sides = BothSides(self._context.remote, shape.copied, values, None, lambda: frozenset[str](), nobody_knows)
        conflict = self._conflict(shape, target.pk, at_remote, here, there, sides)
        relation = foreign_key.remote_field if foreign_key is not None else None  # a column that holds keys has none
        protects = relation is not None and relation.on_delete not in (CASCADE, SET_NULL)
        decision, rule = self._decide(conflict, forced="local" if protects else "")
        stays = decision.winner == "local"
        met = Met(conflict, ConflictKind.CHILD_DELETE, rule, stays)
        at = (shape.root, target.pk)
        if foreign_key is not None:
            met.over = [self._hanging_here(instance)]
        self.records.met[change, at] = met
        if stays:
            self._returning.add(at)
            self._identity.keep_theirs(shape.root, target.pk)
        return stays

    def _hanging_here(self, instance: Model) -> tuple[Hanger, str | None]:
        """Return an object of LOCAL that hangs on another one, and its values."""
        shape = shape_of(type(instance))
        sides = BothSides(self._context.remote, shape.copied, _values_there(shape, instance, self._identity), None)
        return Hanger(shape, instance.pk, instance), sides.as_text(sides.stored_here)

    def _unseen_there(self, target: Model) -> Iterator[_Seen]:
        """Yield when what hangs on an object on LOCAL was changed last, where the remote has not seen that.

        It may come in several batches, and all of it is to be judged alike.
        """
        seen: set[At] = {at_of(target)}
        level = [target]
        while level:
            following: list[Model] = []
            for row in level:
                for pointing in (each for each in hanging_on(type(row)) if not is_parent_link(each)):
                    value = row.__dict__.get(pointing.target_field.attname)
                    rows = rows_with(concrete_of(pointing.model), local_alias(), **{pointing.attname: [value]})
                    new = [each for each in rows if at_of(each) not in seen]
                    seen.update(map(at_of, new))
                    following += new if pointing.remote_field.on_delete is CASCADE else ()
                    yield from self._news(concrete_of(pointing.model), new)
            level = following

    def _news(self, model: type[Model], rows: Sequence[Model]) -> Iterator[_Seen]:
        """Yield when those of LOCAL's rows were changed last of which the remote has not seen that."""
        knowledge, identity, label = self._context.knowledge, self._identity, model._meta.label
        identity.load(model, [row.pk for row in rows])
        changes = last_changes(local_alias(), label, [encode_key(row.pk) for row in rows], "")
        last = {at[1]: change for at, change in changes}
        logged = own_rows(local_alias(), [change.id for change in last.values()])
        for row in rows:
            version, change = identity.versions.received(at_of(row)), last.get(encode_key(row.pk))
            if change is not None and (own := logged.get(change.id)) is not None:
                version = identity.versions.of_row(at_of(row), own, change.time)
            if version is not None and not knowledge.remote.sees([label], self._basis_there(row))(version):
                yield _Seen(*_told(version))

    def _basis_there(self, row: Model) -> Basis:
        remote_key = self._identity.known(type(row), row.pk)
        return Basis() if remote_key is None else self._identity.basis_there(type(row), row.pk, remote_key)

    def is_returning(self, at: At) -> bool:
        """Tell whether an object comes back to the remote as a new version of its users."""
        return at in self._returning

    # What is decided --------------------------------------------------------------------------------

    def _conflict(
        self, shape: Shape, key: Any, at_remote: Any, here: _Seen, there: _Seen, sides: BothSides
    ) -> Conflict:
        keys = encode_key(getattr(key, "number", key)), encode_key(at_remote)
        authors = here.author, there.author
        # The protocol's properties are `cached_property` here, whose values pyright does not see.
        known: Any = sides
        return Conflict(shape.label, *keys, here.time, there.time, *authors, sides=known)

    def _decide(self, conflict: Conflict, *, forced: str) -> tuple[Decision, str]:
        if forced:
            return Decision(forced), "on_delete"
        settling = self._remote_changes.settling
        decision = settling.decide(conflict)
        if isinstance(decision, Exception):
            raise decision
        if decision.is_merged:
            raise settling.cannot_merge(conflict, "of which one side has deleted the object")
        return decision, name_of_rule(self._context.rule_for(conflict.label)[0])


def _told(version: Version) -> tuple[datetime.datetime, str]:
    return moment_of(version.time), version.author


def _text_of_row(hanger: Hanger, alias: str) -> str | None:
    row = rows_of(hanger.shape.model, alias).filter(pk=hanger.row.pk).first()  # a cascade reads but what it needs
    sides = BothSides(alias, hanger.shape.copied, None, row)
    return sides.as_text(sides.stored_there)


def _values_there(shape: Shape, instance: Model, identity: Identity) -> Mapping[str, Any]:
    """Return an object's values as the remote would hold them, by attribute names, as far as its keys are known."""
    values: dict[str, Any] = {}
    for each in shape.copied:
        value = local_value(instance, each)
        if is_foreign_key(each) and value is not None and points_to_key(each):
            model = target_of(each)[0]
            found = identity.find(model, value)
            value = found if found is not None else identity.stale_reference(model, value)
        values[each.attname] = value
    return values
