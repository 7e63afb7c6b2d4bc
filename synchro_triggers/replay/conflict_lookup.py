"""When the remote's own users last changed the objects of a batch, and whether they win."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db.models import Model

from ..capture.tables import encode_key, logged_texts
from ..moment import as_utc
from .changes import Change
from .conflicts import Conflict, local_wins
from .identity import Identity
from .local import ObjectTask
from .own_changes import LastChanges, last_changes
from .shape import Shape
from .target import Target


class RemoteChanges:
    """Looks up, per object, whether the remote's own users changed it since it last met LOCAL.

    A remote that does not capture its changes has none that could be known.
    """

    def __init__(self, target: Target, identity: Identity, changes: Sequence[Change]) -> None:
        self._target = target
        self._identity = identity
        self._own = target.own_changes
        # Where the newer one wins, what is older than every change of the batch cannot win.
        oldest = min((change.logged_at for change in changes), default=None)
        self._since = oldest if target.policy == "newest" else None
        self._last: LastChanges = {}
        self._replayed: LastChanges = {}
        self._read: set[tuple[type[Model], Any]] = set()

    def look(self) -> bool:
        """Look whether the remote's users have changed anything; to be done first."""
        if self._target.logs:
            self._own.look(self._since)
        return self._any

    @property
    def _any(self) -> bool:
        return self._target.logs and (bool(self._own.last) or not self._own.complete)

    def load(self, tasks: Iterable[ObjectTask]) -> None:
        """Read the remote's changelog for the objects of a batch whose remote keys are known."""
        if not self._any:
            return
        by_model: dict[type[Model], list[Any]] = {}
        for task in tasks:
            known = self._identity.known(task.shape.model, task.key)
            stale = self._identity.stale_reference(task.shape.model, task.key)
            kept = task.key if self._identity.keeps_key(task.shape) else None
            for remote_key in {known, stale, kept} - {None}:
                for model in _family(task.shape):
                    by_model.setdefault(model, []).append(remote_key)
        for model, remote_keys in by_model.items():
            self._load(model, remote_keys)

    def load_found(self, shape: Shape, remote_keys: Iterable[Any]) -> None:
        """Read the changelog for remote rows that were found just now, in a few queries."""
        if not self._any:
            return
        missing = [key for key in remote_keys if (shape.root, key) not in self._read]
        if missing:
            self._read.update((shape.root, key) for key in missing)
            for model in _family(shape):
                self._load(model, missing)

    def _load(self, model: type[Model], remote_keys: Collection[Any]) -> None:
        """Read own changes of rows, and what was replayed there after them: it has met them."""
        label, remote = model._meta.label, self._target.remote
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
            self._replayed.update(last_changes(remote, label, texts, self._target.source, after=first))

    def win(self, shape: Shape, key: Any, remote_key: Any, change: Change) -> bool:
        """Tell whether the remote's own users changed the object too and win, so that it is to be left alone.

        Args:
            shape, key: the local object.
            remote_key: its remote key, or ``None``; a row that was deleted there is found by its reference.
            change: what LOCAL logged.
        """
        if not self._any:
            return False
        known = self._identity.known(shape.model, key)
        at_remote = remote_key if remote_key is not None else self._identity.stale_reference(shape.model, key)
        if at_remote is None:
            return False
        if known is None and remote_key is not None:
            self.load_found(shape, [remote_key])
        remote_at = self._changed_at(shape, at_remote, self._identity.met_at(shape.model, key))
        if remote_at is None:
            return False
        self._identity.contest(shape.model, key)
        conflict = Conflict(shape.label, encode_key(key), encode_key(at_remote), change.logged_at, remote_at)
        return not local_wins(conflict, self._target.policy)

    def _changed_at(self, shape: Shape, remote_key: Any, met_at: datetime.datetime | None) -> datetime.datetime | None:
        text = encode_key(remote_key)
        rows = [(model._meta.label, text) for model in _family(shape)]
        latest = max((self._last[at] for at in rows if at in self._last), key=lambda last: last.id, default=None)
        if latest is None or any(self._replayed[at].id > latest.id for at in rows if at in self._replayed):
            return None
        if met_at is not None and latest.time < as_utc(met_at):
            return None
        return latest.time


def _family(shape: Shape) -> list[type[Model]]:
    """Return the model and its multi-table parents: their tables log separately."""
    return [*shape.model._meta.all_parents, shape.model]
