"""Objects that nobody observes, created and updated many at a time, with a fixed number of queries for each model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model

from ...django_inside.content_types import forget_content_types
from ...exceptions import ObjectNotApplied
from ..errors import reraise_if_hopeless
from ..identity.already_there import already_there
from ..plan.context import RunContext
from ..plan.cycles import Unfinished
from ..plan.decisions import Action, Decision, decide, is_equal
from ..plan.leading_nowhere import leads_nowhere, staying_nowhere
from ..plan.levels import Levels
from ..plan.settling import MergedByField, Verdict
from ..plan.translation import Translation
from ..rows.statements import can_write_many, update_rows
from ..rows.values import local_value
from ..schema.relations import may_be_pointed_past
from ..schema.shape import Shape, tables_of, target_of
from ..tasks import At, ObjectTask
from .announced import Announced, ReceiversWrote
from .known import Known
from .many_rows import Rows, key_parts
from .outcomes import Outcomes
from .taken_over import Place, has_links, is_taken_over

#: Where a statement fails, its rows are halved and tried again, down to this number.
_FEW = 20

#: Writes some, and returns those for which there was time.
_Write = Callable[[Sequence[Decision]], Sequence[Decision]]


class BulkUpserts:
    """Creates and updates the unobserved objects of a batch.

    Args:
        whole: all of the batch is wanted or nothing: where a bulk statement fails, the batch does.
    """

    def __init__(
        self,
        context: RunContext,
        known: Known,
        translation: Translation,
        levels: Levels,
        announced: Announced,
        outcomes: Outcomes,
        *,
        whole: bool,
    ) -> None:
        self._remote, self._spellings, self._whole = context.remote, context.spellings, whole
        self._known, self._identity, self._matching = known, known.identity, known.matching
        self._translation, self._levels = translation, levels
        self._rows, self._announced, self._outcomes = Rows(context, outcomes), announced, outcomes
        self._written: list[ObjectTask] = []
        self._unfinished: list[tuple[ObjectTask, Unfinished]] = []

    def apply(self, tasks: Sequence[ObjectTask], cut: set[tuple[At, At]]) -> list[ObjectTask]:
        """Create and update objects; return those that are done.

        Args:
            tasks: tasks with an instance, the targets of an object before it.
            cut: who points to whom where a cycle was cut.
        """
        self._written, done = [], []
        for level in self._levels.divide(tasks, cut, partial(can_write_many, self._remote)):
            by_shape: dict[Shape, list[ObjectTask]] = {}
            for task in level:
                by_shape.setdefault(task.shape, []).append(task)
            for shape, alike in by_shape.items():
                # What a level waited for may have been given back.
                done += self._upsert_alike(shape, [task for task in alike if self._levels.are_targets_known(task)])
        self._close_cycles()
        return done

    def take_unfinished(self) -> list[tuple[ObjectTask, Unfinished]]:
        """Return, once, the references of what was written to objects that have no key yet: they were given back."""
        unfinished, self._unfinished = self._unfinished, []
        return unfinished

    def _close_cycles(self) -> None:
        """Set the foreign keys to objects that have got their keys after what points to them."""
        known = self._identity.known
        rows: dict[tuple[Shape, Any], list[list[Any]]] = {}
        for task in self._written:
            shape = task.shape
            for target in self._levels.later.get((shape.root, task.key), ()):
                for foreign_key in self._levels.foreign_keys_to(task, target):
                    value = local_value(task.instance, foreign_key)  # type: ignore[arg-type]
                    part = Unfinished(foreign_key, target_of(foreign_key)[0], target[1], value)
                    if (found := known(*target)) is None:
                        self._unfinished.append((task, part))
                    else:
                        new = [*key_parts(shape, known(shape.model, task.key)), part.value_for(found)]
                        rows.setdefault((shape, foreign_key), []).append(new)
        for (shape, foreign_key), those in rows.items():
            [table] = [table for table in tables_of(shape) if foreign_key in table.model._meta.local_concrete_fields]
            update_rows(self._remote, table.model, table.key, [foreign_key], those)

    def _upsert_alike(self, shape: Shape, tasks: Sequence[ObjectTask]) -> list[ObjectTask]:
        """Create and update objects of one model; return those that are done."""
        self._announced.written_to.discard(shape.model)
        writer: Rows | Announced = self._rows
        if self._announced.sends(shape.model):
            writer = self._announced
        decisions = self._decide(shape, tasks)
        note = self._outcomes.note_many
        note(Action.LEAVE, shape, left := _done(decisions[Action.LEAVE]))
        changed = decisions[Action.UPDATE]
        updated = self._halving(changed, partial(writer.update, shape), partial(writer.update_apart, shape))
        note(Action.UPDATE, shape, _done(updated))
        new = self._not_there(shape, decisions[Action.CREATE])
        created = self._halving(new, partial(writer.create, shape))
        note(Action.CREATE, shape, _done(created))
        written = [*updated, *created]
        kept = self._still_unchanged(shape, tasks, decisions[Action.KEEP], [*changed, *new], written)
        note(Action.KEEP, shape, _done(kept))
        self._written += [each.task for each in written]
        return [*(task for task, _ in left), *(each.task for each in (*kept, *written))]

    def _decide(self, shape: Shape, tasks: Sequence[ObjectTask]) -> dict[Action, list[Decision]]:
        """Decide about objects of one model; leave out what needs a closer look."""
        identity, rows, remote_changes = self._identity, self._known.rows, self._known.remote_changes
        matched, unclear = self._match(shape, [task for task in tasks if not self._is_known(task)])
        clear = [task for task in tasks if task.key not in unclear]
        keys = {task.key: matched.get(task.key, identity.known(shape.model, task.key)) for task in clear}
        rows.load(shape.model, [key for key in keys.values() if key is not None])
        remote_changes.load_found(shape, matched.values())
        decisions: dict[Action, list[Decision]] = {action: [] for action in Action}
        for task, row, values in self._drafted(shape, clear, keys):
            remote_key = keys[task.key]
            equal = (
                row is not None and is_equal(shape, row, values) and (shape.root, task.key) not in self._levels.later
            )
            wins: Verdict = False
            if task.change is not None:
                wins = remote_changes.verdict(shape, task.key, remote_key, task.change, values, row, equal=equal)
                if row is not None and not equal and self._known.by_field.concerns(shape):
                    wins, values = self._by_field(shape, task, row, values, wins)
                    equal = is_equal(shape, row, values) and (shape.root, task.key) not in self._levels.later
            if not isinstance(wins, bool):
                continue  # it will be raised, or what was merged be written, for this object alone
            action = decide(logged=task.change is not None, there=row is not None, equal=equal, remote_wins=wins)
            if action is Action.CREATE:
                if remote_key is not None and shape.model is not shape.root:
                    continue  # a parent's row is there, and lacks its child
                remote_key = self._matching.keys_there.kept_key(shape, task.key)
            elif action is Action.KEEP and not equal:  # only needed: what the users there have changed, nobody has seen
                identity.keep_theirs(shape.model, task.key)
            decisions[action].append(Decision(task, action, remote_key, values))
        return decisions

    def _by_field(
        self, shape: Shape, task: ObjectTask, row: Model, values: list[Any], wins: Verdict
    ) -> tuple[Verdict, list[Any]]:
        """Return what a row that is merged by field shall hold; what waits for another object is merged alone."""
        if isinstance(wins, MergedByField) and (shape.root, task.key) not in self._levels.later:
            return False, [wins.values[each.attname] for each in shape.copied]
        return wins, self._known.by_field.written(shape, task.key, row, values) if wins is False else values

    def _drafted(
        self, shape: Shape, tasks: Sequence[ObjectTask], keys: Mapping[Any, Any]
    ) -> list[tuple[ObjectTask, Model | None, list[Any]]]:
        """Return the tasks with their remote rows and with what these shall hold; without those that are told alone."""
        targets, remote, values_of = self._known.targets, self._known.remote, self._translation.reader(shape)
        found: list[tuple[ObjectTask, Model | None, list[Any]]] = []
        for task in tasks:
            remote_key = keys[task.key]
            row = self._known.rows.peek(shape.model, remote_key) if remote_key is not None else None
            try:
                found.append((task, row, values_of(task.instance)))
            except ObjectNotApplied:
                continue  # it is told one by one
        self._count(shape, keys, found)
        if shape.key_columns:
            names = [field.attname for field in shape.copied]
            nowhere = [
                (task.instance, row, values)
                for task, row, values in found
                if task.instance is not None and row is not None
                if leads_nowhere(targets, task) and not is_equal(shape, row, values)
            ]
            drafts = [(instance, row, dict(zip(names, values, strict=True))) for instance, row, values in nowhere]
            for (*_, values), staying in zip(nowhere, staying_nowhere(targets, shape, drafts, remote), strict=True):
                for name, value in staying.items():
                    values[names.index(name)] = value
        return found

    def _count(
        self,
        shape: Shape,
        keys: Mapping[Any, Any],
        drafted: Iterable[tuple[ObjectTask, Model | None, list[Any]]],
    ) -> None:
        """Let counters hold what was reckoned."""
        counters = self._known.counters
        if not counters.fields_of(shape):
            return
        places = {each.attname: place for place, each in enumerate(shape.copied)}
        for task, row, values in drafted:
            for name, value in counters.values(shape, task.key, keys[task.key], row).items():
                values[places[name]] = value

    def _still_unchanged(
        self,
        shape: Shape,
        tasks: Sequence[ObjectTask],
        unchanged: list[Decision],
        others: Sequence[Decision],
        written: Sequence[Decision],
    ) -> list[Decision]:
        """Return those that receivers of what comes before them have left as they were, or will.

        Args:
            tasks: all, in their order.
            unchanged: those that were equal before.
            others: those that had to be written.
            written: those that were.
        """
        if not unchanged or not others or shape.model not in self._announced.written_to:
            return unchanged
        order = {id(task): number for number, task in enumerate(tasks)}
        first = min(order[id(each.task)] for each in others)
        after = [each for each in unchanged if order[id(each.task)] > first and each.task.change is not None]
        self._known.rows.load(shape.model, [each.remote_key for each in after])
        touched = {
            id(each)
            for each in after
            if len(written) < len(others)  # the rest is written one by one, and so comes before them
            or (row := self._known.rows.peek(shape.model, each.remote_key)) is None
            or not is_equal(shape, row, each.values)
        }
        return [each for each in unchanged if id(each) not in touched]

    def _is_known(self, task: ObjectTask) -> bool:
        return self._identity.known(task.shape.model, task.key) is not None

    def _match(self, shape: Shape, tasks: Sequence[ObjectTask]) -> tuple[dict[Any, Any], set[Any]]:
        """Find remote rows for objects without a reference; what needs a closer look is unclear."""
        if not tasks:
            return {}, set()
        found, unclear = self._matching.match_many(shape, [task.instance for task in tasks if task.instance])
        # The row of an object that is gone, on which something may still hang.
        unclear |= {
            key
            for key, remote_key in found.items()
            if self._identity.claimed_by(shape.model, remote_key) not in (None, key)
            and (
                has_links(shape)
                or may_be_pointed_past(shape.model)
                or is_taken_over(self._identity, Place(shape, key, remote_key, shape.model))
            )
        }
        return {key: remote_key for key, remote_key in found.items() if key not in unclear}, unclear

    def _not_there(self, shape: Shape, new: Sequence[Decision]) -> list[Decision]:
        """Leave out new objects that the remote has in another spelling: they are told one by one."""
        objects = [(each.task.instance, each.remote_key) for each in new]
        there = already_there(self._spellings, self._matching.natural_keys, shape, objects)
        return [each for each in new if each.task.key not in there]

    def _halving(
        self, all_: Sequence[Decision], write: _Write, write_apart: _Write | None = None
    ) -> Sequence[Decision]:
        """Write as many at once as will go; return those that went.

        Args:
            all_: what to write.
            write: writes some of them.
            write_apart: does so where they want unique values of one another.
        """
        if not all_:
            return []
        if self._whole:
            return write(all_)
        went = self._try(all_, write)
        if isinstance(went, IntegrityError) and write_apart is not None and len(all_) > 1:
            went = self._try(all_, write_apart)
        if not isinstance(went, Exception):
            if 0 < len(went) < len(all_) and not self._announced.is_time_up():
                return [*went, *self._halving(all_[len(went) :], write, write_apart)]
            return went
        if len(all_) <= _FEW or isinstance(went, ReceiversWrote):
            return []
        middle = len(all_) // 2
        return [each for half in (all_[:middle], all_[middle:]) for each in self._halving(half, write, write_apart)]

    def _try(self, some: Sequence[Decision], write: _Write) -> Sequence[Decision] | Exception:
        """Write some, or, where there is an error, none; return those that were written, or the error."""
        try:
            with transaction.atomic(using=self._remote):
                return write(some)
        except Exception as error:
            forget_content_types()
            reraise_if_hopeless(error, self._remote)
            return error


def _done(decisions: Iterable[Decision]) -> list[tuple[ObjectTask, Any]]:
    return [(each.task, each.remote_key) for each in decisions]
