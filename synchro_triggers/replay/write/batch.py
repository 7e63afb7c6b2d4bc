"""Applying one batch of changes to the remote, inside one transaction there."""

# Long: a batch makes its writers, runs their rounds and tells what is left; all of it shares one state.

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby
from typing import Any

from django.db import IntegrityError, connections
from django.db.models import Model, ProtectedError, RestrictedError

from ...capture.keys import encode_key
from ...conf import local_alias
from ...exceptions import ObjectNotApplied
from ...vendors.vendor import database_of
from ..errors import BatchBroken, LeftBehind, NotYet, cannot_be_read, reraise_if_hopeless, waiting
from ..identity.references import Identity
from ..log.changes import Change
from ..log.under_numbers import as_if_logged
from ..plan.context import BatchResult, RunContext
from ..plan.cycles import StandIns
from ..plan.decisions import Action
from ..plan.levels import Levels
from ..plan.newcomers import newcomers_among
from ..plan.order import hanging_on, in_order
from ..plan.reading import plan_tasks, without_doubled
from ..plan.rereading import last_rows_of, read_changed_again, require_one_state
from ..plan.translation import Translation
from ..report import Told
from ..rows.local_rows import load_all_children
from ..schema.keys import FormerKey
from ..schema.shape import model_of, root_of, shape_of
from ..state.failures import describe
from ..tasks import Agenda, At, LinkTask, ObjectTask, Task
from .announced import Announced
from .clashes import Clashes
from .clock import Clock
from .cycles import Cycles
from .doubles import Doubles
from .drafts import Drafts
from .exits import ends_refused
from .foresight import Foresight, name_holders
from .known import Known
from .made_again import link_again
from .many import BulkUpserts
from .many_deletes import BulkDeletes
from .many_links import BulkLinks
from .one_deletes import Deletes
from .one_links import Links
from .one_statements import Singles
from .one_upserts import Upserts
from .outcomes import Outcomes
from .pointing import Pointing
from .receivers import Receivers
from .rings import Rings
from .sparing import Sparing
from .unique_values import is_told_by_values, park_stuck

#: Errors that may be gone when the rest of the batch has been applied.
_RETRIED = (IntegrityError, ProtectedError, RestrictedError, NotYet)


