"""Adding and removing many-to-many links, owner by owner, as the related manager would."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from django.db.models import Model

from ..errors import LeftBehind, reraise_if_hopeless
from ..log.changes import Change
from ..plan.both_sides import BothSides
from ..plan.conflicts import Conflict
from ..plan.context import RunContext
from ..plan.decisions import Action
from ..plan.link_conflicts import LinkConflicts, Pair
from ..rows.local_rows import load_instances
from ..rows.redirects import NothingInserted
from ..rows.selecting import linked_pairs
from ..schema.link_shapes import LinkShape
from ..schema.shape import root_of, shape_of
from ..tasks import LinkTask
from .known import Known
from .one import save_links
from .one_statements import Singles
from .outcomes import Outcomes


class Links:
    """Writes the links of a batch.

    Args:
        ensure: returns the remote key of a local object, bringing it along if it is not there, for a link's change.
    """

    def __init__(
        self,
        context: RunContext,
        known: Known,
        singles: Singles,
        outcomes: Outcomes,
        ensure: Callable[[type[Model], Any, Change], Any],
    ) -> None:
        self._context, self._remote, self._matching, self._rows = context, context.remote, known.matching, known.rows
        self._remote_changes, self._singles, self._unseen = known.remote_changes, singles, known.unseen
        self._outcomes, self._ensure = outcomes, ensure
        self._conflicts = LinkConflicts(context, known.identity)
        self._found: dict[Pair, Conflict] = {}
        self._living: dict[type[Model], dict[Any, Model]] = {}
        self._unreadable = frozenset(outcomes.failed)

    def begin_round(self, tasks: Iterable[LinkTask]) -> None:
        """Forget that links have failed which are tried again now: one change may be about several of them."""
        for task in tasks:
            for change in (each for target in task.targets for each in task.changes_of(target)):
                if change not in self._unreadable:
                    self._outcomes.failed.pop(change, None)

    def apply(self, tasks: Sequence[LinkTask], may_stop: Callable[[], bool]) -> tuple[list[LinkTask], list[LinkTask]]:
        """Apply the links of owners that follow one another.

        Args:
            may_stop: tells, after a task, whether the others are to be put off, as there is no time for them.

        Returns:
            What is left to try again, and what was put off.
        """
        left: list[LinkTask] = []
        put_off: list[LinkTask] = []
        tried = False
        for shape, group in groupby(tasks, key=lambda task: task.shape):
            alike = list(group)
            self._read_ahead(shape, alike)
            for task in alike:
                if tried and may_stop():
                    put_off.append(task)
                elif (remaining := self._apply_one(task)).targets:
                    left.append(remaining)
                tried = True
            self._living.clear()
        self._rows.forget_links()
        return left, put_off

    def _read_ahead(self, shape: LinkShape, tasks: Sequence[LinkTask]) -> None:
        """Read in a few queries: which ends of removed links still live, the owners' rows, and who is linked.

        What is not known by now, because it is to be brought along first, is read when its turn comes.
        """
        removed = [(task.owner, key) for task in tasks for key, (exists, _) in task.targets.items() if not exists]
        for model, keys in zip((shape.source_model, shape.target_model), zip(*removed, strict=True), strict=False):
            self._living.setdefault(root_of(model), {}).update(load_instances(root_of(model), keys))
        known = self._matching.identity.known
        self._found = self._conflicts.among(shape, tasks)
        if len(tasks) == 1:
            return
        ends = [
            (known(shape.source_model, task.owner), known(shape.target_model, key))
            for task in tasks
            for key in task.targets
        ]
        pairs = [pair for pair in ends if None not in pair]
        self._rows.load(shape.source_model, dict.fromkeys(owner for owner, _ in pairs))
        self._rows.load_links(shape.through, shape.ends, pairs)

    def _apply_one(self, task: LinkTask) -> LinkTask:
        """Apply the links of one owner; return those that are left."""
        remaining = LinkTask(task.shape, task.owner, one_way=task.one_way, mirrors=task.mirrors)
        owner: Model | None = None
        for add in (False, True):
            keys: dict[Any, tuple[Any, Change]] = {}
            owner_key: Any = None
            for key, (exists, change) in task.targets.items():
                if exists is not add:
                    continue
                try:
                    ends = self._ends(task, key, add)
                    if ends is not None:
                        owner_key, target_key = ends
                        keys[target_key] = (key, change)
                except LeftBehind:
                    self._outcomes.report.count(task.shape.through._meta.label, Action.LEAVE.counted_as)
                except Exception as error:
                    reraise_if_hopeless(error, self._remote)
                    remaining.targets[key] = (exists, change)
                    self._fail(remaining, key, error)
            if keys:
                self._settle_conflicts(task, owner_key, keys, remaining, add=add)
            if not keys:
                continue
            if owner is None or owner.pk != owner_key:
                owner = self._row(task.shape, owner_key)
            if owner is None:
                continue
            try:
                mirrored = {target_key for target_key, (key, _) in keys.items() if key not in task.one_way}
                self._write(task.shape, owner, keys, mirrored, add=add)
            except Exception as error:
                reraise_if_hopeless(error, self._remote)
                for key, change in keys.values():
                    remaining.targets[key] = (add, change)
                    self._fail(remaining, key, error)
        return remaining

    def _fail(self, task: LinkTask, key: Any, error: Exception) -> None:
        """Note that a link has failed: of a symmetrical one both rows, of which LOCAL may delete one by itself."""
        self._outcomes.failed.update(dict.fromkeys(task.changes_of(key), error))

    def _settle_conflicts(
        self, task: LinkTask, owner_key: Any, keys: dict[Any, tuple[Any, Change]], remaining: LinkTask, *, add: bool
    ) -> None:
        """Take the links out of ``keys`` that the remote keeps as they are, and those whose rule has raised."""
        shape, outcomes = task.shape, self._outcomes
        contested = {pair: found for pair, found in self._found.items() if pair[0] == owner_key and pair[1] in keys}
        for pair, conflict in contested.items():
            key, change = keys[pair[1]]
            ends = f"{shape.source_model._meta.label} {task.owner} and {shape.target_model._meta.label} {key}"
            conflict = replace(conflict, sides=self._sides(shape, pair, add=add))
            remote_wins = self._remote_changes.settling.decide_link(conflict)
            if isinstance(remote_wins, Exception):
                remaining.targets[key] = (add, change)
                self._fail(remaining, key, remote_wins)
                del keys[pair[1]]
                continue
            # Of a link that was removed and added again there are two changes, which may come in two batches.
            pair_here = frozenset((task.owner, key)) if shape.field.remote_field.symmetrical else (task.owner, key)
            told = (shape.through, (pair_here, remote_wins))
            if told not in self._context.told_links | outcomes.told_links:
                outcomes.told_links.add(told)
                between = f"the link of {ends}: "
                self._remote_changes.settling.settle(conflict, change, deletes=not add, deleted=add, between=between)
                if remote_wins and not conflict.settled:
                    outcomes.report.count(shape.through._meta.label, "conflicts")
            if remote_wins:
                del keys[pair[1]]

    def _sides(self, shape: LinkShape, pair: Pair, *, add: bool) -> BothSides:
        ends = dict(zip(shape.ends, pair, strict=True))
        by_attname = {field.attname: field for field in shape.through._meta.concrete_fields}
        fields = [by_attname[end] for end in shape.ends]
        return BothSides(self._remote, fields, ends if add else None, None if add else ends)

    def _ends(self, task: LinkTask, key: Any, add: bool) -> tuple[Any, Any] | None:
        """Return the remote keys of owner and target, or ``None`` when there is nothing to unlink."""
        places = (task.shape.source_model, task.owner), (task.shape.target_model, key)
        change = task.targets[key][1]
        for place in places if add else ():
            self._unseen.require(*place, None, None, change)
        ends = [self._ensure(*place, change) if add else self._find_end(*place) for place in places]
        return None if None in ends else (ends[0], ends[1])

    def _find_end(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of an object that is still there on LOCAL; a deleted one takes its links along."""
        instance = self._living[root_of(model)].get(key)
        if instance is None:
            return None
        shape, matching = shape_of(type(instance)), self._matching
        # Of a child with another key, the parent's row is the end.
        return matching.match(shape, instance) if shape.root is root_of(model) else matching.match_parent(model, key)

    def _require(self, shape: LinkShape, pairs: list[tuple[Any, Any]]) -> None:
        if linked_pairs(shape.through, shape.ends, self._remote, pairs).keys() != set(pairs):
            raise NothingInserted(shape.through._meta.label, self._remote)

    def _row(self, shape: LinkShape, owner_key: Any) -> Model | None:
        row = self._rows.take(shape.source_model, owner_key)
        if row is None and self._context.dry_run:
            return shape.source_model(pk=owner_key)
        return row

    def _would_remove(self, shape: LinkShape, owner: Model, target_keys: Collection[Any], mirrored: set[Any]) -> int:
        """Note in a dry run which links would have gone; return how many."""
        pairs = [(owner.pk, key) for key in target_keys]
        there = linked_pairs(shape.through, shape.ends, self._remote, pairs)
        back = [(key, owner.pk) for key in mirrored] if shape.field.remote_field.symmetrical else []
        rows = [*there.values(), *linked_pairs(shape.through, shape.ends, self._remote, back).values()]
        self._context.imagined_gone.update((shape.through, row) for row in rows)
        return len(there)

    def _write(
        self, shape: LinkShape, owner: Model, target_keys: Collection[Any], mirrored: set[Any], *, add: bool
    ) -> None:
        """Add or remove links of one owner, where they are missing or there.

        Args:
            owner: the remote row of the object on the declaring side.
            target_keys: remote keys of the objects at the other end.
            mirrored: those whose mirrored link, in a symmetrical table, is written too.
            add: whether to add or to remove.
        """
        count = self._outcomes.report.count
        label, what = shape.through._meta.label, "created" if add else "deleted"
        if self._context.dry_run and add:
            count(label, what, len(target_keys))
            return
        if self._context.dry_run:
            removed = self._would_remove(shape, owner, target_keys, mirrored)
            count(label, what, removed)
            count(label, "unchanged", len(target_keys) - removed)
            return
        linked = self._rows.linked(shape.through, shape.ends, [(owner.pk, key) for key in target_keys])
        keys = {key for key in target_keys if ((owner.pk, key) in linked) is not add}
        if keys:
            with self._singles.one(shape.through):
                written = save_links(shape, owner, keys, self._remote, add=add, mirrored=mirrored)
                if add and self._context.redirects.concern(shape.through):
                    self._require(shape, written)
                self._rows.note_links(shape.through, written, linked=add)
        count(label, what, len(keys))
        count(label, "unchanged", len(target_keys) - len(keys))
