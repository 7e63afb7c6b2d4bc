"""When the remote's own users last changed the objects of a batch, and whether they win; what is told of it."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Model

from ...capture.keys import encode_key, logged_texts
from ...conf import LOCAL
from ...moment import as_utc
from ..identity.references import Identity
from ..log.changes import LONG_AGO, Change
from ..log.received import received_here
from ..log.users_changes import LastChanges, last_changes
from ..report import SyncReport, Told
from ..rows.utc import zone_of
from ..schema.keys import FormerKey
from ..schema.relations import links_to_children
from ..schema.shape import Shape, model_of, parents_of, read_key, read_keys, shape_of, shown_key
from ..tasks import ObjectTask
from .conflicts import Conflict, local_wins
from .context import RunContext


class RemoteChanges:
    """Looks up, per object, whether the remote's own users changed it since it last met LOCAL.

    A remote that does not capture its changes has none that could be known.
    """

    def __init__(self, context: RunContext, identity: Identity, changes: Sequence[Change]) -> None:
        self._context = context
        self._identity = identity
        self._own = context.users_changes
        # Where the newer one wins, what is older than every change of the batch cannot win. That it has lost is told.
        oldest = min((change.logged_at for change in changes), default=None)
        back_to = context.users_changes.back_to
        self._since = min(oldest, back_to) if context.policy == "newest" and oldest and back_to else None
        self._last: LastChanges = {}
        self._replayed: LastChanges = {}
        self._received: dict[tuple[str, str], int] = {}
        self._read: set[tuple[type[Model], Any]] = set()
        self._decided: dict[tuple[Change, str], tuple[Conflict, bool, bool, bool, str]] = {}
        self._other_rows: dict[tuple[type[Model], Any], list[tuple[str, str]]] = {}

    def look(self) -> None:
        """Look whether the remote's users have changed anything; to be done when the rows are locked."""
        if self._context.logs:
            self._own.look(self._since)

    @property
    def _any(self) -> bool:
        return self._context.logs and (bool(self._own.last) or not self._own.complete)

    def load(self, tasks: Iterable[ObjectTask]) -> None:
        """Read the remote's changelog for the objects of a batch whose remote keys are known."""
        if not self._any:
            return
        by_model: dict[type[Model], list[Any]] = {}
        local_keys: dict[tuple[type[Model], Any], Any] = {}
        for task in tasks:
            known = self._identity.known(task.shape.model, task.key)
            stale = self._identity.stale_reference(task.shape.model, task.key)
            if known is not None and not isinstance(task.key, FormerKey):
                local_keys.update(((model, known), task.key) for model in _family(task.shape))
            kept = None
            if self._identity.keeps_key(task.shape) and not isinstance(task.key, FormerKey):
                kept = task.key
            for remote_key in {known, stale, kept} - {None}:
                for model in _family(task.shape, gone=task.instance is None):
                    by_model.setdefault(model, []).append(remote_key)
            for model, remote_key, key in self._rows_of_other_parents(task):
                by_model.setdefault(model, []).append(remote_key)
                local_keys[model, remote_key] = key
                row = (model._meta.label, encode_key(remote_key))
                self._other_rows.setdefault(task.at, []).append(row)
        for model, remote_keys in by_model.items():
            self._load(model, remote_keys)
        self._look_what_was_received(local_keys)

    def _rows_of_other_parents(self, task: ObjectTask) -> Iterator[tuple[type[Model], Any, Any]]:
        for parent in task.shape.other_parents if task.instance is not None else ():
            key = task.instance.__dict__[parent.link.attname]
            remote_key = self._identity.find(parent.model, key)
            if remote_key is not None:
                yield from ((model, remote_key, key) for model in _family(shape_of(parent.model)))

    def load_parents(self, shape: Shape, key: Any, parents: Iterable[Model]) -> None:
        """Read the changelog for the remote rows of parents with keys of their own, which are to go with an object.

        What has been changed in them counts as changes of the object.

        Args:
            parents: the rows; they are not read where nothing was changed.
        """
        local_keys: dict[tuple[type[Model], Any], Any] = {}
        for row in parents if self._any else ():
            claim = self._identity.claimed_by(type(row), row.pk)
            for model in _family(shape_of(type(row))):
                self._load(model, [row.pk])
                at = (model._meta.label, encode_key(row.pk))
                self._other_rows.setdefault((shape.root, key), []).append(at)
                if claim is not None and not isinstance(claim, FormerKey):
                    local_keys[model, row.pk] = claim
        self._look_what_was_received(local_keys)

    def _look_what_was_received(self, local_keys: Mapping[tuple[type[Model], Any], Any]) -> None:
        changed = {(model._meta.label, encode_key(there)): key for (model, there), key in local_keys.items()}
        last = {at: self._last[at] for at in changed if at in self._last}
        if last:
            self._received |= received_here(self._context.remote, self._context.node, changed, last)

    def load_found(self, shape: Shape, remote_keys: Iterable[Any]) -> None:
        """Read the changelog for remote rows that were found, and locked, just now, in a few queries."""
        missing = [key for key in remote_keys if (shape.root, key) not in self._read]
        if not missing:
            return
        self._read.update((shape.root, key) for key in missing)
        self.look()
        for model in _family(shape) if self._any else ():
            self._load(model, missing)

    def read_again(self, shape: Shape, remote_key: Any) -> None:
        """Read the changelog for a row that turned out to have been changed meanwhile; it is locked now."""
        self.look()
        for model in _family(shape) if self._any else ():
            self._load(model, [remote_key])

    def _load(self, model: type[Model], remote_keys: Collection[Any]) -> None:
        """Read own changes of rows, and what was replayed there after them: it has met them."""
        label, remote = model._meta.label, self._context.remote
        if self._own.complete:
            keys = {key: (label, encode_key(key)) for key in remote_keys}
            changed = {key: self._own.last[at] for key, at in keys.items() if at in self._own.last}
            self._last.update((keys[key], last) for key, last in changed.items())
        else:
            texts = logged_texts(model, remote_keys)
            found = dict(last_changes(remote, label, texts, "", since=self._since))
            self._last.update(found)
            changed = {key: found[at] for key in remote_keys if (at := (label, encode_key(key))) in found}
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
        nothing_told = not self._any and not stood and made is None
        if nothing_told and (self._identity.known(shape.model, key) is not None or remote_key is None):
            return None
        known = self._identity.known(shape.model, key)
        at_remote = remote_key if remote_key is not None else self._identity.stale_reference(shape.model, key)
        if at_remote is None:
            return None
        if known is None and remote_key is not None:
            self.load_found(shape, [remote_key])
        rows = [(model._meta.label, encode_key(at_remote)) for model in _family(shape, gone=change.deleted)]
        rows += self._other_rows.get((shape.root, key), ())
        remote_at: datetime.datetime | None
        if made is not None:
            remote_at = made.time  # the object's own row was deleted before
        elif stood:  # nothing new on LOCAL: what was kept then stays
            remote_at = self._changed_at(rows, None) or as_utc(self._identity.met_at(shape.model, key))
        else:
            remote_at = self._changed_at(rows, self._identity.met_at(shape.model, key)) if self._any else None
        return self._conflict(shape, key, at_remote, change, remote_at)

    def find_in_parent(self, shape: Shape, key: Any, remote_key: Any, change: Change) -> Conflict | None:
        """Return the conflict over the row of a parent with a key of its own, to which a new child's row comes.

        To be asked when the remote's row is locked.

        Args:
            shape, key: the local object that the parent's row is by itself.
            remote_key: its remote key, or ``None``: there is none.
            change: what LOCAL logged of the child.
        """
        at_remote = remote_key if remote_key is not None else self._identity.stale_reference(shape.model, key)
        if at_remote is None or not self._context.logs:
            return None
        self.read_again(shape, at_remote)
        self._look_what_was_received({(model, at_remote): key for model in _family(shape)})
        rows = [(model._meta.label, encode_key(at_remote)) for model in _family(shape)]
        made = self._identity.made_again(shape.model, key) if remote_key is None else None
        if made is not None:
            remote_at: datetime.datetime | None = made.time  # the row was deleted before
        else:
            remote_at = self._changed_at(rows, self._identity.met_at(shape.model, key))
        return self._conflict(shape, key, at_remote, change, remote_at)

    def _conflict(
        self, shape: Shape, key: Any, at_remote: Any, change: Change, remote_at: datetime.datetime | None
    ) -> Conflict | None:
        if remote_at is None:
            return None
        self._identity.contest(shape.model, key)
        return Conflict(shape.label, encode_key(key), encode_key(at_remote), change.logged_at, remote_at)

    def decide(self, conflict: Conflict) -> bool | Exception:
        """Tell whether the remote wins, or what the rule has raised. The rule is asked once a run."""
        decisions = self._context.decisions
        if conflict not in decisions:
            try:
                decisions[conflict] = not local_wins(conflict, self._context.policy)
            except Exception as error:
                decisions[conflict] = error
        return decisions[conflict]

    def verdict(
        self,
        shape: Shape,
        key: Any,
        remote_key: Any,
        change: Change,
        *,
        equal: bool = False,
        deletes: bool = False,
        deleted: bool = False,
    ) -> bool | Exception:
        """Tell whether the remote's users have changed an object too, and win, or what the rule has raised.

        Args:
            equal: the remote holds what it shall hold, so that there is nothing to win.
            deletes, deleted: as for ``settle``.
        """
        conflict = self.find(shape, key, remote_key, change)
        if conflict is None or equal:
            return False
        return self.settle(conflict, change, deletes=deletes, deleted=deleted)

    def settle(
        self, conflict: Conflict, change: Change, *, deletes: bool = False, deleted: bool = False, between: str = ""
    ) -> bool | Exception:
        """Tell whether the remote wins, so that the object is to be left alone; it will be told either way.

        Args:
            conflict: what ``find()`` has found.
            deletes: LOCAL does not have the object any more.
            deleted: the remote does not have it any more.
            between: what is to be said first: the ends of a link.

        Returns:
            What the rule has raised, where it has: that is told as the object's failure.
        """
        decision = self.decide(conflict)
        if not isinstance(decision, Exception):
            self._decided[change, conflict.label] = (conflict, decision, deletes, deleted, between)
        return decision

    def tell(self, report: SyncReport, not_done: Collection[Change]) -> None:
        """Tell of the conflicts that were decided, but for objects with which nothing was done."""
        decided = [each for (change, _), each in self._decided.items() if change not in not_done]
        known = self._known_here([conflict for conflict, remote_wins, *_ in decided if not remote_wins])
        for conflict, remote_wins, deletes, deleted, between in decided:
            if conflict in known:
                continue
            here, there = "deleted" if deletes else "changed", "deleted" if deleted else "changed"
            local_at = f" at {_shown(conflict.local_at)}" if conflict.local_at != LONG_AGO else " at an unknown time"
            policy = self._context.policy
            winner = repr(self._context.remote if remote_wins else LOCAL)
            report.remark(
                Told.REMOTE_WON if remote_wins else Told.LOCAL_WON,
                conflict.label,
                shown_key(conflict.label, conflict.local_pk),
                f"{between}{here} on {LOCAL!r}{local_at} and {there} on {self._context.remote!r} "
                f"(there {conflict.remote_pk}) at {_shown(conflict.remote_at)}; {winner} won"
                f" ({policy if isinstance(policy, str) else 'as SYNCHRO_CONFLICT has decided'})",
            )

    def _known_here(self, conflicts: Collection[Conflict]) -> set[Conflict]:
        """Return those conflicts whose change on the remote LOCAL had received before it changed the object itself."""
        by_label: dict[str, list[Conflict]] = {}
        for conflict in conflicts:
            by_label.setdefault(conflict.label, []).append(conflict)
        known: set[Conflict] = set()
        for label, alike in by_label.items():
            model = model_of(label)
            assert model is not None  # its object was written
            since = min(conflict.remote_at for conflict in alike)
            keys = read_keys(model, [conflict.local_pk for conflict in alike])
            known |= {
                conflict
                for conflict, key in zip(alike, keys, strict=True)
                if isinstance(key, FormerKey) and self._was_known_here(model, key, conflict)
            }
            for each in (model, *model._meta.all_parents):
                texts = logged_texts(each, [key for key in keys if not isinstance(key, FormerKey)])
                received = dict(last_changes(LOCAL, each._meta.label, texts, self._context.node, since=since))
                known |= {
                    conflict
                    for conflict in alike
                    if (last := received.get((each._meta.label, conflict.local_pk))) and last.time > conflict.remote_at
                }
        return known

    def _was_known_here(self, model: type[Model], former: FormerKey, conflict: Conflict) -> bool:
        """Tell the same of an object whose key is another's now: what was received later is about that one."""
        key = read_key(model, former.number, zone_of(LOCAL))
        received = last_changes(
            LOCAL,
            model._meta.label,
            logged_texts(model, [key]),
            self._context.node,
            since=conflict.remote_at,
            before=former.ended,
        )
        at = (model._meta.label, encode_key(key))
        return any(each == at and last.time > conflict.remote_at for each, last in received)

    def _changed_at(
        self, rows: Sequence[tuple[str, str]], met_at: datetime.datetime | None
    ) -> datetime.datetime | None:
        changes = [self._last[at] for at in rows if at in self._last and self._received.get(at) != self._last[at].id]
        latest = max(changes, key=lambda last: last.id, default=None)
        if latest is None or any(self._replayed[at].id > latest.id for at in rows if at in self._replayed):
            return None
        if met_at is not None and latest.time < as_utc(met_at):
            return None
        return latest.time


def _shown(time: datetime.datetime) -> str:
    return f"{time.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"


def _family(shape: Shape, *, gone: bool = False) -> list[type[Model]]:
    """Return the model and the multi-table parents that share its key: their tables log separately.

    Args:
        gone: it is to be deleted, with the rows that its children's tables have of it.
    """
    children = _children_of(shape.model) if gone else []
    return [*parents_of(shape.model), shape.model, *children]


def _children_of(model: type[Model]) -> list[type[Model]]:
    """Return the children, and theirs, that share the key of a model."""
    nearest: list[type[Model]] = [link.model for link in links_to_children(model) if link.primary_key]
    return [each for child in nearest for each in (child, *_children_of(child))]
