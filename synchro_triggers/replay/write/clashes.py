"""Unique values that an object of LOCAL wants, and that another object has on the remote and keeps.

Both stay: the one is kept as a failure, or, by the option ``unique``, one of them gets other values, as a new version
of the remote's users. Either is on record.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError
from django.db.models import Model

from ...capture.keys import encode_key
from ...capture.session import as_users_change
from ...key_texts import full_key, stored_key
from ...models import Conflict as Record
from ...models import ConflictKind
from ..errors import reraise_if_hopeless
from ..identity.references import Identity
from ..log.changes import LONG_AGO, Change
from ..log.own_windows import moment_of
from ..plan.both_sides import BothSides
from ..plan.clash import Clash, other_values
from ..plan.conflicts import name_of_rule
from ..plan.context import RunContext
from ..report import SyncReport, Told
from ..rows.selecting import rows_of
from ..rows.values import set_values
from ..schema.shape import Shape, shape_of
from ..schema.unique_sets import own_key, unique_sets
from ..tasks import ObjectTask, Task
from .foresight import Foresight
from .known import Known
from .one_statements import Singles

#: What is on record as the rule where it is not the database that holds two objects apart.
NATURAL_KEY = "natural key"

#: Model, values by attribute names and remote key of what the remote has refused.
Refused = tuple[Shape, dict[str, Any], Any]


@dataclass
class _Met:
    """A clash.

    Attributes:
        task: LOCAL's object.
        row: the remote's row, which has the values.
        sides: what both held.
        here, there: when they were changed last, and by whom.
        renamed: which of them gets other values: ``local``, ``remote``; ``""``: neither.
        values: these.
        rule: what has said so.
    """

    task: ObjectTask
    row: Model
    fields: tuple[str, ...]
    sides: BothSides
    here: tuple[datetime.datetime, str]
    there: tuple[datetime.datetime, str]
    renamed: str = ""
    values: Mapping[str, Any] | None = None
    rule: str = "unique"


class Clashes:
    """Finds clashes of a batch, and lets the option ``unique`` settle them."""

    def __init__(self, context: RunContext, known: Known, singles: Singles) -> None:
        self._context, self._known, self._singles = context, known, singles
        self._identity: Identity = known.identity
        self._met: dict[Change, _Met] = {}
        self._asked: set[Change] = set()
        self._doubles: dict[Change, _Met] = {}

    def settle(self, tasks: Iterable[Task], refused: Mapping[Change, Refused], failed: dict[Change, Exception]) -> bool:
        """Look for clashes among what the remote has refused; tell whether another try makes sense.

        Args:
            refused: what it was.
            failed: the errors; takes what the callable has raised.
        """
        again = False
        for task in self.find(tasks, refused, failed):
            change, rule = task.change, self._context.uniques.get(task.shape.label)
            if change is None or change in self._asked or rule is None:
                continue
            met = self._met[change]
            self._asked.add(change)
            try:
                self._rename(met, rule)
                again = True
            except Exception as error:
                reraise_if_hopeless(error, self._context.remote)
                met.renamed, met.values = "", None
                failed[change] = error
        return again

    def find(
        self, tasks: Iterable[Task], refused: Mapping[Change, Refused], failed: Mapping[Change, Exception]
    ) -> list[ObjectTask]:
        """Return those of the tasks that others' unique values are in the way of, which stay. Arguments: as above."""
        objects = [task for task in tasks if isinstance(task, ObjectTask)]
        foresight = Foresight(self._known, pending={task.at for task in objects})
        found: list[ObjectTask] = []
        for task in objects if not self._context.dry_run else ():
            change = task.change
            if change is None or change not in refused or not isinstance(failed.get(change), IntegrityError):
                continue
            met = self._met.get(change) or self._find(foresight, task, change, *refused[change])
            if met is not None:
                self._met[change] = met
                found.append(task)
        return found

    def _find(
        self, foresight: Foresight, task: ObjectTask, change: Change, shape: Shape, values: dict[str, Any], key: Any
    ) -> _Met | None:
        """Return the clash that was why an object was refused."""
        remote = self._context.remote
        for unique in unique_sets(shape, remote):
            rows = rows_of(unique.model, remote).exclude(pk=own_key(shape, unique.model, values, key))
            holders = unique.holders(rows, values)
            row = None if holders is None else holders.first()
            if row is not None and foresight.stays(unique.model, row.pk, unique.fields):
                return self._meet(task, change, shape_of(unique.model), row, unique.names, values)
        return None

    def _meet(
        self, task: ObjectTask, change: Change, there: Shape, row: Model, names: tuple[str, ...], values: dict[str, Any]
    ) -> _Met:
        here = self._identity.versions.of(task.at)
        mine = (change.logged_at, self._context.source)
        mine = mine if here is None else (moment_of(here.time), here.author)
        sides = BothSides(self._context.remote, task.shape.copied, values, row)
        sides.read()
        return _Met(task, row, names, sides, mine, self._version_there(there, row))

    def note_double(
        self, task: ObjectTask, change: Change, there: Shape, row: Model, names: tuple[str, ...], values: dict[str, Any]
    ) -> None:
        """Note that an object was written, and that another one has the same natural key.

        Args:
            there, row: the other one.
            names: the fields of the natural key.
            values: what the object has on the remote, by attribute names.
        """
        met = self._meet(task, change, there, row, names, values)
        met.rule = NATURAL_KEY
        self._doubles[change] = met

    def _version_there(self, shape: Shape, row: Model) -> tuple[datetime.datetime, str]:
        key = self._identity.claimed_by(shape.root, row.pk)
        found = self._known.remote_changes.version_of_row(shape, key, row.pk)
        if found is None and key is not None:
            found = self._identity.versions.of((shape.root, key))
        return (LONG_AGO, "") if found is None else (moment_of(found.time), found.author)

    def _rename(self, met: _Met, rule: Any) -> None:
        """Give one of both other values, as the callable says: the one that was changed last."""
        shape, local = met.task.shape, met.here > met.there
        mine, theirs = met.sides.local or {}, met.sides.remote or {}
        kept, renamed = (theirs, mine) if local else (mine, theirs)
        (kept_at, kept_by), (at, by) = (met.there, met.here) if local else (met.here, met.there)
        clash = Clash(shape.label, met.fields, kept, renamed, kept_at, at, kept_by, by)
        names = list(met.sides.fields)
        met.rule = name_of_rule(rule)
        values = other_values(clash, rule, names, encode_key(met.task.key) if local else encode_key(met.row.pk))
        met.values, met.renamed = {**renamed, **values}, "local" if local else "remote"
        by_attname = met.sides.by_attname(values)
        if local:
            self._known.renamed[met.task.at] = by_attname
            self._identity.keep_theirs(shape.model, met.task.key)
            return
        with as_users_change(self._context.remote), self._singles.one(type(met.row)):
            set_values(met.row, by_attname)
            self._singles.save_plainly(met.row, shape_of(type(met.row)))
        self._known.rows.drop(type(met.row), met.row.pk)

    # On record --------------------------------------------------------------------------------------

    def tell(self, report: SyncReport, failed: Collection[Change]) -> None:
        """Tell which objects have got other values, and which have one natural key."""
        for met in self._doubles.values():
            label, there = met.task.shape.label, f"{type(met.row)._meta.label} {met.row.pk!r}"
            named = ", ".join(f"{name}={(met.sides.local or {}).get(name)!r}" for name in met.fields)
            told = f"{there} on {self._context.remote!r} is another object and has the same natural key ({named})"
            report.remark(Told.DOUBLE, label, encode_key(met.task.key), told)
        for change, met in self._met.items():
            if met.renamed and change not in failed:
                key = met.task.key if met.renamed == "local" else met.row.pk
                where = "it" if met.renamed == "local" else f"{met.task.shape.label} {key} of {self._context.remote!r}"
                values = ", ".join(f"{name}={(met.values or {}).get(name)!r}" for name in met.fields)
                told = f"its {', '.join(met.fields)} was taken by another object; {where} has {values} now ({met.rule})"
                report.remark(Told.MERGED, met.task.shape.label, encode_key(met.task.key), told)

    def record(self, failed: Collection[Change], left: Collection[Change]) -> None:
        """Put clashes on record, each once; on the remote, in the batch's transaction.

        Args:
            failed: what is kept as a failure.
            left: what there was no time for.
        """
        if self._context.dry_run:
            return
        records = [
            self._record(met, change in failed)
            for change, met in self._met.items()
            if change not in left and (change in failed or met.renamed)
        ]
        records += [self._record(met, is_failure=False) for met in self._doubles.values()]
        new = [each for each in records if not self._is_known(each)]
        if new:
            Record._base_manager.using(self._context.remote).bulk_create(new)

    def _is_known(self, record: Record) -> bool:
        rows = Record._base_manager.using(self._context.remote).filter(
            source=record.source, model_label=record.model_label, kind=record.kind, taken="", result=record.result
        )
        same = {"local_pk": record.local_pk, "remote_pk": record.remote_pk, "local_at": record.local_at}
        return bool(rows.filter(**same).exists())

    def _record(self, met: _Met, is_failure: bool) -> Record:
        local_key, remote_key = encode_key(getattr(met.task.key, "number", met.task.key)), encode_key(met.row.pk)
        renamed = "" if is_failure else met.renamed
        return Record(
            source=self._context.source,
            model_label=met.task.shape.label,
            local_pk=stored_key(local_key),
            local_text=full_key(local_key),
            remote_pk=stored_key(remote_key),
            remote_text=full_key(remote_key),
            kind=ConflictKind.UNIQUE,
            local_values=met.sides.as_text(met.sides.stored_here),
            remote_values=met.sides.as_text(met.sides.stored_there),
            merged_values=met.sides.as_text(met.values) if renamed else None,
            local_author=met.here[1],
            remote_author=met.there[1],
            local_at=None if met.here[0] == LONG_AGO else met.here[0],
            remote_at=None if met.there[0] == LONG_AGO else met.there[0],
            rule=met.rule,
            result="local" if renamed == "remote" else "remote",
        )
