"""What was decided over objects that one side has deleted, and on which something hung: told, and on record."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Model

from ...capture.keys import encode_key
from ...capture.tables import is_of_links
from ...conf import local_alias
from ...key_texts import full_key, stored_key
from ...models import ChangeLog, ConflictKind, Operation
from ...models import Conflict as Record
from ..identity.references import Identity
from ..log.changes import Change
from ..report import SyncReport, Told
from ..rows.selecting import rows_of
from ..schema.family import family_of
from ..schema.shape import Shape, shown_key
from ..tasks import At
from .both_sides import BothSides
from .conflicts import Conflict
from .context import RunContext
from .settling import Settling


class Hanger(NamedTuple):
    """A row that hangs on an object which the other side has deleted.

    Attributes:
        shape: its model.
        key: its local key; ``None``: LOCAL does not have it.
        row: the row on the side that has the object.
        protects: the object cannot go as long as it is there.
    """

    shape: Shape
    key: Any
    row: Model
    protects: bool = False


@dataclass
class Met:
    """A conflict that was decided.

    Attributes:
        conflict: over the object that was deleted.
        kind: whose the delete is.
        rule: what has decided.
        stays: the object stays, or comes back.
        over: the hangers, each with the values that it had: where the delete stands they are lost.
    """

    conflict: Conflict
    kind: ConflictKind
    rule: str
    stays: bool
    over: list[tuple[Hanger, str | None]] = field(default_factory=list)


class UnseenRecords:
    """Tells, and puts on record, what was decided.

    Attributes:
        met: what was decided, by the change that has met it and the object.
    """

    def __init__(self, context: RunContext, identity: Identity, settling: Settling) -> None:
        self._context, self._identity, self._settling = context, identity, settling
        self.met: dict[tuple[Change, At], Met] = {}

    def _done(self, not_done: Collection[Change]) -> Iterator[Met]:
        return (met for (change, _), met in self.met.items() if change not in not_done)

    def tell(self, report: SyncReport, not_done: Collection[Change]) -> None:
        """Tell of what was decided, but for objects with which nothing was done."""
        for met in self._done(not_done):
            conflict, remote = met.conflict, self._context.remote
            deleter, other = local_alias(), remote
            if met.kind == ConflictKind.CHILD_DELETE:
                deleter, other = remote, local_alias()
            hanging = ", ".join(f"{each.shape.label} {each.row.pk}" for each, _ in met.over) or "a link"
            won = met.stays if met.kind == ConflictKind.CHILD_DELETE else not met.stays
            report.remark(
                Told.LOCAL_WON if won else Told.REMOTE_WON,
                conflict.label,
                shown_key(conflict.label, conflict.local_pk),
                f"deleted on {deleter!r}, which had not seen what hangs on it on {other!r}: {hanging}; "
                f"{'it stays' if met.stays else 'it goes'} ({met.rule})",
            )

    def record(self, not_done: Collection[Change]) -> None:
        """Put what was decided on record, on the remote, in the batch's transaction; let what stays travel."""
        if self._context.dry_run:
            return
        records: list[Record] = []
        rows: list[ChangeLog] = []
        for met in self._done(not_done):
            records.append(self._record(met))
            if not met.stays:
                settled = self._settling.has_settled
                lost = [each for each in met.over if not settled(each[0].shape.model, each[0].key)]
                records += [self._lost(met, *each) for each in lost]
                if met.kind == ConflictKind.DELETE_CHILD:
                    self._own_what_is_lost(met)
                else:
                    rows += self._left_as_they_are(met, [hanger for hanger, _ in lost])
            elif met.kind == ConflictKind.DELETE_CHILD:
                rows.append(self._stated_again(met))
        if records:
            Record._base_manager.using(self._context.remote).bulk_create(records)
        if rows:
            ChangeLog._base_manager.using(self._context.remote).bulk_create(rows)

    @staticmethod
    def _stated_again(met: Met) -> ChangeLog:
        """Return the log row of a version of the remote's users that comes after the other side's delete."""
        after = met.conflict.local_at + datetime.timedelta(microseconds=1)
        return ChangeLog(
            model_label=met.conflict.label,
            object_pk=met.conflict.remote_pk,
            operation=Operation.UPDATE,
            changed_fields="?",
            logged_at=max(after, met.conflict.remote_at),
        )

    def _left_as_they_are(self, met: Met, hangers: Iterable[Hanger]) -> Iterator[ChangeLog]:
        """Yield log rows that say of what was moved to an object that stays deleted: its row here is the last version.

        Without them the others would keep what was changed with the move, and nodes would differ.
        """
        after = max(met.conflict.local_at, met.conflict.remote_at) + datetime.timedelta(microseconds=1)
        for hanger in hangers:
            model, key = hanger.shape.model, self._identity.known(hanger.shape.model, hanger.key)
            if is_of_links(model) or key is None or not rows_of(model, self._context.remote).filter(pk=key).exists():
                continue
            yield ChangeLog(
                model_label=hanger.shape.label,
                object_pk=encode_key(key),
                operation=Operation.UPDATE,
                changed_fields="?",
                logged_at=after,
            )

    def _own_what_is_lost(self, met: Met) -> None:
        """Let it be the remote's users who have deleted, or emptied, what hung on an object: a version.

        The deleter has never seen it, so its own is none. What is deleted without one is brought again by whoever has
        it still, and goes round for ever.
        """
        after = max(met.conflict.local_at, met.conflict.remote_at) + datetime.timedelta(microseconds=1)
        log = ChangeLog._base_manager.using(self._context.remote)
        for hanger, _ in met.over:
            for model in family_of(hanger.shape):
                rows = log.filter(model_label=model._meta.label, object_pk=encode_key(hanger.row.pk))
                last = rows.order_by("-id").first()  # written just now
                if last is not None and last.origin == self._context.source:
                    log.filter(pk=last.pk).update(origin="", logged_at=after)

    def _record(self, met: Met) -> Record:
        conflict, sides = met.conflict, met.conflict.sides
        assert isinstance(sides, BothSides)
        wins = met.stays if met.kind == ConflictKind.CHILD_DELETE else not met.stays
        return Record(
            source=self._context.source,
            model_label=conflict.label,
            local_pk=stored_key(conflict.local_pk),
            local_text=full_key(conflict.local_pk),
            remote_pk=stored_key(conflict.remote_pk),
            remote_text=full_key(conflict.remote_pk),
            kind=met.kind,
            local_values=sides.as_text(sides.stored_here),
            remote_values=sides.as_text(sides.stored_there),
            **self._whose(met),
            result="local" if wins else "remote",
        )

    def _lost(self, met: Met, hanger: Hanger, values: str | None) -> Record:
        """Return the record of what hung on an object whose delete stands: it went along, or points to it no more."""
        remote = self._context.remote
        local_made = met.kind == ConflictKind.CHILD_DELETE
        remote_key = self._identity.known(hanger.shape.model, hanger.key) if local_made else hanger.row.pk
        row = None
        if remote_key is not None:
            row = rows_of(hanger.shape.model, remote).filter(pk=remote_key).first()
        now = None
        if row is not None:
            there = BothSides(remote, hanger.shape.copied, None, row)
            now = there.as_text(there.stored_there)
        local_key = encode_key(getattr(hanger.key, "number", hanger.key)) if hanger.key is not None else ""
        there_key = encode_key(remote_key) if remote_key is not None else ""
        other = ConflictKind.UPDATE_UPDATE
        kinds = {
            (True, True): ConflictKind.UPDATE_DELETE,
            (False, True): ConflictKind.DELETE_UPDATE,
        }
        return Record(
            source=self._context.source,
            model_label=hanger.shape.label,
            local_pk=stored_key(local_key),
            local_text=full_key(local_key),
            remote_pk=stored_key(there_key),
            remote_text=full_key(there_key),
            kind=ConflictKind.LINKS if is_of_links(hanger.shape.model) else kinds.get((local_made, row is None), other),
            local_values=values if local_made else now,
            remote_values=now if local_made else values,
            **self._whose(met),
            result="remote" if local_made else "local",
        )

    def _whose(self, met: Met) -> dict[str, Any]:
        conflict = met.conflict
        return {
            "local_author": conflict.local_author,
            "remote_author": conflict.remote_author,
            "local_at": conflict.local_at,
            "remote_at": conflict.remote_at,
            "rule": met.rule,
        }
