"""Adding and removing many-to-many links, owner by owner, as the related manager would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Model

from .changes import Change
from .local import LinkTask, load_instances
from .parts import Parts
from .rows import rows_of
from .shape import root_of, shape_of
from .target import reraise_if_hopeless
from .writing import save_link


class Links:
    """Writes the links of a batch.

    Args:
        parts: the batch's parts.
        ensure: returns the remote key of a local object, bringing it along if it is not there.
    """

    def __init__(self, parts: Parts, ensure: Callable[[type[Model], Any], Any]) -> None:
        self._parts = parts
        self._remote = parts.target.remote
        self._ensure = ensure

    def apply(self, task: LinkTask) -> LinkTask | None:
        """Apply the links of one owner; return what is left to try again."""
        shape, label = task.shape, task.shape.through._meta.label
        remaining = LinkTask(shape, task.owner, one_way=task.one_way)
        for add in (False, True):
            keys: dict[Any, tuple[Any, Change]] = {}
            owner: Model | None = None
            for key, (exists, change) in task.targets.items():
                if exists is not add:
                    continue
                try:
                    ends = self._link_ends(task, key, add)
                    if ends is not None:
                        owner, target_key = ends
                        keys[target_key] = (key, change)
                    self._parts.result.failed.pop(change, None)
                except Exception as error:
                    reraise_if_hopeless(error, self._remote)
                    self._parts.result.failed[change] = error
                    remaining.targets[key] = (exists, change)
            if owner is None or self._parts.target.dry_run:
                self._parts.result.report.count(
                    label, "created" if add else "deleted", len(keys) if owner is not None else 0
                )
                continue
            try:
                with transaction.atomic(using=self._remote):
                    mirrored = {target_key for target_key, (key, _) in keys.items() if key not in task.one_way}
                    done = save_link(shape, owner, keys, self._remote, add=add, mirrored=mirrored)
                self._parts.rows.clear()  # receivers
                self._parts.result.report.count(label, "created" if add else "deleted", done)
                self._parts.result.report.count(label, "unchanged", len(keys) - done)
            except Exception as error:
                reraise_if_hopeless(error, self._remote)
                for key, change in keys.values():
                    self._parts.result.failed[change] = error
                    remaining.targets[key] = (add, change)
        return remaining if remaining.targets else None

    def _link_ends(self, task: LinkTask, key: Any, add: bool) -> tuple[Model, Any] | None:
        """Return the owner's remote row and the target's remote key, or ``None`` when there is nothing to unlink."""
        shape = task.shape
        if add:
            owner_key = self._ensure(shape.source_model, task.owner)
            target_key = self._ensure(shape.target_model, key)
        else:
            owner_key = self._find_end(shape.source_model, task.owner)
            target_key = self._find_end(shape.target_model, key)
            if owner_key is None or target_key is None:
                return None
        owner = rows_of(shape.source_model, self._remote).filter(pk=owner_key).first()
        if owner is None and self._parts.target.dry_run:
            owner = shape.source_model(pk=owner_key)
        return (owner, target_key) if owner is not None else None

    def _find_end(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of an object that is still there on LOCAL; a deleted one takes its links along."""
        instance = load_instances(root_of(model), [key]).get(key)
        return self._parts.match(shape_of(type(instance)), instance) if instance is not None else None
