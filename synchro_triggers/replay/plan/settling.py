"""Conflicts of a batch: the rule is asked once, and what it has decided is told, and put on record."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Model

from ...capture.keys import encode_key
from ...conf import local_alias
from ...exceptions import SynchroConfigurationError
from ...key_texts import full_key, stored_key
from ...models import Conflict as Record
from ...models import ConflictKind
from ...moment import as_utc
from ..identity.references import Identity
from ..log.changes import LONG_AGO, Change
from ..log.field_versions import Apart
from ..report import SyncReport, Told
from ..rows.selecting import rows_with
from ..schema.shape import root_of, shown_key
from .both_sides import BothSides, Stored
from .by_field import ByField
from .conflicts import Conflict, Decision, decide_conflict, name_of_rule
from .context import RunContext


class MergedByField(NamedTuple):
    """An object of which each side keeps what it alone has changed, and one of both what both have.

    Attributes:
        values: all that its row shall hold, by the names of attributes: written as a change of LOCAL's.
    """

    values: Mapping[str, Any]


#: Whether the remote wins; or that values are merged, and how; or what the rule has raised.
Verdict = bool | Decision | MergedByField | Exception


@dataclass(frozen=True)
class _Settled:
    conflict: Conflict
    decision: Decision
    deletes: bool
    deleted: bool
    between: str
    merged: Stored


@dataclass(frozen=True)
class _Found:
    """What is decided.

    Attributes:
        decision: whose version stands.
        merged: all values, where both were merged.
        ours: of an object that was merged by field, those of which LOCAL's version stands; ``None``: of another one.
        is_conflict: it is told, and put on record.
    """

    decision: Decision
    merged: Stored = None
    ours: frozenset[str] | None = None
    is_conflict: bool = True


class Settling:
    """Decides conflicts.

    Attributes:
        objects: the objects that they are over: model and local key.
        known_before: those that were decided by an earlier run, and are only told again.
    """

    def __init__(self, context: RunContext, identity: Identity, by_field: ByField) -> None:
        self._context, self._identity, self._by_field = context, identity, by_field
        self._settled: dict[tuple[Change, str], _Settled] = {}
        self.objects: dict[Conflict, tuple[type[Model], Any]] = {}
        self.known_before: set[Conflict] = set()

    def decide(self, conflict: Conflict) -> Decision | Exception:
        """Return what the rule says, or what it has raised. It is asked once a run."""
        decisions = self._context.decisions
        if conflict.settled:
            return Decision.REMOTE
        if conflict not in decisions:
            rule, setting = self._context.rule_for(conflict.label)
            try:
                decisions[conflict] = decide_conflict(conflict, rule, setting)
            except BaseException as error:
                if not isinstance(error, SynchroConfigurationError):
                    said = f"raised by {name_of_rule(rule)}, the rule of {setting}, for {conflict.label}"
                    error.add_note(f"{said} {conflict.local_pk}")
                if not isinstance(error, Exception):  # sys.exit(): who calls foreign code makes an error of it
                    raise
                decisions[conflict] = error
        return decisions[conflict]

    def decide_link(self, conflict: Conflict) -> bool | Exception:
        """Tell whether the remote wins a conflict over a link, of which nothing can be merged."""
        decision = self.decide(conflict)
        if isinstance(decision, Decision) and decision.is_merged:
            return self.cannot_merge(conflict, "a link")
        return decision if isinstance(decision, Exception) else decision.winner == "remote"

    def cannot_merge(self, conflict: Conflict, what: str) -> SynchroConfigurationError:
        """Return what is said of a rule that has merged what has no values that could be."""
        return SynchroConfigurationError(
            f"{self._context.rule_for(conflict.label)[1]}: the callable merged values for {conflict.label} "
            f"{conflict.local_pk}, {what}, which has none that could be: return Decision.LOCAL or Decision.REMOTE."
        )

    def settle(
        self,
        conflict: Conflict,
        change: Change,
        *,
        deletes: bool = False,
        deleted: bool = False,
        between: str = "",
        may_merge: bool = True,
    ) -> Verdict:
        """Tell whether the remote wins, so that the object is to be left alone; it will be told either way.

        Args:
            conflict: what ``RemoteChanges.find()`` has found.
            deletes: LOCAL does not have the object any more.
            deleted: the remote does not have it any more.
            between: what is to be said first: the ends of a link.
            may_merge: there are values that can be merged.

        Returns:
            A decision where it is a merged one: with all values, by the names of attributes. What the rule has raised,
            where it has: that is told as the object's failure.
        """
        if conflict.settled:
            return True
        try:
            found = self._decide_all(conflict, may_merge=may_merge)
        except Exception as error:
            return error
        self._keep(conflict, found)
        if found.is_conflict:
            merged = found.merged if found.decision.is_merged else None
            settled = _Settled(conflict, found.decision, deletes, deleted, between, merged)
            self._settled[change, conflict.label] = settled
        if found.merged is None or not isinstance(conflict.sides, BothSides):
            return found.decision.winner == "remote"
        values = conflict.sides.by_attname(found.merged)
        return Decision.merged(values) if found.ours is None else MergedByField(values)

    def _decide_all(self, conflict: Conflict, *, may_merge: bool) -> _Found:
        """Return what is decided, over the whole object or by field; raise what the rule has raised."""
        apart = conflict.sides.apart() if isinstance(conflict.sides, BothSides) else None
        if apart is None:
            return self._decide_whole(conflict, may_merge=may_merge)
        return self._decide_by_field(conflict, apart)

    def _keep(self, conflict: Conflict, found: _Found) -> None:
        """Remember whose version stands, and what both held before anything is written."""
        if isinstance(conflict.sides, BothSides) and not self._context.dry_run:
            conflict.sides.read()
        if (at := self.objects.get(conflict)) is None:
            return
        if isinstance(conflict.sides, BothSides) and (apart := conflict.sides.apart()) is not None:
            ours = apart.mine if found.ours is None else found.ours
            self._by_field.take(root_of(at[0]), at[1], ours)
        else:
            (self._identity.take_ours if found.decision.winner == "local" else self._identity.keep_theirs)(*at)

    def _decide_whole(self, conflict: Conflict, *, may_merge: bool) -> _Found:
        """Return what is decided; raise what the rule has raised."""
        decision = self._asked(conflict)
        if not decision.is_merged:
            return _Found(decision)
        if not may_merge or not isinstance(conflict.sides, BothSides):
            raise self.cannot_merge(conflict, "the row of a new child's parent")
        return _Found(*self._merge(conflict, conflict.sides, decision.values))

    def _decide_by_field(self, conflict: Conflict, apart: Apart) -> _Found:
        """Return what is decided where each field counts by itself; raise what the rule has raised.

        The rule is asked where both have changed a field. The newest is the newest of each field, so that it is the
        same on all nodes; any other rule is asked once, and decides over all of them.
        """
        sides = conflict.sides
        assert isinstance(sides, BothSides)
        won = apart.both & apart.newest
        values: Mapping[str, Any] = {}
        if apart.both and self._context.rule_for(conflict.label)[0] != "newest":
            rule = self._asked(conflict)
            if rule.is_merged:
                values = {**sides.take(apart.mine), **rule.values}
                decision, merged = self._merge(conflict, sides, values)
                if decision.is_merged:
                    return _Found(decision, merged)
            won = apart.both if rule == Decision.LOCAL else frozenset()
        ours = apart.mine | won
        values = values or sides.take(ours)
        merged = None if sides.is_as_there(values) else values
        return _Found(Decision(sides.winner_of(values)), merged, ours, is_conflict=bool(apart.both))

    def _asked(self, conflict: Conflict) -> Decision:
        decision = self.decide(conflict)
        if isinstance(decision, Exception):
            raise decision
        return decision

    def _merge(self, conflict: Conflict, sides: BothSides, values: Mapping[str, Any]) -> tuple[Decision, Stored]:
        setting = self._context.rule_for(conflict.label)[1]
        return sides.merge(Decision.merged(values), conflict.label, conflict.local_pk, setting)

    def has_settled(self, model: type[Model], key: Any) -> bool:
        """Tell whether a conflict over an object of its own was decided in this batch."""
        return any(self.objects.get(each.conflict) == (model, key) for each in self._settled.values())

    def _done(self, not_done: Collection[Change]) -> Iterator[_Settled]:
        return (each for (change, _), each in self._settled.items() if change not in not_done)

    def tell(self, report: SyncReport, not_done: Collection[Change]) -> None:
        """Tell of the conflicts that were decided, but for objects with which nothing was done.

        Of a deletion the log may speak twice: of LOCAL's own, and of one that it was to hand on.
        """
        told_of = set()
        for each in self._done(not_done):
            conflict, remote = each.conflict, self._context.remote
            versions = conflict.local_author, conflict.local_at, conflict.remote_author, conflict.remote_at
            if each.deletes and (conflict.label, conflict.remote_pk, *versions) in told_of:
                continue
            told_of.add((conflict.label, conflict.remote_pk, *versions))
            here, there = "deleted" if each.deletes else "changed", "deleted" if each.deleted else "changed"
            local_at = f" at {_shown(conflict.local_at)}" if conflict.local_at != LONG_AGO else " at an unknown time"
            rule, setting = self._context.rule_for(conflict.label)
            told, won = {
                "local": (Told.LOCAL_WON, f"{local_alias()!r} won"),
                "remote": (Told.REMOTE_WON, f"{remote!r} won"),
                "merged": (Told.MERGED, "both were merged"),
            }[each.decision.winner]
            report.remark(
                told,
                conflict.label,
                shown_key(conflict.label, conflict.local_pk),
                f"{each.between}{here} on {local_alias()!r}{local_at} and {there} on {remote!r} "
                f"(there {conflict.remote_pk}) at {_shown(conflict.remote_at)}; {won}"
                f" ({rule if isinstance(rule, str) else f'as {setting} has decided'})",
            )

    def left_there(self, not_done: Collection[Change]) -> set[tuple[type[Model], Any]]:
        """Return the objects, by root model and local key, of which the remote's version stands as a whole."""
        won = (each.conflict for each in self._done(not_done) if each.decision.winner == "remote")
        found = (self.objects[each] for each in won if each in self.objects)
        return {(root_of(model), key) for model, key in found}

    def record(self, not_done: Collection[Change]) -> None:
        """Put what was decided on record, on the remote, in the batch's transaction; written with what it decides.

        Two versions meet once. They come again where a run was killed before it had noted how far it was, where
        another node hands the same version on, the one or the other, and where a log speaks twice of one deletion.
        """
        records = [self._record(each) for each in self._done(not_done) if each.conflict not in self.known_before]
        if self._context.dry_run or not records:
            return
        rows = Record._base_manager.using(self._context.remote)
        found = rows_with(Record, self._context.remote, remote_pk={each.remote_pk for each in records})
        known = {_versions_of(*row) for row in found.values_list(*_SAME)}
        new = (each for each in records if _versions_of(*(getattr(each, name) for name in _SAME)) not in known)
        rows.bulk_create(list(new))

    def _record(self, settled: _Settled) -> Record:
        conflict, sides = settled.conflict, settled.conflict.sides
        at = self.objects.get(conflict)
        known = self._identity.known(*at) if at is not None else None
        remote_pk = conflict.remote_pk if known is None else encode_key(known)  # it has come back under another key
        texts: dict[str, str | None] = {}
        if isinstance(sides, BothSides):
            texts = {
                "local_values": sides.as_text(sides.stored_here),
                "remote_values": sides.as_text(sides.stored_there),
                "merged_values": sides.as_text(settled.merged),
            }
        return Record(
            source=self._context.source,
            model_label=conflict.label,
            local_pk=stored_key(conflict.local_pk),
            local_text=full_key(conflict.local_pk),
            remote_pk=stored_key(remote_pk),
            remote_text=full_key(remote_pk),
            kind=_kind_of(settled),
            **texts,
            local_author=conflict.local_author,
            remote_author=conflict.remote_author,
            local_at=None if conflict.local_at == LONG_AGO else conflict.local_at,
            remote_at=conflict.remote_at,
            rule=name_of_rule(self._context.rule_for(conflict.label)[0]),
            result=settled.decision.winner,
        )


