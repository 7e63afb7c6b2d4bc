"""Values of columns that were left out, because not both sides had them: brought once both have.

Every object of the model that the remote has is looked at, in small transactions: the log of the time when the column
was left out may be pruned. Only these fields are written. Where the users of both sides have changed one, the later
change stands; where nobody's change is on record, LOCAL's value. Rules for conflicts are not asked: they are about
changes that were made without knowledge of one another, and the remote could not know of this one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import Error, connections, transaction
from django.db.models import Model

from ...capture.keys import encode_key
from ...capture.session import as_users_change
from ...conf import local_alias
from ...exceptions import ObjectNotApplied
from ...models import ChangeLog, Reference
from ...moment import as_utc
from ..errors import reraise_if_hopeless
from ..identity.matching import Matching
from ..identity.reference_table import text_of
from ..identity.references import Identity
from ..log.changed_fields import FieldsRow, rows_of_objects
from ..log.everything import objects_of
from ..plan.context import RunContext
from ..report import FailedObject, SyncReport
from ..rows.selecting import instances_of, rows_with
from ..rows.statements import update_rows
from ..rows.values import local_value, same_value, set_values
from ..schema.family import family_of
from ..schema.observed import is_observed
from ..schema.shape import Shape, is_foreign_key, points_to_key, read_keys, shape_of, tables_of, target_of
from ..state.failures import describe
from ..state.late import ColumnsReached
from ..state.lease import Lease
from .batch_by_batch import Interrupted
from .many_rows import key_parts
from .one import save
from .remote_transaction import RemoteTransaction


@dataclass(frozen=True)
class _Late:
    """A value that the remote is to get.

    Attributes:
        key: the object's key on LOCAL.
        row: its row on the remote.
        values: attribute names to values.
        unseen: the remote's users have changed the object, and LOCAL has not seen that: what comes of both is theirs.
    """

    key: Any
    row: Any
    values: Mapping[str, Any]
    unseen: bool


class ValuesProgress(NamedTuple):
    """Notes how far values have come.

    Attributes:
        fields: returns what says so in the checkpoint.
        remember: is told what was committed.
    """

    fields: Callable[[ColumnsReached], dict[str, object]]
    remember: Callable[[ColumnsReached], None]


class _Logged(NamedTuple):
    """What a log says of an object: its key there, and the rows."""

    key: Any
    rows: Collection[FieldsRow]


class LateColumns:
    """Brings the values of some fields of a model.

    Args:
        context: where and how to write.
        lease: is renewed in each transaction.
        seconds: how long a transaction may wait for a lock.
        report: takes what was done.
        progress: notes how far it has come.
    """

    def __init__(
        self, context: RunContext, lease: Lease, seconds: float, report: SyncReport, progress: ValuesProgress
    ) -> None:
        self._context, self._lease, self._seconds = context, lease, seconds
        self._report, self._progress = report, progress

    def bring(
        self,
        model: type[Model],
        fields: Mapping[Any, bool],
        size: int,
        interrupted: Callable[[], bool],
        reached: ColumnsReached,
    ) -> bool:
        """Bring the values of all objects that the remote has.

        Args:
            model: the model in whose table the columns are.
            fields: each with whether LOCAL's value counts where LOCAL has logged no change of it.
            size: how many objects a transaction takes.
            interrupted: tells, between two of them, whether to end.
            reached: how far a run that was cut off has come.

        Returns:
            Whether all have come; if not, they are brought again.

        Raises:
            Interrupted: the run shall end.
        """
        pages = objects_of(model._meta.label, size, reached.key, as_written=reached.as_written)
        for changes, as_written in pages:
            if interrupted():
                raise Interrupted
            reached = reached._replace(key=changes[-1].key, as_written=as_written)
            reached = self._bring_page(model, fields, read_keys(model, [change.key for change in changes]), reached)
        return reached.whole

    def _bring_page(
        self, model: type[Model], fields: Mapping[Any, bool], keys: Sequence[Any], reached: ColumnsReached
    ) -> ColumnsReached:
        attempt, failed = RemoteTransaction(self._context, self._seconds), list[FailedObject]()
        with attempt.open():
            self._lease.renew(**self._progress.fields(reached))
            late, failed = self._late(model, fields, keys)
            failed += self._write(shape_of(model), late)
            if failed:
                reached = reached._replace(whole=False)
                self._lease.renew(**self._progress.fields(reached))
        self._progress.remember(reached)
        self._report.fail(failed)
        self._report.count(model._meta.label, "updated", len(late))
        return reached

    # What differs -----------------------------------------------------------------------------------

    def _late(
        self, model: type[Model], fields: Mapping[Any, bool], keys: Sequence[Any]
    ) -> tuple[list[_Late], list[FailedObject]]:
        shape, remote = shape_of(model), self._context.remote
        here = {row.pk: row for row in instances_of(rows_with(model, local_alias(), pk=keys))}
        identity = self._identity(shape, here)
        there = {key: found for key in here if (found := self._match(identity, model, key)) is not None}
        rows = rows_with(model, remote, pk=list(there.values()))
        if connections[remote].features.has_select_for_update:
            rows = (
                rows.select_for_update(of=("self",))
                if connections[remote].features.has_select_for_update_of
                else (rows.select_for_update())
            )
        found = {row.pk: row for row in instances_of(rows)}
        log_here = rows_of_objects(local_alias(), [model], there)
        log_there = rows_of_objects(remote, [model], there.values())
        whole_there = rows_of_objects(remote, family_of(shape), there.values())
        late: list[_Late] = []
        failed: list[FailedObject] = []
        for key, remote_key in there.items():
            row = found.get(remote_key)
            if row is None:
                continue
            logs = _Logged(key, log_here.get(key, ())), _Logged(remote_key, log_there.get(remote_key, ()))
            wanted = [
                field for field, blindly in fields.items() if self._counts(shape.root, field.name, *logs, blindly)
            ]
            try:
                values = self._differing(identity, here[key], row, wanted)
            except ObjectNotApplied as error:
                failed.append(FailedObject(model._meta.label, encode_key(key), str(error)))
                continue
            if values:
                late.append(_Late(key, row, values, self._has_unseen(whole_there.get(remote_key, ()))))
        return late, failed

    def _identity(self, shape: Shape, here: Mapping[Any, Any]) -> Identity:
        context = self._context
        identity = Identity(context.remote, context.source, context.node, context.kept_keys)
        identity.load(shape.root, here)
        return identity

    def _match(self, identity: Identity, model: type[Model], key: Any) -> Any:
        try:
            return Matching(identity, self._context.spellings).match_key(model, key)
        except ObjectNotApplied:  # several rows have its natural key: a kept failure, or a first meeting
            return None

    def _counts(self, root: type[Model], name: str, here: _Logged, there: _Logged, blindly: bool) -> bool:
        """Tell whether LOCAL's value of a field is the one that counts."""
        source, node = self._context.source, self._context.node
        ours, theirs = _last(here.rows, name, node), _last(there.rows, name, source)
        if ours is None or theirs is None:
            return theirs is None and (blindly or ours is not None)
        time_here = _time(local_alias(), root, here.key, ours, node)
        return (time_here, source) > (_time(self._context.remote, root, there.key, theirs, source), node)

    def _has_unseen(self, there: Collection[FieldsRow]) -> bool:
        last = max(there, key=lambda row: row.id, default=None)
        return last is not None and not last.origin

    def _differing(self, identity: Identity, instance: Any, row: Any, fields: Collection[Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for field in fields:
            value = local_value(instance, field)
            if value is not None and is_foreign_key(field) and points_to_key(field):
                target, _ = target_of(field)
                identity.load(target, [value])
                if (there := self._match(identity, target, value)) is None:
                    raise ObjectNotApplied(f"{field.name} points to {target._meta.label} {value!r}, which is not there")
                value = there
            if not same_value(field, local_value(row, field), value):
                values[field.attname] = value
        return values

    # Writing it -------------------------------------------------------------------------------------

    def _write(self, shape: Shape, late: list[_Late]) -> list[FailedObject]:
        """Write values; take out of the list what cannot be written, and return it with the errors."""
        if not is_observed(shape.model):
            try:
                with transaction.atomic(using=self._context.remote):
                    self._write_many(shape, late)
                return []
            except Error as error:
                reraise_if_hopeless(error, self._context.remote)
        failed = []
        for each in list(late):
            try:
                with transaction.atomic(using=self._context.remote):
                    self._write_one(shape, each)
            except Exception as error:
                reraise_if_hopeless(error, self._context.remote)
                failed.append(FailedObject(shape.label, encode_key(each.key), describe(error)))
                late.remove(each)
        return failed

    def _write_many(self, shape: Shape, late: Sequence[_Late]) -> None:
        for unseen, alike in _alike(late):
            self._as_whose(unseen, lambda alike=alike: self._update(shape, alike))  # type: ignore[misc]

    def _write_one(self, shape: Shape, late: _Late) -> None:
        if not is_observed(shape.model):
            self._write_many(shape, [late])
            return
        names = list(late.values)
        set_values(late.row, dict(late.values))
        self._as_whose(late.unseen, lambda: save(late.row, shape, self._context.remote, update_fields=names))

    def _update(self, shape: Shape, alike: Sequence[_Late]) -> None:
        [table] = [table for table in tables_of(shape) if table.model is shape.model]
        fields = {field.attname: field for field in shape.copied}
        names = list(alike[0].values)
        rows = [[*key_parts(shape, each.row.pk), *(each.values[name] for name in names)] for each in alike]
        update_rows(self._context.remote, shape.model, table.key, [fields[name] for name in names], rows)

    def _as_whose(self, unseen: bool, write: Callable[[], None]) -> None:
        if not unseen:
            write()
            return
        with as_users_change(self._context.remote):
            write()


def _alike(late: Sequence[_Late]) -> Iterator[tuple[bool, list[_Late]]]:
    """Yield those of which the same fields are written, as whose change."""
    groups: dict[tuple[bool, tuple[str, ...]], list[_Late]] = {}
    for each in late:
        groups.setdefault((each.unseen, tuple(each.values)), []).append(each)
    for (unseen, _), alike in groups.items():
        yield unseen, alike


def _last(rows: Collection[FieldsRow], name: str, but: str) -> FieldsRow | None:
    """Return the last row that speaks of a field, and did not come from a node."""
    own = [row for row in rows if row.origin != but and (row.names is None or name in row.names)]
    return max(own, key=lambda row: row.id, default=None)


def _time(alias: str, root: type[Model], key: Any, row: FieldsRow, other: str) -> int:
    """Return when a change was made, in microseconds, by the clock of who has made it.

    Of what was received that is the time of the object's version; 0 where that is not known, or is the other side's
    own, which tells nothing of this field.

    Args:
        alias, key: where the row of the log is, and of which object.
        other: the node id of the other side.
    """
    if not row.origin:
        logged = ChangeLog._base_manager.using(alias).values_list("logged_at", flat=True).get(pk=row.id)
        return round(as_utc(logged).timestamp() * 1_000_000)
    received = Reference._base_manager.using(alias).filter(model_label=root._meta.label, remote_pk=text_of(key))
    times = received.exclude(time=None).values_list("source", "author", "time")
    return max((time or 0 for source, author, time in times if (author or source) != other), default=0)
