"""Applying one batch of changes to the remote, inside one transaction there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby
from typing import Any

from django.db import IntegrityError, connections
from django.db.models import Model, ProtectedError, RestrictedError

from ..capture.tables import encode_key
from ..conf import LOCAL
from ..exceptions import ObjectNotApplied
from .already_there import already_there, there_by_key
from .becoming import Staying, what_stays
from .bulk import BulkUpserts
from .bulk_deletes import BulkDeletes
from .bulk_links import BulkLinks
from .cascades import leading_to
from .changes import Change, FormerKey
from .clock import Clock
from .conflict_lookup import RemoteChanges
from .deletes import Deletes
from .doubled_hours import without_doubled
from .endings import ends_refused
from .failures import describe
from .foresight import Foresight
from .identity import Identity
from .links import Links
from .local import LinkTask, ObjectTask, generic_target, load_instances, plan_tasks
from .mysql import guarded
from .observed import Observers
from .order import At, Task, in_order
from .parts import Parts, Unfinished
from .redirects import NothingInserted
from .report import Told
from .rings import Rings
from .rows import ReadAhead, rows_of
from .savepoints import Savepoints
from .sequences import move_sequences_on
from .shape import (
    GenericKey,
    Shape,
    is_findable,
    is_foreign_key,
    model_of,
    points_to_key,
    root_of,
    shape_of,
    target_of,
)
from .single import Singles
from .taken_over import all_children_left, key_is_anothers
from .target import BatchBroken, BatchResult, KeyNotYet, NotYet, Target, reraise_if_hopeless, waiting
from .targets import Targets
from .uniqueness import Stuck, holders_of_wanted, park_unique_values
from .writing import (
    Writes,
    differing,
    local_value,
    new_instance,
    same_value,
    save,
    set_key,
    set_values,
    value_to_write,
)

#: Errors that may be gone when the rest of the batch has been applied.
_RETRIED = (IntegrityError, ProtectedError, RestrictedError, NotYet)


class Batch:
    """Applies changes in order; those that fail are tried again after the others, until a round brings nothing.

    Must run inside a transaction on the remote; writes references at its end, in that transaction.

    Args:
        target: where to.
        changes: what to apply.
        formers: root models and keys of objects of other batches whose keys were given out again, and the ids of the
            inserts that gave them out.
        whole: whoever calls takes all or nothing, so that bulk statements need no savepoint to fall back to.
        clock: how long the transaction may last; what there is no time for is left for another one.
        acquainted: refuses to create what may be on the remote already.
    """

    def __init__(
        self,
        target: Target,
        changes: Sequence[Change],
        formers: Iterable[tuple[type[Model], FormerKey, int]] = (),
        *,
        whole: bool = False,
        clock: Clock | None = None,
        acquainted: Callable[[Sequence[ObjectTask]], None] = lambda tasks: None,
    ) -> None:
        self._target = target
        self._acquainted = acquainted
        self._remote = target.remote
        self._result = BatchResult()
        self._identity = Identity(
            target.remote, target.source, target.node, target.kept_keys, target.imagined, target.given_again
        )
        self._errors: dict[tuple[type[Model], Any], Exception] = {}
        planned, self._result.vanished = plan_tasks(changes, target.kept_keys, self._result.failed)
        self._tasks = list(without_doubled(target.remote, planned, self._errors, self._result.failed))
        self._identity.expect((task for task in self._tasks if isinstance(task, ObjectTask)), formers)
        self._pending: dict[tuple[type[Model], Any], ObjectTask] = {}
        self._under_way: set[tuple[type[Model], Any]] = set()
        self._fixups: list[tuple[Model, Shape, Unfinished]] = []
        self._rows = ReadAhead(target.remote, target.locks)
        self._parked: set[Change] = set()
        self._changes = changes
        self._put_off: list[Task] = []
        self._settled = False
        self._hanging: dict[At, list[At]] = {}
        self._cut: set[tuple[At, At]] = set()
        self._targets = Targets(self._identity, self._tasks)
        self._remote_changes = RemoteChanges(target, self._identity, changes)
        savepoints = Savepoints(target.remote)
        self._parts = Parts(
            target=target,
            identity=self._identity,
            targets=self._targets,
            remote_changes=self._remote_changes,
            rows=self._rows,
            result=self._result,
            logged=frozenset((task.shape.root, task.key) for task in self._tasks if isinstance(task, ObjectTask)),
            numbered={},
            writes=Writes(target.remote),
            savepoints=savepoints,
            singles=Singles(target.remote, savepoints),
            observers=Observers(target.batch_signals),
            whole=whole,
            clock=clock or Clock(),
        )
        self._bulk_upserts = BulkUpserts(self._parts)
        self._bulk_deletes = BulkDeletes(self._parts)
        self._bulk_links = BulkLinks(self._parts)
        deletes = {(task.shape.root, task.key): task for task in self._gone()}
        self._rings = Rings(self._parts, lambda: self._hanging, deletes.get)
        self._deletes = Deletes(self._parts, self._point, self._rings)
        self._links = Links(self._parts, self._ensure)
        self._foresight = Foresight(self._parts, self._tasks)
        self._refused: dict[Change, tuple[Shape, dict[str, Any], Any]] = {}

    def apply(self) -> BatchResult:
        """Apply everything and return what was done.

        Raises:
            BatchBroken: one change spoils the batch; apply them one by one.
            OperationalError, InterfaceError: the connection or the server fails; nothing can go on.
        """
        self._prefetch()
        brought_along = self._targets.brought_along()
        self._errors.update(self._targets.unusable)
        if newcomers := [task for task in (*self._tasks, *brought_along) if self._is_newcomer(task)]:
            self._acquainted(newcomers)  # type: ignore[arg-type]  # they are no links
        ordered, self._cut = in_order(
            self._tasks, brought_along, self._targets.waited_for, self._hanging_on, self._bulk_upserts.reluctance_to_cut
        )
        with ends_refused(self._remote), guarded(self._remote):
            self._write(ordered)
            self._name_holders()
            self._parts.singles.finish()
            self._parts.savepoints.finish()
        for (root, key), remote_key in self._identity.outlived.items():
            if self._identity.claimed_by(root, remote_key) is None:
                reason = f"its key is another object's now; {self._remote!r} still has {remote_key!r}, which it was"
                self._result.report.remark(Told.VANISHED, root._meta.label, encode_key(key), reason)
        self._identity.store()
        move_sequences_on(self._remote, self._parts.numbered)
        self._leave_for_later()
        left = {(change.label, change.key) for change in self._result.left}
        for (label, key), reason in self._targets.pointing_nowhere.items():
            if (label, key) not in left:
                self._result.report.remark(Told.POINTS_NOWHERE, label, key, reason)
        return self._result

    def _name_holders(self) -> None:
        """Say in the failures of what the remote has refused who has its unique values there."""
        foresight = Foresight(self._parts, ())
        for change, (shape, values, remote_key) in self._refused.items():
            error = self._result.failed.get(change)
            if not isinstance(error, IntegrityError):
                continue
            row = rows_of(shape.model, self._remote).filter(pk=remote_key).first() if remote_key is not None else None
            changed = None if row is None else differing(row, values)
            if said := foresight.what_is_taken(shape, values, remote_key, changed):
                named = type(error)(f"{str(error).rstrip()}; {said}")
                named.__cause__ = error
                self._result.failed[change] = named

    def _write(self, ordered: Sequence[Task]) -> None:
        """Write the objects, in rounds, while there are some that may succeed after others."""
        with (
            connections[self._remote].execute_wrapper(self._parts.writes),
            self._parts.savepoints.announced(),
        ):
            waiting: Sequence[Task] = ordered
            in_bulk = not self._target.dry_run
            while waiting:
                failed = self._round(waiting, in_bulk=in_bulk)
                in_bulk = False  # what is left needs a closer look
                if self._put_off:
                    self._put_off += filter(self._may_succeed_later, failed)
                    break
                if not any(self._may_succeed_later(task) for task in failed):
                    break
                # Where a round brings little, so will the next: objects wait for one another in a long row.
                parked = 2 * len(failed) > len(waiting) and not self._parked and self._park(failed)
                if len(failed) == len(waiting) and not parked:
                    break
                waiting = failed
        if self._fixups:
            raise BatchBroken("a cycle of foreign keys cannot be closed")
        for change in self._parked & self._result.failed.keys():  # a made-up value must not stay
            raise BatchBroken(describe(self._result.failed[change]))

    def _is_newcomer(self, task: Task) -> bool:
        """Tell whether an object would be created that has no reference, and that the log rows do not say was made."""
        if isinstance(task, LinkTask) or task.instance is None or (task.change is not None and task.change.created):
            return False
        at = (task.shape.model, task.key)
        return self._identity.known(*at) is None and self._identity.stale_reference(*at) is None

    def _leave_for_later(self) -> None:
        """Note what there was no time for, and tell of the conflicts of the rest."""
        put_off = {change for task in self._put_off for change in _changes_of(task)}
        for change in put_off:
            self._result.failed.pop(change, None)
        self._remote_changes.tell(self._result.report, put_off | self._result.failed.keys())
        if not put_off:
            return
        # Of an object that was logged under several labels there is one task.
        at = {(_root(change), change.key) for change in put_off}
        given = {(_root(change), change.key) for change in self._changes}
        # Where the batch itself has found that a key was given out again, both objects came of one change.
        at |= {(root, key.number) for root, key in at - given if isinstance(key, FormerKey)}
        self._result.left += [change for change in self._changes if (_root(change), change.key) in at]
        self._result.hanging = any(self._hanging_on(task) for task in self._put_off if isinstance(task, ObjectTask))

    def _may_stop(self) -> bool:
        """Tell whether the time is over, and the transaction may end here."""
        return self._settled and self._parts.clock.is_up() and not self._fixups and not self._parked

    def _round(self, tasks: Sequence[Task], *, in_bulk: bool) -> list[Task]:
        """Apply tasks in order; return those that failed.

        What a receiver finds on the remote when it is called must not depend on who else is observed: only what
        lies between two observed tasks is written in bulk.
        """
        self._pending = {
            (task.shape.root, task.key): task
            for task in tasks
            if isinstance(task, ObjectTask) and task.instance is not None
        }
        failed: list[Task] = []
        for observed, group in groupby(tasks, self._is_observed):
            alike = list(group)
            if self._may_stop():
                self._put_off += alike
                continue
            failed += self._one_by_one(alike if observed or not in_bulk else self._in_bulk(alike))
        return failed

    def _is_observed(self, task: Task) -> bool:
        return self._bulk_links.is_observed(task) if isinstance(task, LinkTask) else self._parts.observers.notice(task)

    def _in_bulk(self, tasks: Sequence[Task]) -> list[Task]:
        """Write tasks in bulk; return what needs a closer look."""
        links = [task for task in tasks if isinstance(task, LinkTask)]
        deletes = [task for task in tasks if isinstance(task, ObjectTask) and task.instance is None]
        upserts = [task for task in tasks if isinstance(task, ObjectTask) and self._is_pending(task)]
        done: set[int] = {id(task) for task in self._bulk_deletes.apply(deletes)}
        for task in self._bulk_upserts.apply(upserts, self._cut):
            del self._pending[task.shape.root, task.key]
            done.add(id(task))
        for task, part in self._bulk_upserts.take_unfinished():
            row = self._rows.take(task.shape.model, self._identity.known(task.shape.model, task.key))
            assert row is not None  # it was written just now
            self._fixups.append((row, task.shape, part))
        self._run_fixups()
        if upserts and (waiting := [task for task in deletes if id(task) not in done]):
            # What hung on them may hang on others now, or on nothing.
            done |= {id(task) for task in self._bulk_deletes.apply(waiting)}
        done |= {id(task) for task in self._bulk_links.apply(links)}
        self._settled |= bool(done)
        return [task for task in tasks if id(task) not in done]

    def _is_pending(self, task: ObjectTask) -> bool:
        return task.instance is not None and (task.shape.root, task.key) in self._pending

    def _one_by_one(self, tasks: Iterable[Task]) -> list[Task]:
        failed: list[Task] = []
        for are_links, group in groupby(tasks, lambda task: isinstance(task, LinkTask)):
            if are_links:
                left, put_off = self._links.apply(list(group), self._may_stop)  # type: ignore[arg-type]
                failed += left
                self._put_off += put_off
                self._settled = True
                continue
            for task in group:
                if self._may_stop():
                    self._put_off.append(task)
                elif self._apply_object(task):  # type: ignore[arg-type]
                    self._settled = True
                else:
                    failed.append(task)
                    self._settled |= not self._may_succeed_later(task)
        return failed

    def _apply_object(self, task: ObjectTask) -> bool:
        at = (task.shape.root, task.key)
        if task.instance is not None:
            if at not in self._pending:  # applied as somebody's target already
                return at not in self._errors
            del self._pending[at]
        try:
            if task.instance is not None:
                self._upsert(task.shape, task.instance, task.change)
            else:
                hanging = [each for each in self._hanging_on(task) if each in self._errors]
                waits = not all(self._rings.are_one(each, at) for each in hanging)  # else nobody would ever go
                self._deletes.delete(task, waits=waits)
            self._run_fixups()
        except Exception as error:
            reraise_if_hopeless(error, self._remote)
            self._errors[at] = error
            if task.change is not None:
                self._result.failed[task.change] = error
            return False
        self._errors.pop(at, None)
        if task.change is not None:
            self._result.failed.pop(task.change, None)
        return True

    def _may_succeed_later(self, task: Task) -> bool:
        if isinstance(task, ObjectTask):
            error = self._errors.get((task.shape.root, task.key))
            return isinstance(error, _RETRIED)
        errors = [self._result.failed.get(change) for _, change in task.targets.values()]
        return any(isinstance(error, _RETRIED) for error in errors)

    def _park(self, tasks: Sequence[Task]) -> bool:
        """Free unique values that the remaining objects want of one another; tell whether any was freed."""
        if self._target.dry_run:
            return False
        stuck: dict[Change, Stuck] = {}
        waiting: dict[Change, Stuck] = {}
        for task in tasks:
            if not isinstance(task, ObjectTask) or task.change is None:
                continue
            shape, remote_key = self._part_there(task)
            error = self._result.failed.get(task.change)
            in_vain = (IntegrityError,) if task.instance is not None else (NotYet, ProtectedError, RestrictedError)
            if isinstance(error, in_vain):
                stuck[task.change] = (shape, remote_key, task.instance)
            elif isinstance(error, NotYet) and remote_key is not None:
                waiting[task.change] = (shape, remote_key, task.instance)
        stuck |= holders_of_wanted(self._remote, waiting, stuck)  # it may be for them that they wait
        self._rows.clear()
        self._parked = park_unique_values(self._remote, stuck)
        return bool(self._parked)

    def _part_there(self, task: ObjectTask) -> tuple[Shape, Any]:
        """Return shape and remote key of an object; where that is yet to come, of a parent's row with another key."""
        known, instance = self._identity.known(task.shape.model, task.key), task.instance
        if known is None and instance is not None:
            known = self._parts.match_kept_key(task.shape, task.key)  # it needs no reference
        if known is not None or instance is None:
            return task.shape, known
        for parent in task.shape.other_parents:
            key = local_value(instance, parent.link)
            self._identity.load(parent.model, [key])
            if (part := self._identity.known(parent.model, key)) is not None:
                return shape_of(parent.model), part
        return task.shape, known

    # Reading ahead --------------------------------------------------------------------------------

    def _prefetch(self) -> None:
        """Read references, targets and remote rows of the whole batch in a few queries.

        The rows are locked before anybody asks who has changed them: what others commit meanwhile is seen, and what
        they do later waits for the end of the batch. Locks are taken in one order, for other runs' sake.
        """
        ends: dict[type[Model], set[Any]] = {}
        objects: dict[tuple[Shape, bool], set[Any]] = {}
        for task in self._tasks:
            if isinstance(task, LinkTask):
                ends.setdefault(root_of(task.shape.source_model), set()).add(task.owner)
                ends.setdefault(root_of(task.shape.target_model), set()).update(task.targets)
            else:
                objects.setdefault((task.shape, self._wants_row(task)), set()).add(task.key)
        # One by one, rows with fields of the remote's own are read a second time, each when its turn has come, and
        # locked then: receivers may take their time until then.
        self._rows.locked_later |= {
            task.shape.model
            for task in self._tasks
            if isinstance(task, ObjectTask)
            and task.instance is not None
            and task.shape.skipped
            and self._parts.observers.notice(task)
        }
        for (shape, with_rows), wanted in sorted(objects.items(), key=lambda item: (item[0][0].label, item[0][1])):
            rows_to = self._rows if with_rows and shape.model is shape.root else None
            self._identity.load(shape.root, wanted, rows_to, locks=self._target.locks)
        for root, wanted in ends.items():
            self._identity.load(root, wanted)
        rows: dict[type[Model], list[Any]] = {}
        for task in self._tasks:
            if isinstance(task, ObjectTask) and self._wants_row(task):
                remote_key = self._identity.known(task.shape.model, task.key)
                if remote_key is None and self._identity.keeps_key(task.shape):
                    remote_key = self._identity.find_by_primary_key(task.shape, task.key)
                if remote_key is not None:
                    rows.setdefault(task.shape.model, []).append(remote_key)
        for model, remote_keys in sorted(rows.items(), key=lambda item: item[0]._meta.label):
            self._rows.load(model, remote_keys)
        self._hanging = self._find_hanging()
        self._remote_changes.look()
        if self._target.logs:
            self._identity.watch(self._target.own_changes)
        self._remote_changes.load(task for task in self._tasks if isinstance(task, ObjectTask))

    def _wants_row(self, task: ObjectTask) -> bool:
        """Tell whether the remote row will be looked at: of what is deleted in bulk, only what it points to matters."""
        shape = task.shape
        if task.instance is not None or shape.foreign_keys or shape.model is not shape.root:
            return True
        return self._parts.observers.notice(task)

    def _find_hanging(self) -> dict[At, list[At]]:
        """Return which deleted objects of the batch pointed to another deleted one on the remote.

        They go first, so that a cascade has little to do: Django's goes as deep as the chain is long.
        """
        gone = self._gone()
        at_remote = {
            (task.shape.root, self._identity.known(task.shape.model, task.key)): (task.shape.root, task.key)
            for task in gone
        }
        hanging: dict[At, list[At]] = {}
        for task in gone:
            row = self._rows.peek(task.shape.model, self._identity.known(task.shape.model, task.key))
            for foreign_key in task.shape.foreign_keys if row is not None else ():
                value = getattr(row, foreign_key.attname)
                target = (root_of(target_of(foreign_key)[0]), value)
                if (
                    is_findable(foreign_key, value)
                    and target in at_remote
                    and at_remote[target] != (task.shape.root, task.key)
                ):
                    hanging.setdefault(at_remote[target], []).append((task.shape.root, task.key))
        return hanging

    def _gone(self) -> list[ObjectTask]:
        return [task for task in self._tasks if isinstance(task, ObjectTask) and task.instance is None]

    def _hanging_on(self, task: ObjectTask) -> Collection[At]:
        return self._hanging.get((task.shape.root, task.key), ())

    # Upserts --------------------------------------------------------------------------------------

    def _upsert(self, shape: Shape, instance: Model, change: Change | None) -> Any:
        """Create or update one object; return its remote key.

        Without a change it is created if it is missing, and left as it is otherwise.
        """
        key = instance.pk
        at = (shape.root, key)
        self._targets.note(shape, instance)
        self._under_way.add(at)
        try:
            unfinished: list[Unfinished] = []
            written = None
            values = self._remote_values(shape, instance, unfinished)
            remote_key = self._parts.match(shape, instance)
            row = self._rows.take(shape.model, remote_key) if remote_key is not None else None
            values |= (others := self._other_keys(shape, instance, row))
            moves = row is not None and bool(differing(row, others))  # to another parent
            if row is not None and shape.model in self._rows.locked_later and (unfinished or differing(row, values)):
                row = self._locked_now(shape, row)
            conflict = change and self._remote_changes.find(shape, key, remote_key, change)
            if conflict and (unfinished or row is None or differing(row, values)):
                assert change is not None
                if self._remote_changes.win(conflict, change, deleted=row is None):
                    self._parts.leave_alone(shape, key, remote_key)
                    return remote_key
            staying = what_stays(self._parts, shape, instance, change, remote_key, values) if row is None else Staying()
            if staying.unmade:
                staying.count_lost(self._parts)
                return None
            values |= staying.values
            unfinished = [part for part in unfinished if part.field.attname not in staying.values]
            if self._target.dry_run and (row is None or change is not None):
                if at in self._target.imagined_written:  # a kept failure of it was tried before
                    if change is not None:
                        self._result.report.count(shape.label, "unchanged")
                    return remote_key
                self._foresight.require_free(shape, values, remote_key, None if row is None else differing(row, values))
                self._target.imagined_written.add(at)
            children = all_children_left(self._parts, shape, instance, remote_key, others)
            self._deletes.clear(children, shape, key, remote_key, change)
            if change is not None:
                written = shape, values, remote_key
            if row is None:
                row = self._create(shape, instance, values, remote_key)
                self._result.report.count(shape.label, "created")
            elif change is not None or moves:
                self._update(shape, row, values, [part.field.attname for part in unfinished])
        except IntegrityError:
            if change is not None and written is not None:
                self._refused[change] = written
            raise
        finally:
            self._under_way.discard(at)
        # The row of another object, of which a number that was given out in this moment can be none.
        former = self._identity.claimed_by(shape.model, row.pk) if row.pk == remote_key else None
        remote_key = row.pk
        self._identity.learn(shape.model, key, remote_key)
        self._targets.has_come(at)
        if former not in (None, key):
            self._deletes.point_past(row, former)
        for parent in shape.other_parents:
            parent_key = local_value(instance, parent.link)
            self._identity.load(parent.model, [parent_key])
            self._identity.learn(parent.model, parent_key, row.__dict__[parent.link.attname])
        staying.count_lost(self._parts)
        staying.remember_lost(self._parts, shape, key)
        self._fixups += [(row, shape, part) for part in unfinished]
        return remote_key

    def _locked_now(self, shape: Shape, row: Model) -> Model | None:
        """Return the row, locked, as it is this moment; notice whether somebody has changed it since it was read."""
        current: Model | None = self._target.locks.taken(rows_of(shape.model, self._remote).filter(pk=row.pk)).first()
        read = {field.attname: local_value(row, field) for field in shape.copied}
        if current is None or differing(current, read):
            self._remote_changes.read_again(shape, row.pk)
        return current

    def _create(self, shape: Shape, instance: Model, values: dict[str, Any], remote_key: Any) -> Model:
        if remote_key is None:
            remote_key = self._identity.find_by_primary_key(shape, instance.pk)
            self._require_not_there(shape, instance, values, remote_key)
        redirects = self._target.redirects
        unsure = redirects.concern(shape.model)
        if remote_key is None and unsure and not self._target.dry_run:
            [remote_key] = redirects.reserve(shape, 1)
        for parent in shape.other_parents if unsure and not self._target.dry_run else ():
            if values[parent.link.attname] is None:
                [parent_key] = redirects.reserve(shape_of(parent.model), 1)
                values = values | dict.fromkeys(parent.holders, parent_key)
        row = new_instance(shape, self._remote, remote_key, values)
        if self._target.dry_run:
            self._imagine(shape, instance, row)
            return row
        with self._parts.savepoints.one():
            alike = redirects.find_by_unique_values(shape, row) if unsure else ()
            self._save(row, shape, adding=True, unsure=unsure)
            if unsure and not redirects.are_there(shape, {row.pk}):
                set_key(row, shape, self._find_redirected(shape, instance, row, values, alike))
            for parent in shape.other_parents if unsure else ():
                redirects.require(shape_of(parent.model), [row.__dict__[parent.link.attname]])
        written = {parent.model: values[parent.link.attname] for parent in shape.other_parents}
        for model, key in ({shape.model: remote_key} | written).items():
            each = shape_of(model)
            if key is not None and each.automatic_key:
                self._parts.numbered.setdefault(each.root, set()).add(key)
        return row

    def _require_not_there(self, shape: Shape, instance: Model, values: dict[str, Any], remote_key: Any) -> None:
        """Raise ``ObjectNotApplied`` where the remote has a new object, or a new parent's row, in another spelling.

        So where its key is another object's there.
        """
        spellings = self._target.spellings
        if remote_key is not None and self._parts.belongs_to_another(shape, remote_key, instance.pk):
            raise key_is_anothers(self._identity, shape, remote_key)
        there = already_there(spellings, self._identity, shape, [(instance, remote_key)])
        for parent in shape.other_parents:
            if (key := values[parent.link.attname]) is not None:
                there |= there_by_key(spellings, self._remote, shape_of(parent.model), {key: key})
        for error in there.values():
            raise error

    def _find_redirected(
        self, shape: Shape, instance: Model, row: Model, values: dict[str, Any], alike: Collection[Any]
    ) -> Any:
        """Return the key of a row that was inserted, and is not there under its key, by what else tells it.

        Args:
            shape, instance: the local object.
            row, values: what was inserted.
            alike: the keys of rows that had its unique values before: another one's, unless all of it is in there now.

        Raises:
            NothingInserted: nothing tells it.
        """
        found = self._identity.find_by_natural_key(instance)
        if found is None:
            for key in self._target.redirects.find_by_unique_values(shape, row):
                there = rows_of(shape.model, self._remote).get(pk=key)
                if key not in alike or not differing(there, values):
                    found = key
                    break
        if found is None or self._parts.belongs_to_another(shape, found, instance.pk):
            raise NothingInserted(shape.label, self._remote)
        return found

    def _imagine(self, shape: Shape, instance: Model, row: Model) -> None:
        """Note in a dry run which keys a new object would have got."""
        imagined = self._target.imagined
        if row.pk is None:
            row.pk = -1 - len(imagined)
        imagined[shape.root, instance.pk] = row.pk
        for parent in shape.other_parents:
            remote_key = row.__dict__[parent.link.attname]
            if remote_key is None:
                remote_key = -1 - len(imagined)
            row.__dict__[parent.link.attname] = remote_key
            imagined[root_of(parent.model), local_value(instance, parent.link)] = remote_key

    def _update(self, shape: Shape, row: Model, values: dict[str, Any], unfinished: Sequence[str]) -> None:
        settled = {attname: value for attname, value in values.items() if attname not in unfinished}
        if not differing(row, settled) and not unfinished:
            self._result.report.count(shape.label, "unchanged")
            return
        self._result.report.count(shape.label, "updated")
        if self._target.dry_run:
            return
        try:
            with self._parts.savepoints.one():
                if shape.model not in self._rows.locked_later:  # those were read just now
                    self._refresh_skipped(shape, row)
                set_values(row, settled)
                self._save(row, shape, adding=False)
        except Exception:
            self._result.report.count(shape.label, "updated", -1)
            raise

    def _save(self, row: Model, shape: Shape, *, adding: bool, unsure: bool = False) -> None:
        """Save a row; forget those read ahead of tables to which receivers have written."""
        skipped = {field.attname: local_value(row, field) for field in shape.skipped}

        def keep_what_receivers_wrote() -> None:
            own = connections[self._remote].ops.quote_name(shape.model._meta.db_table)
            if skipped and not adding and not self._parts.writes.tables().isdisjoint({own, None}):
                set_here = [
                    field.attname
                    for field in shape.skipped
                    if not same_value(field, value_to_write(row, field), skipped[field.attname])
                ]
                self._refresh_skipped(shape, row, but=set_here)

        self._parts.writes.begin()
        self._parts.singles.save(row, shape, adding=adding, unsure=unsure, announced=keep_what_receivers_wrote)
        self._rows.forget(self._parts.writes.to_other_rows(shape.model))

    def _refresh_skipped(self, shape: Shape, row: Model, but: Collection[str] = ()) -> None:
        """Take the skipped fields' values as they are this moment: a receiver may have just written them."""
        if not shape.skipped:
            return
        current = self._target.locks.taken(rows_of(shape.model, self._remote).filter(pk=row.pk)).first()
        if current is not None:
            fields = [field for field in shape.skipped if field.attname not in but]
            set_values(row, {field.attname: local_value(current, field) for field in fields})

    def _point(self, living: Model, foreign_key: Any = None, going: Collection[Model] = ()) -> None:
        """Let a remote row point to what its local object points to; the rest of it stays as it is.

        Args:
            living: the local object. One that waits for its turn has it now, and is written as a whole.
            foreign_key: only this one; by default all, generic ones too.
            going: only those that lead to one of these remote rows, where any does: the remote's users may have
                changed the others.
        """
        shape = shape_of(type(living))
        at = (shape.root, living.pk)
        if (pending := self._pending.get(at)) is not None:
            self._apply_object(pending)
        if pending is not None or at in self._errors:
            return
        self._targets.note(shape, living)
        self._targets.look_what_is_missing(shape, living)
        self._under_way.add(at)
        try:
            unfinished: list[Unfinished] = []
            chosen = [foreign_key] if foreign_key is not None else self._leading_to(shape, living, going)
            values = self._links_there(shape, living, unfinished, chosen)
            remote_key = self._parts.match(shape, living)
            row = self._rows.take(shape.model, remote_key) if remote_key is not None else None
            if row is None:
                return
            self._update(shape, row, values, [part.field.attname for part in unfinished])
        finally:
            self._under_way.discard(at)
        self._fixups += [(row, shape, part) for part in unfinished]

    def _leading_to(self, shape: Shape, living: Model, going: Collection[Model]) -> list[Any]:
        """Return the fields by which an object's remote row leads to one of some others; all, where none does."""
        remote_key = self._parts.match(shape, living) if going else None
        row = self._rows.take(shape.model, remote_key) if remote_key is not None else None
        found = leading_to(shape, row, going, self._remote) if row is not None else []
        return found or [*shape.foreign_keys, *(generic.object_field for generic in shape.generic_keys)]

    def _links_there(
        self, shape: Shape, living: Model, unfinished: list[Unfinished], chosen: Collection[Any]
    ) -> dict[str, Any]:
        """Return what those of an object's foreign keys that are chosen are on the remote, by attribute name."""
        values: dict[str, Any] = {}
        for field in shape.foreign_keys:
            value = local_value(living, field)
            if field in chosen and field in shape.copied:
                there = None if value is None else self._translate(living, field, value, unfinished)
                values[field.attname] = there
        for generic in shape.generic_keys:
            if generic.object_field in chosen:
                values[generic.object_attname] = self._translate_generic(generic, living, unfinished)
        return values

    # Values ---------------------------------------------------------------------------------------

    def _remote_values(self, shape: Shape, instance: Model, unfinished: list[Unfinished]) -> dict[str, Any]:
        """Return the values that the remote row shall have, by attribute name; brings targets along.

        Foreign keys to an object that is being written further up (a cycle) are put into ``unfinished``.
        """
        values: dict[str, Any] = {}
        for copied in shape.copied:
            value = local_value(instance, copied)
            if is_foreign_key(copied) and value is not None:
                value = self._translate(instance, copied, value, unfinished)
            values[copied.attname] = value
        for part in shape.foreign_keys:
            if part not in shape.copied:
                self._translate(instance, part, local_value(instance, part), unfinished)
        for generic in shape.generic_keys:
            values[generic.object_attname] = self._translate_generic(generic, instance, unfinished)
        return values

    def _other_keys(self, shape: Shape, instance: Model, row: Model | None) -> dict[str, Any]:
        """Return what the keys of parents with keys of their own are on the remote, by the attributes that hold them.

        ``None`` stands for a parent's row that the database will give a key. Of an object that is there, a parent
        whose key is not known is the one that it has, unless that is another object's, or keys are kept: then it is a
        new one.
        """
        values: dict[str, Any] = {}
        for parent in shape.other_parents:
            key = local_value(instance, parent.link)
            each, remote_key = shape_of(parent.model), self._parts.match_parent(parent.model, key)
            if row is not None and remote_key != (current := row.__dict__[parent.link.attname]):
                if remote_key is None and not self._parts.belongs_to_another(each, current, key):
                    continue
                if remote_key is None or not self._identity.existing(each.root, [remote_key]):
                    alone = rows_of(parent.model, LOCAL).get(pk=key)  # ``save()`` cannot give a row another parent
                    remote_key = self._upsert(each, alone, None)
            values.update(dict.fromkeys(parent.holders, remote_key))
        return values

    def _translate(self, instance: Model, foreign_key: Any, value: Any, unfinished: list[Unfinished]) -> Any:
        """Return what a foreign key's local value is on the remote; brings its target along."""
        model = target_of(foreign_key)[0]
        root = root_of(model)
        key = self._targets.key_of(foreign_key, value)
        if key is None or (root, key) in self._targets.missing:
            if getattr(foreign_key, "db_constraint", True):
                text = f"its {foreign_key.name}, {model._meta.label} {value!r}, is missing on {LOCAL!r}"
                raise waiting(ObjectNotApplied(text), root, value if key is None else key)
            return value if key is None else self._targets.nowhere(instance, foreign_key, (model, key), value)
        if self._closes_a_cycle((root_of(type(instance)), instance.pk), (root, key)):
            if foreign_key not in shape_of(type(instance)).copied:
                raise KeyNotYet(self._targets.comes_with((root, key)), foreign_key, value)
            unfinished.append(Unfinished(foreign_key, model, key, value))
            return self._parts.stand_in(foreign_key, model, key, value, unheard=False)
        try:
            remote_key = self._ensure(model, key)
        except KeyNotYet as error:
            if error.target not in self._under_way or foreign_key not in shape_of(type(instance)).copied:
                raise
            unfinished.append(Unfinished(foreign_key, model, key, value))  # it comes when that one has its key
            return self._parts.stand_in(foreign_key, model, key, value, unheard=False)
        return remote_key if points_to_key(foreign_key) else value

    def _closes_a_cycle(self, at: At, target: At) -> bool:
        """Tell whether the target has no key on the remote yet and cannot come first."""
        comes_with = self._targets.comes_with(target)
        waits = comes_with in self._under_way or (at, comes_with) in self._cut
        return waits and not self._targets.is_there(target)

    def _ensure(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of an object, bringing it along if it is not there."""
        root = root_of(model)
        self._identity.load(model, [key])
        if self._targets.is_there((root, key)):
            return self._identity.known(model, key)
        at = self._targets.comes_with((root, key))
        task = self._pending.get(at)
        if task is not None:
            self._apply_object(task)
        elif at not in self._errors:
            instance = load_instances(root, [key]).get(key)
            if instance is None:
                raise waiting(ObjectNotApplied(f"{model._meta.label} {key!r} is missing on {LOCAL!r}"), *at)
            self._upsert(shape_of(type(instance)), instance, None)
        if not self._targets.is_there((root, key)):
            reason = self._errors.get(at)
            text = f"waits for {model._meta.label} {key!r}" + (f", which failed: {reason}" if reason else "")
            raise waiting(NotYet(text), *at)
        return self._identity.known(model, key)

    def _translate_generic(self, generic: GenericKey, instance: Model, unfinished: list[Unfinished]) -> Any:
        """Return the object id of a generic foreign key on the remote; what points nowhere does so there too."""
        target = generic_target(generic, instance)
        value = instance.__dict__.get(generic.object_attname)
        if target is None:
            return value
        if (root_of(target[0]), target[1]) in self._targets.missing:
            return self._targets.nowhere(instance, generic.object_field, target, value)
        if self._closes_a_cycle((root_of(type(instance)), instance.pk), (root_of(target[0]), target[1])):
            unfinished.append(Unfinished(generic.object_field, *target, value))
            return value
        try:
            return generic.value_there(target[1], self._ensure(*target), instance)
        except KeyNotYet as error:
            if error.target not in self._under_way:
                raise
            unfinished.append(Unfinished(generic.object_field, *target, value))
            return value

    def _run_fixups(self) -> None:
        """Set the references that had to wait for a cycle to close."""
        settled = not self._under_way
        while settled:  # what closes one may bring others along
            fixups, self._fixups = self._fixups, []
            settled = False
            for row, shape, part in fixups:
                if self._is_to_come(part):
                    self._fixups.append((row, shape, part))
                    continue
                settled = True
                value = part.value_for(self._close_at(part))
                if self._target.dry_run or row.__dict__.get(part.field.attname) == value:
                    continue
                set_values(row, {part.field.attname: value})
                with self._parts.savepoints.one():
                    save(row, shape, self._remote, update_fields=[part.field.name])

    def _is_to_come(self, part: Unfinished) -> bool:
        target = (root_of(part.model), part.key)
        return not self._targets.is_there(target) and self._targets.comes_with(target) in self._pending

    def _close_at(self, part: Unfinished) -> Any:
        """Return the remote key of a reference's target; what is no task of the batch is brought along now."""
        try:
            return self._ensure(part.model, part.key)
        except Exception as error:
            reraise_if_hopeless(error, self._remote)
            raise BatchBroken(
                f"a cycle of foreign keys cannot be closed at {part.model._meta.label} {part.key!r}: {describe(error)}"
            ) from error


def _changes_of(task: Task) -> list[Change]:
    if isinstance(task, LinkTask):
        return [change for _, change in task.targets.values()]
    return [task.change] if task.change is not None else []


def _root(change: Change) -> type[Model] | None:
    model = model_of(change.label)
    return root_of(model) if model is not None else None