#: What tells a conflict from others: the object, and the two versions. Versions of one author may have the same time,
#: where its clock is behind that of what it has received.
_SAME = (
    *("model_label", "remote_pk", "kind", "local_author", "local_at", "local_values"),
    *("remote_author", "remote_at", "remote_values"),
)


def _versions_of(label: str, remote_pk: str, kind: str, *values: Any) -> tuple[Any, ...]:
    """Return what is the same of one conflict, whichever of its versions has come to the other one."""
    # What was found by its natural key to be one, which was made on both sides, is known to be one from then on.
    done = kind.replace("create", "update").split("/")
    values = tuple(as_utc(each) if isinstance(each, datetime.datetime) else each for each in values)
    return label, remote_pk, frozenset({(done[0], *values[:3]), (done[-1], *values[3:])})


def _kind_of(settled: _Settled) -> ConflictKind:
    if settled.between:
        return ConflictKind.LINKS
    if settled.deletes:
        return ConflictKind.DELETE_UPDATE
    if settled.deleted:
        return ConflictKind.UPDATE_DELETE
    sides = settled.conflict.sides
    return ConflictKind.CREATE_CREATE if getattr(sides, "made", False) else ConflictKind.UPDATE_UPDATE


def _shown(time: datetime.datetime) -> str:
    return f"{time.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
