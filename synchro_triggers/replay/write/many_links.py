"""Many-to-many links that nobody observes, added and removed many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Model

from ...conf import local_alias
from ...django_inside.content_types import forget_content_types
from ..errors import reraise_if_hopeless
from ..plan.context import RunContext
from ..plan.link_conflicts import LinkConflicts
from ..rows.selecting import linked_pairs, rows_with
from ..rows.statements import insert_rows
from ..schema.link_shapes import LinkShape
from ..schema.observed import links_are_observed
from ..schema.shape import root_of
from ..tasks import At, LinkTask
from .announced import Announced
from .known import Known
from .outcomes import Outcomes
from .receivers import send_m2m

#: An owner's remote row, and the remote keys of what is linked to it.
_Owned = tuple[Model, set[Any]]

_Pairs = dict[tuple[Any, Any], bool]
"""Remote keys of both ends, each with whether the mirrored link of a symmetrical table is meant, too."""


class BulkLinks:
    """Writes the unobserved links of a batch, with a fixed number of queries for each table."""

    def __init__(self, context: RunContext, known: Known, announced: Announced, outcomes: Outcomes) -> None:
        self._context, self._remote, self._announced, self._outcomes = context, context.remote, announced, outcomes
        self._identity, self._targets = known.identity, known.targets
        self._conflicts = LinkConflicts(context, known.identity)
        self._left: set[Any] = set()

    def is_observed(self, task: LinkTask) -> bool:
        """Tell whether somebody would notice how the links are written."""
        return links_are_observed(task.shape.through) and not self._sends_signals(task.shape)

    def _sends_signals(self, shape: LinkShape) -> bool:
        # Links are announced as the model says that declares them.
        declaring: Any = shape.through._meta.auto_created
        return declaring._meta.label in self._context.batch_signals

    def apply(self, tasks: Sequence[LinkTask]) -> list[LinkTask]:
        """Add and remove links; return those tasks that are done."""
        by_shape: dict[LinkShape, list[LinkTask]] = {}
        for task in tasks:
            by_shape.setdefault(task.shape, []).append(task)
        done: list[LinkTask] = []
        for shape, alike in by_shape.items():
            self._left = {None}
            while self._left and not (done and self._announced.is_time_up()):
                linked = self._link_alike(shape, alike)
                done += linked
                alike = [task for task in alike if task not in linked]
                if not linked:
                    break
        return done

    def _link_alike(self, shape: LinkShape, tasks: Sequence[LinkTask]) -> list[LinkTask]:
        done, adding, removing = self._divide(shape, tasks)
        self._left = set()
        try:
            with transaction.atomic(using=self._remote):
                added, kept = self._add_links(shape, adding)
                removed, missing = self._remove_links(shape, removing)
        except Exception as error:
            forget_content_types()
            reraise_if_hopeless(error, self._remote)
            return []
        for what, number in {"created": added, "deleted": removed, "unchanged": kept + missing}.items():
            self._outcomes.report.count(shape.through._meta.label, what, number)
        if self._left:  # no time for them
            known = self._identity.known
            done = [task for task in done if known(shape.source_model, task.owner) not in self._left]
        return done

    def _divide(self, shape: LinkShape, tasks: Sequence[LinkTask]) -> tuple[list[LinkTask], _Pairs, _Pairs]:
        """Return the tasks whose ends are all known, or gone; and the pairs to link, and not to."""
        known = self._identity.known
        gone = self._gone_ends(shape, tasks)
        contested = {owner for owner, _ in self._conflicts.among(shape, tasks)}
        adding: _Pairs = {}
        removing: _Pairs = {}
        done: list[LinkTask] = []
        for task in tasks:
            owner = known(shape.source_model, task.owner)
            if owner in contested:
                continue  # told one by one
            pairs: list[tuple[bool, tuple[Any, Any], bool]] = []
            for key, (exists, _) in task.targets.items():
                target = known(shape.target_model, key)
                if exists and not self._are_there(shape, task.owner, key):
                    break
                if not exists and self._has_lost_an_end_here(shape, task.owner, key):
                    continue  # it goes with its end, where that goes
                if owner is not None and target is not None:
                    pairs.append((exists, (owner, target), key not in task.one_way))
                elif not {(shape.source_model, task.owner), (shape.target_model, key)} & gone:
                    break
            else:
                for exists, pair, mirrored in pairs:
                    (adding if exists else removing)[pair] = mirrored
                done.append(task)
        return done, adding, removing

    def _has_lost_an_end_here(self, shape: LinkShape, owner: Any, key: Any) -> bool:
        is_going = self._identity.log.is_going
        return is_going(shape.source_model, owner) or is_going(shape.target_model, key)

    def _are_there(self, shape: LinkShape, owner: Any, key: Any) -> bool:
        ends = (root_of(shape.source_model), owner), (root_of(shape.target_model), key)
        return all(map(self._targets.is_there, ends))

    def _gone_ends(self, shape: LinkShape, tasks: Sequence[LinkTask]) -> set[At]:
        """Return the ends of removed links that LOCAL does not have any more: their links have gone with them."""
        unknown: dict[type[Model], set[Any]] = {}
        for task in tasks:
            for key, (exists, _) in task.targets.items():
                for model, end in ((shape.source_model, task.owner), (shape.target_model, key)):
                    if not exists and self._identity.known(model, end) is None:
                        unknown.setdefault(model, set()).add(end)
        gone: set[At] = set()
        for model, keys in unknown.items():
            there = set(rows_with(root_of(model), local_alias(), pk=keys).values_list("pk", flat=True))
            gone |= {(model, key) for key in keys - there}
        return gone

    def _add_links(self, shape: LinkShape, pairs: dict[tuple[Any, Any], bool]) -> tuple[int, int]:
        """Add links; return how many were added, and how many were there."""
        if not pairs:
            return 0, 0
        present = self._present(shape, pairs)
        missing = [pair for pair in pairs if pair not in present]
        announced = self._announce(shape, missing, "add")
        missing = [pair for pair in missing if pair[0] not in self._left]
        if shape.field.remote_field.symmetrical:
            mirrored = [(target, owner) for owner, target in missing if owner != target and pairs[owner, target]]
            there = self._present(shape, mirrored)
            written = dict.fromkeys([*missing, *(pair for pair in mirrored if pair not in there)])
        else:
            written = dict.fromkeys(missing)
        if written:
            by_attname = {field.attname: field for field in shape.through._meta.concrete_fields}
            fields = [by_attname[shape.source_attname], by_attname[shape.target_attname]]
            insert_rows(self._remote, shape.through, fields, list(written))
        self._announce_done(shape, announced, "add")
        return len(missing), sum(owner not in self._left for owner, _ in present)

    def _remove_links(self, shape: LinkShape, pairs: dict[tuple[Any, Any], bool]) -> tuple[int, int]:
        """Remove links; return how many were removed, and how many were not there."""
        if not pairs:
            return 0, 0
        present = self._present(shape, pairs)
        absent = len(pairs) - len(present)
        announced = self._announce(shape, present, "remove")
        present = {pair: key for pair, key in present.items() if pair[0] not in self._left}
        going = list(present.values())
        if shape.field.remote_field.symmetrical:
            mirrored = [(target, owner) for owner, target in present if pairs[owner, target]]
            going += list(self._present(shape, mirrored).values())
        if going:
            rows_with(shape.through, self._remote, pk=going)._raw_delete(self._remote)
        self._announce_done(shape, announced, "remove")
        return len(present), absent

    def _announce(self, shape: LinkShape, pairs: Iterable[tuple[Any, Any]], action: str) -> list[_Owned]:
        """Send ``m2m_changed`` for each owner, where ``SYNCHRO_BATCH_SIGNALS`` says so, before its links are written.

        Returns:
            The owners, each with its targets; those for which there was no time are in ``_left``.
        """
        if not self._sends_signals(shape) or not links_are_observed(shape.through):
            return []
        targets: dict[Any, set[Any]] = {}
        for owner, target in pairs:
            if owner not in self._left:
                targets.setdefault(owner, set()).add(target)
        rows = rows_with(shape.source_model, self._remote, pk=list(targets))
        owned = [(owner, targets[owner.pk]) for owner in rows]
        announced = self._announced.before(owned, partial(self._send, shape, f"pre_{action}"), shape.through)
        self._left |= {owner.pk for owner, _ in owned[len(announced) :]}
        return list(announced)

    def _send(self, shape: LinkShape, action: str, owned: _Owned) -> None:
        send_m2m(shape, *owned, self._remote, action)

    def _announce_done(self, shape: LinkShape, announced: Sequence[_Owned], action: str) -> None:
        for each in announced:
            self._announced.after(partial(self._send, shape, f"post_{action}"), each, shape.through)
        self._announced.done(len(announced), shape.through)

    def _present(self, shape: LinkShape, pairs: Iterable[tuple[Any, Any]]) -> dict[tuple[Any, Any], Any]:
        return linked_pairs(shape.through, shape.ends, self._remote, pairs)