class Batch:
    """Applies changes in order; those that fail are tried again after the others, until a round brings nothing.

    Must run inside a transaction on the remote; writes references at its end, in that transaction.

    Args:
        formers: root models and keys of objects of other batches whose keys were given out again, and the ids of the
            inserts that gave them out.
        whole: whoever calls takes all or nothing, so that bulk statements need no savepoint to fall back to.
        clock: how long the transaction may last; what there is no time for is left for another one.
        acquainted: refuses to create what may be on the remote already.
    """

    def __init__(
        self,
        context: RunContext,
        changes: Sequence[Change],
        formers: Iterable[tuple[type[Model], FormerKey, int]] = (),
        *,
        whole: bool = False,
        clock: Clock | None = None,
        acquainted: Callable[[Sequence[ObjectTask]], None] = lambda tasks: None,
    ) -> None:
        self._context, self._changes, self._acquainted = context, changes, acquainted
        self._remote, self._clock = context.remote, clock or Clock()
        self._agenda = Agenda()
        self._result = BatchResult()
        identity = identity_for(context)
        planned, self._result.vanished = plan_tasks(changes, context.kept_keys, self._result.failed)
        read_changed_again(planned, context.later)
        self._tasks = list(without_doubled(context.remote, planned, self._agenda.errors, self._result.failed))
        self._objects = [task for task in self._tasks if isinstance(task, ObjectTask)]
        identity.log.expect(self._objects, formers)
        identity.versions.expect(self._objects)
        identity.fields.expect(self._objects)
        self._parked: set[Change] = set()
        self._put_off: list[Task] = []
        self._settled = False
        self._known = Known(context, identity, changes, self._tasks)
        self._identity, self._targets, self._rows = identity, self._known.targets, self._known.rows
        self._receivers = Receivers(context.remote, self._rows, context.batch_signals)
        self._outcomes = Outcomes(self._result, identity, self._rows)
        stand_ins = StandIns(context.remote, self._known.matching.keys_there)
        self._levels = Levels(identity, self._targets, stand_ins, self._receivers.sends_signals)
        unseen, agenda = self._known.unseen, self._agenda
        agenda.changes |= {task.at: task.change for task in self._objects if task.instance is not None and task.change}
        translation = Translation(identity, self._targets, stand_ins, agenda, self._ensure, unseen)
        self._write_many(translation, whole=whole)
        self._write_one(translation)

    def _write_many(self, translation: Translation, *, whole: bool) -> None:
        """Make what writes many objects at a time."""
        context, known, outcomes = self._context, self._known, self._outcomes
        announced = Announced(context, known, self._receivers, outcomes, self._clock)
        self._bulk_upserts = BulkUpserts(context, known, translation, self._levels, announced, outcomes, whole=whole)
        self._bulk_deletes = BulkDeletes(known, announced, outcomes)
        self._bulk_links = BulkLinks(context, known, announced, outcomes)

    def _write_one(self, translation: Translation) -> None:
        """Make what writes objects one by one."""
        context, known, outcomes, agenda = self._context, self._known, self._outcomes, self._agenda
        self._singles = singles = Singles(context.remote, self._receivers)
        self._clashes = Clashes(context, known, singles)
        self._doubles = Doubles(context, known, self._clashes)
        self._rings = Rings(known, self._gone())
        pointing = Pointing(known, self._point, dry_run=context.dry_run)
        sparing = Sparing(known, self._point, self._rings)
        self._deletes = deletes = Deletes(context, known, singles, outcomes, sparing, pointing)
        self._links = Links(context, known, singles, outcomes, self._ensure_end)
        self._cycles = cycles = Cycles(known, agenda, singles, outcomes, self._ensure, dry_run=context.dry_run)
        foresight = Foresight(known, context.imagined_gone, self._tasks)
        drafts = Drafts(known, translation)
        self._upserts = Upserts(context, known, agenda, drafts, singles, outcomes, cycles, deletes, pointing, foresight)

    def apply(self) -> BatchResult:
        """Apply everything and return what was done.

        Raises:
            BatchBroken: one change spoils the batch; apply them one by one.
            OperationalError, InterfaceError: the connection or the server fails; nothing can go on.
        """
        self._known.read_ahead(self._receivers)
        self._rings.hanging = self._known.hanging_on_others(self._gone())
        self._known.look_what_changed()
        living = {task.at for task in self._objects if task.instance is not None}
        self._outcomes.gone_before |= self._identity.were_there(living)
        targets = self._targets
        brought_along, in_turn = self._read_what_comes_along()
        if newcomers := list(newcomers_among((*self._tasks, *brought_along), self._identity)):
            self._acquainted(newcomers)
        ordered, self._agenda.cut = in_order(
            self._tasks, in_turn, targets.waited_for, self._hanging_on, self._levels.reluctance_to_cut
        )
        there = connections[self._remote]
        with ends_refused(self._remote), database_of(there).guarded(there):
            self._write(ordered)
            name_holders(self._known, self._upserts.refused, self._result.failed)
            if not self._context.dry_run:
                link_again(self._known, self._singles, self._outcomes)
            self._singles.finish()
        self._tell_what_was_outlived()
        self._outcomes.store()
        self._known.counters.store()
        self._leave_for_later()
        self._leave_other_children()
        self._tell_what_points_nowhere()
        return self._result

    def _read_what_comes_along(self) -> tuple[list[ObjectTask], list[ObjectTask]]:
        """Return what objects of the batch point to and the remote lacks; all that is needed of LOCAL is read by then.

        What the remote has deleted may have to stay so: that is decided for each that needs it, or what hangs on it.

        Returns:
            What comes along; and of that, what hangs on nothing that the remote has deleted: it has a turn of its own.
        """
        targets, unseen = self._targets, self._known.unseen
        along = targets.brought_along()
        self._known.look_for_copies(along)
        needed = {target for task in along for target in targets.waited_for(task)}
        living = (task for task in self._objects if task.instance is not None and task.at in needed)
        gone = {task.at for task in (*along, *living) if unseen.is_deleted_there(task.shape, task.key)}
        found = [task for task in along if task.at not in gone]
        self._identity.versions.expect_along(last_rows_of(found, self._context.later))
        require_one_state((*self._objects, *found), self._context.later)
        self._agenda.errors.update(targets.unusable)
        hanging = gone and hanging_on(gone, (*found, *self._objects), targets.waited_for)
        return found, [task for task in found if task.at not in hanging]

    def _leave_other_children(self) -> None:
        """Leave the other children of what was brought along for another transaction."""
        self._result.other_children = [
            as_if_logged(self._changes[-1], type(row), row.pk)
            for at, row in self._targets.children.left
            if self._identity.known(*at) is not None
        ]

    def _tell_what_was_outlived(self) -> None:
        for (root, key), remote_key in self._identity.outlived.items():
            if self._identity.claimed_by(root, remote_key) is None:
                reason = f"its key is another object's now; {self._remote!r} still has {remote_key!r}, which it was"
                self._result.report.remark(Told.VANISHED, root._meta.label, encode_key(key), reason)

    def _write(self, ordered: Sequence[Task]) -> None:
        """Write the objects, in rounds, while there are some that may succeed after others."""
        with self._singles.begun():
            waiting: Sequence[Task] = ordered
            in_bulk = not self._context.dry_run
            while waiting:
                failed = self._round(waiting, in_bulk=in_bulk)
                in_bulk = False  # what is left needs a closer look
                if self._put_off:
                    self._put_off += filter(self._may_succeed_later, failed)
                    break
                if not any(self._may_succeed_later(task) for task in failed):
                    break
                # Where a round brings little, so will the next: objects wait for one another in a long row.
                parked = 2 * len(failed) > len(waiting) and self._park(failed)
                if len(failed) == len(waiting) and not parked and not self._settle_clashes(failed):
                    break
                waiting = failed
        if self._cycles.are_open:
            raise BatchBroken(self._cycles.why_open(self._tasks))
        for change in self._parked & self._result.failed.keys():  # a made-up value must not stay
            raise BatchBroken(describe(self._result.failed[change]))

    def _settle_clashes(self, failed: Sequence[Task]) -> bool:
        """Give objects other values where the option ``unique`` says so; tell whether any has got some."""
        return not self._parked and self._clashes.settle(failed, self._upserts.refused, self._result.failed)

    def _park(self, failed: Sequence[Task]) -> bool:
        """Set unique values aside, once, that the objects which are left want of one another; tell whether any was."""
        if self._context.dry_run or self._parked:
            return False
        doubtful = [task for task in failed if isinstance(task, ObjectTask) and not is_told_by_values(task.shape)]
        clashing = self._clashes.find(doubtful, self._upserts.refused, self._result.failed)
        self._parked = park_stuck(self._known, [task for task in failed if task not in clashing], self._result.failed)
        return bool(self._parked)

    def _leave_for_later(self) -> None:
        """Note what there was no time for; tell of the conflicts of the rest, and put them on record."""
        put_off = {change for task in self._put_off for change in _changes_of(task)}
        for change in put_off:
            self._result.failed.pop(change, None)
        not_done = put_off | self._result.failed.keys()
        self._known.remote_changes.settling.tell(self._result.report, not_done)
        self._known.remote_changes.settling.record(not_done)
        self._result.left_there = self._known.remote_changes.settling.left_there(not_done)
        self._doubles.look(self._objects, not_done, self._result.report)
        self._clashes.tell(self._result.report, not_done)
        self._clashes.record(self._result.failed.keys(), put_off)
        self._known.unseen.records.tell(self._result.report, not_done)
        self._known.unseen.records.record(not_done)
        if not put_off:
            return
        # Of an object that was logged under several labels there is one task.
        at = {(_root(change), change.key) for change in put_off}
        given = {(_root(change), change.key) for change in self._changes}
        # Where the batch itself has found that a key was given out again, both objects came of one change.
        at |= {(root, key.number) for root, key in at - given if isinstance(key, FormerKey)}
        self._result.left += [change for change in self._changes if (_root(change), change.key) in at]
        self._result.hanging = any(self._hanging_on(task) for task in self._put_off if isinstance(task, ObjectTask))

    def _tell_what_points_nowhere(self) -> None:
        """Tell which numbers were made up, of the objects that have got them: what the remote has won has not."""
        others = {(_root(change), change.key) for change in (*self._result.left, *self._result.failed)}
        others |= {(root, encode_key(key)) for root, key in self._result.left_there}
        for (label, key), reason in self._targets.pointing_nowhere.items():
            if (model := model_of(label)) is not None and (root_of(model), key) not in others:
                self._result.report.remark(Told.POINTS_NOWHERE, label, key, reason)

    def _may_stop(self) -> bool:
        """Tell whether the time is over, and the transaction may end here."""
        return self._settled and self._clock.is_up() and not self._cycles.are_open and not self._parked

    def _round(self, tasks: Sequence[Task], *, in_bulk: bool) -> list[Task]:
        """Apply tasks in order; return those that failed.

        What a receiver finds on the remote when it is called must not depend on who else is observed: only what
        lies between two observed tasks is written in bulk.
        """
        self._agenda.begin_round(tasks)
        self._links.begin_round(task for task in tasks if isinstance(task, LinkTask))
        failed: list[Task] = []
        for observed, group in groupby(tasks, self._is_observed):
            alike = list(group)
            if self._may_stop():
                self._put_off += alike
                continue
            failed += self._one_by_one(alike if observed or not in_bulk else self._in_bulk(alike))
        return failed

    def _is_observed(self, task: Task) -> bool:
        return self._bulk_links.is_observed(task) if isinstance(task, LinkTask) else self._receivers.notice(task)

    def _in_bulk(self, tasks: Sequence[Task]) -> list[Task]:
        """Write tasks in bulk; return what needs a closer look."""
        links = [task for task in tasks if isinstance(task, LinkTask)]
        deletes = [task for task in tasks if isinstance(task, ObjectTask) and task.instance is None]
        upserts = [task for task in tasks if isinstance(task, ObjectTask) and self._agenda.is_pending(task)]
        done: set[int] = {id(task) for task in self._bulk_deletes.apply(deletes)}
        for task in self._bulk_upserts.apply(upserts, self._agenda.cut):
            del self._agenda.pending[task.at]
            done.add(id(task))
        for task, part in self._bulk_upserts.take_unfinished():
            row = self._rows.take(task.shape.model, self._identity.known(task.shape.model, task.key))
            assert row is not None  # it was written just now
            self._cycles.wait(row, task.shape, [part])
        self._cycles.close()
        if upserts and (waiting := [task for task in deletes if id(task) not in done]):
            # What hung on them may hang on others now, or on nothing.
            done |= {id(task) for task in self._bulk_deletes.apply(waiting)}
        done |= {id(task) for task in self._bulk_links.apply(links)}
        self._settled |= bool(done)
        return [task for task in tasks if id(task) not in done]

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
        """Write one object; tell whether that has succeeded."""
        at, errors = task.at, self._agenda.errors
        if task.instance is not None:
            if at not in self._agenda.pending:  # applied as somebody's target already
                return at not in errors
            del self._agenda.pending[at]
        try:
            if task.instance is not None:
                self._upserts.write(task.shape, task.instance, task.change)
            else:
                hanging = [each for each in self._hanging_on(task) if each in errors]
                waits = not all(self._rings.are_one(each, at) for each in hanging)  # else nobody would ever go
                self._deletes.delete(task, waits=waits)
            self._cycles.close()
        except LeftBehind:
            if task.instance is None:  # nobody has decided yet that it stays for what was left as it is
                return self._fail(task, NotYet(f"what hangs on it hangs on what {self._remote!r} has deleted as well"))
            self._leave_behind(task)
        except Exception as error:
            reraise_if_hopeless(error, self._remote)
            return self._fail(task, error)
        errors.pop(at, None)
        self._outcomes.succeed(task)
        return True

    def _fail(self, task: ObjectTask, error: Exception) -> bool:
        self._agenda.errors[task.at] = error
        if task.change is not None:
            self._result.failed[task.change] = error
        return False

    def _leave_behind(self, task: ObjectTask) -> None:
        """Leave an object as the remote has it: what it hangs on was deleted there, and stays so."""
        remote_key = self._identity.known(task.shape.model, task.key)
        self._identity.keep_theirs(task.shape.model, task.key)
        self._outcomes.note(Action.LEAVE, task.shape, task.key, remote_key)

    def _may_succeed_later(self, task: Task) -> bool:
        if isinstance(task, ObjectTask):
            error = self._agenda.errors.get(task.at)
            return isinstance(error, _RETRIED)
        errors = [self._result.failed.get(change) for _, change in task.targets.values()]
        return any(isinstance(error, _RETRIED) for error in errors)

    def _gone(self) -> list[ObjectTask]:
        return [task for task in self._objects if task.instance is None]

    def _hanging_on(self, task: ObjectTask) -> Collection[At]:
        return self._rings.hanging.get(task.at, ())

    def _point(self, living: Model, foreign_key: Any = None, going: Collection[Model] = ()) -> None:
        """Let a remote row point to what its local object points to; the rest of it stays as it is.

        Args:
            living: the local object. One that waits for its turn has it now, and is written as a whole.
            foreign_key, going: as for ``Upserts.point``.
        """
        shape = shape_of(type(living))
        at = (shape.root, living.pk)
        pending = self._agenda.pending.get(at)
        if pending is not None:
            self._apply_object(pending)
        whole = pending is not None and isinstance(pending.instance, type(living))
        if not whole and at not in self._agenda.errors:
            self._upserts.point(shape, living, foreign_key, going)

    def _ensure(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of an object, bringing it along if it is not there, with the row that is pointed to.

        Raises:
            NotYet: it could not be brought along.
            ObjectNotApplied: LOCAL does not have it.
        """
        remote_key = self._bring_along(model, key)
        children = self._targets.children
        if (child := children.take_left(model, key)) is not None:
            try:
                self._upserts.write(shape_of(type(child)), child, None)
            except Exception:
                children.leave_again(child)
                raise
        return remote_key

    def _ensure_end(self, model: type[Model], key: Any, change: Change) -> Any:
        """Return the remote key of an end of a link that LOCAL has logged, as ``_ensure`` does."""
        self._agenda.of_link = change
        try:
            return self._ensure(model, key)
        finally:
            self._agenda.of_link = None

    def _bring_along(self, model: type[Model], key: Any) -> Any:
        root, targets = root_of(model), self._targets
        self._identity.load(model, [key])
        if targets.is_there((root, key)):
            return self._identity.known(model, key)
        at = targets.comes_with((root, key))
        if (task := self._agenda.pending.get(at)) is not None:
            self._apply_object(task)
        elif at not in self._agenda.errors:
            unreadable: dict[Any, Exception] = {}
            children = load_all_children(root, [key], unreadable).get(key, [None])
            instance = next((row for row in children if isinstance(row, model)), children[-1])
            if key in unreadable:
                raise waiting(_waits_for(model, key, cannot_be_read(unreadable[key])), *at)
            if instance is None:
                raise waiting(ObjectNotApplied(f"{model._meta.label} {key!r} is missing on {local_alias()!r}"), *at)
            self._upserts.write(shape_of(type(instance)), instance, None)
        if not targets.is_there((root, key)):
            raise waiting(_waits_for(model, key, self._agenda.errors.get(at)), *at)
        return self._identity.known(model, key)


def _waits_for(model: type[Model], key: Any, reason: Exception | None) -> NotYet:
    text = f"waits for {model._meta.label} {key!r}"
    return NotYet(f"{text}, which failed: {reason}" if reason else text)


def identity_for(context: RunContext) -> Identity:
    """Return the references of one batch, of which nothing was read."""
    return Identity(
        context.remote,
        context.source,
        context.node,
        context.kept_keys,
        context.imagined,
        context.given_again,
        context.gone,
        context.knowledge.here,
        logs=context.logs,
        merged_by_field=context.by_field,
        came_with=context.knowledge.came_with,
    )


def _changes_of(task: Task) -> list[Change]:
    if isinstance(task, LinkTask):
        return [change for target in task.targets for change in task.changes_of(target)]
    return [task.change] if task.change is not None else []


def _root(change: Change) -> type[Model] | None:
    model = model_of(change.label)
    return root_of(model) if model is not None else None
