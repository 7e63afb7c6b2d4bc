"""Many-to-many links that nobody observes, added and removed many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import Model

from ..conf import LOCAL
from .local import LinkShape, LinkTask
from .observed import links_are_observed
from .order import At
from .parts import Parts
from .rows import linked_pairs, rows_with
from .shape import root_of
from .statements import insert_rows
from .target import reraise_if_hopeless
from .writing import send_m2m


class BulkLinks:
    """Writes the unobserved links of a batch, with a fixed number of queries for each table."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._remote = parts.target.remote

    def is_observed(self, task: LinkTask) -> bool:
        """Tell whether somebody would notice how the links are written."""
        return links_are_observed(task.shape.through) and not self._sends_signals(task.shape)

    def _sends_signals(self, shape: LinkShape) -> bool:
        # Links are announced as the model says that declares them.
        declaring: Any = shape.through._meta.auto_created
        return declaring._meta.label in self._parts.target.batch_signals

    def apply(self, tasks: Sequence[LinkTask]) -> list[LinkTask]:
        """Add and remove links; return those tasks that are done."""
        by_shape: dict[LinkShape, list[LinkTask]] = {}
        for task in tasks:
            by_shape.setdefault(task.shape, []).append(task)
        return [task for shape, alike in by_shape.items() for task in self._link_alike(shape, alike)]

    def _link_alike(self, shape: LinkShape, tasks: Sequence[LinkTask]) -> list[LinkTask]:
        gone = self._gone_ends(shape, tasks)
        adding: dict[tuple[Any, Any], bool] = {}
        removing: dict[tuple[Any, Any], bool] = {}
        done: list[LinkTask] = []
        for task in tasks:
            owner = self._parts.identity.known(shape.source_model, task.owner)
            pairs: list[tuple[bool, tuple[Any, Any], bool]] = []
            for key, (exists, _) in task.targets.items():
                target = self._parts.identity.known(shape.target_model, key)
                if owner is not None and target is not None:
                    pairs.append((exists, (owner, target), key not in task.one_way))
                elif exists or not {(shape.source_model, task.owner), (shape.target_model, key)} & gone:
                    break
            else:
                for exists, pair, mirrored in pairs:
                    (adding if exists else removing)[pair] = mirrored
                done.append(task)
        try:
            with transaction.atomic(using=self._remote):
                added = self._add_links(shape, adding)
                removed = self._remove_links(shape, removing)
        except Exception as error:
            reraise_if_hopeless(error, self._remote)
            return []
        label = shape.through._meta.label
        for what, number in {
            "created": added,
            "deleted": removed,
            "unchanged": len(adding) + len(removing) - added - removed,
        }.items():
            self._parts.result.report.count(label, what, number)
        for task in done:
            for _, change in task.targets.values():
                self._parts.result.failed.pop(change, None)
        return done

    def _gone_ends(self, shape: LinkShape, tasks: Sequence[LinkTask]) -> set[At]:
        """Return the ends of removed links that LOCAL does not have any more: their links have gone with them."""
        unknown: dict[type[Model], set[Any]] = {}
        for task in tasks:
            for key, (exists, _) in task.targets.items():
                for model, end in ((shape.source_model, task.owner), (shape.target_model, key)):
                    if not exists and self._parts.identity.known(model, end) is None:
                        unknown.setdefault(model, set()).add(end)
        gone: set[At] = set()
        for model, keys in unknown.items():
            there = set(rows_with(root_of(model), LOCAL, pk=keys).values_list("pk", flat=True))
            gone |= {(model, key) for key in keys - there}
        return gone

    def _add_links(self, shape: LinkShape, pairs: dict[tuple[Any, Any], bool]) -> int:
        if not pairs:
            return 0
        present = self._present(shape, pairs)
        missing = [pair for pair in pairs if pair not in present]
        if shape.field.remote_field.symmetrical:
            mirrored = [(target, owner) for owner, target in missing if owner != target and pairs[owner, target]]
            there = self._present(shape, mirrored)
            written = dict.fromkeys([*missing, *(pair for pair in mirrored if pair not in there)])
        else:
            written = dict.fromkeys(missing)
        if written:
            by_attname = {field.attname: field for field in shape.through._meta.concrete_fields}
            fields = [by_attname[shape.source_attname], by_attname[shape.target_attname]]
            with self._links_announced(shape, missing, "add"):
                insert_rows(self._remote, shape.through, fields, list(written))
        return len(missing)

    def _remove_links(self, shape: LinkShape, pairs: dict[tuple[Any, Any], bool]) -> int:
        if not pairs:
            return 0
        present = self._present(shape, pairs)
        going = [key for pair, key in present.items()]
        count = len(present)
        if shape.field.remote_field.symmetrical:
            mirrored = [(target, owner) for owner, target in present if pairs[owner, target]]
            going += list(self._present(shape, mirrored).values())
        if going:
            with self._links_announced(shape, present, "remove"):
                rows_with(shape.through, self._remote, pk=going)._raw_delete(self._remote)
        return count

    @contextmanager
    def _links_announced(self, shape: LinkShape, pairs: Iterable[tuple[Any, Any]], action: str) -> Iterator[None]:
        """Send ``m2m_changed`` for each owner before and after the block, where ``SYNCHRO_BATCH_SIGNALS`` says so."""
        if not self._sends_signals(shape) or not links_are_observed(shape.through):
            yield
            return
        targets: dict[Any, set[Any]] = {}
        for owner, target in pairs:
            targets.setdefault(owner, set()).add(target)
        owners = list(rows_with(shape.source_model, self._remote, pk=list(targets)))
        for owner in owners:
            send_m2m(shape, owner, targets[owner.pk], self._remote, f"pre_{action}")
        yield
        for owner in owners:
            send_m2m(shape, owner, targets[owner.pk], self._remote, f"post_{action}")

    def _present(self, shape: LinkShape, pairs: Iterable[tuple[Any, Any]]) -> dict[tuple[Any, Any], Any]:
        return linked_pairs(shape.through, shape.ends, self._remote, pairs)
