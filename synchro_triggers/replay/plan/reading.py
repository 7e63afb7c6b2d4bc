"""Reading LOCAL: what the changed objects are now, in a few queries for a batch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

from django.db.models import Model

from ...capture.tables import is_of_links
from ...conf import local_alias
from ...exceptions import ObjectNotApplied
from ..errors import BatchBroken, cannot_be_read
from ..log.absent import by_model, hidden_rows
from ..log.changes import Change, divided
from ..log.window import highest_id
from ..rows.local_rows import load_instances
from ..rows.selecting import rows_with
from ..rows.utc import doubling_zone, why_doubled, zone_of
from ..rows.values import logged_values
from ..schema.findable import why_not_findable
from ..schema.keys import FormerKey, Unreadable
from ..schema.link_shapes import LinkShape, link_shape
from ..schema.shape import Shape, gives_keys_again, read_key, read_keys, root_of, shape_of
from ..tasks import LinkTask, ObjectTask


def plan_tasks(
    changes: Iterable[Change],
    kept_keys: Collection[str] = (),
    unreadable: dict[Change, Exception] | None = None,
) -> tuple[list[ObjectTask | LinkTask], list[Change]]:
    """Read LOCAL for a batch of changes.

    Args:
        changes: coalesced changes; those of models that no longer exist are dropped.
        kept_keys: labels of models that keep their automatic keys.
        unreadable: takes those whose objects are there and cannot be read, with the errors.

    Returns:
        The tasks, in the order in which they are to be applied; and the changes of what LOCAL does not have although
        the log does not say that it was deleted: nothing is to be done for them.

    Raises:
        BatchBroken: one row is the parent of two different children at once.
    """
    objects: dict[tuple[type[Model], Any, type[Model] | None], ObjectTask] = {}
    tasks: list[ObjectTask | LinkTask] = []
    vanished: list[Change] = []
    errors = unreadable if unreadable is not None else {}
    for model, changed in by_model(changes).items():
        if is_of_links(model):
            links, unseen = _link_tasks(link_shape(model), changed, errors)
            tasks += links
            vanished += unseen
        else:
            for task in _object_tasks(model, changed, kept_keys, errors):
                _keep_most_derived(objects, task)
    for each in objects.values():
        assert each.change is not None
        if each.instance is None and not each.change.deleted:
            vanished.append(each.change)
        else:
            tasks.append(each)
    # Where both are logged by one row, an object is deleted before another one gets its links.
    return sorted(tasks, key=lambda task: (task.position, isinstance(task, LinkTask))), vanished


def _object_tasks(
    model: type[Model], changes: list[Change], kept_keys: Collection[str], unreadable: dict[Change, Exception]
) -> list[ObjectTask]:
    keys = dict(zip(changes, read_keys(model, [change.key for change in changes], zone_of(local_alias())), strict=True))
    errors: dict[Any, Exception] = {}
    rows = load_instances(model, keys.values(), errors)
    for change, key in keys.items():
        if key in errors:
            unreadable[change] = cannot_be_read(errors[key])
    missing = {change: key for change, key in keys.items() if key not in rows and change not in unreadable}
    # One that was deleted, as the log says, need not be looked for; unless its key cannot be read anyway.
    looked_for = {change: key for change, key in missing.items() if not change.deleted or isinstance(key, Unreadable)}
    for change in hidden_rows(model, looked_for) if looked_for else ():
        what = "cannot be read" if isinstance(keys[change], Unreadable) else "is stored in a form that finds no row"
        unreadable[change] = ObjectNotApplied(f"its primary key {what} on {local_alias()!r}")
    for change, key in keys.items() if rows else ():
        if key in rows and (reason := why_not_findable(rows[key])) is not None:
            unreadable[change] = ObjectNotApplied(reason)
    for change in unreadable:
        keys.pop(change, None)
    parents = _rows_of_root(model, [key for key in keys.values() if key not in rows])
    until = 0
    tasks = []
    for change, key in keys.items():
        row = rows.get(key)
        shape = shape_of(type(row) if row is not None else model)
        # Where the object has several parents, its key need not be the one that this table logged.
        own_key = row.pk if row is not None else key
        if row is not None and _is_told_elsewhere(model, shape, kept_keys):
            until = until or highest_id(local_alias())
            change = replace(change, read_until=until)
        if row is not None and change.deleted:  # whose insert is logged further on, but no further than this
            until = until or highest_id(local_alias())
            if change.certain and gives_keys_again(model, kept_keys):
                former, change = divided(replace(change, ended=change.last if change.logged else until))
                change.logged, change.read_until = False, until
                tasks.append(ObjectTask(shape_of(model), read_key(model, former.key), former, None))
            change = replace(change, last=max(change.last, until), deleted=False, certain=False)
        tasks.append(ObjectTask(shape, own_key, change, row, keep_parents=row is None and key in parents))
    return tasks


def _is_told_elsewhere(model: type[Model], shape: Shape, kept_keys: Collection[str]) -> bool:
    """Tell whether the log of another table than the model's says which object a row is: who has its key now.

    That is the root's, or, where the object has a key of its own, its own table's. What is said there is further on,
    but no further than the row that was read: what is written now is neither the one that had the key before, nor is
    it to be taken for that one in a later batch.
    """
    return root_of(model) is not shape.root or (model is not shape.root and gives_keys_again(shape.root, kept_keys))


def _rows_of_root(model: type[Model], keys: list[Any]) -> set[Any]:
    root = root_of(model)
    keys = [key for key in keys if not isinstance(key, FormerKey)]
    if root is model or not keys:
        return set()
    return set(rows_with(root, local_alias(), pk=keys).values_list("pk", flat=True))


def _keep_most_derived(
    objects: dict[tuple[type[Model], Any, type[Model] | None], ObjectTask], task: ObjectTask
) -> None:
    """Multi-table inheritance logs one object under several labels: keep one task, of the derived model."""
    # Where a child row alone is gone there are several things to do: remove it, and look at its parent.
    at = (task.shape.root, task.key, task.shape.model if task.keep_parents else None)
    known = objects.get(at)
    if known is None:
        objects[at] = task
        return
    keep, other = (task, known) if issubclass(task.shape.model, known.shape.model) else (known, task)
    if not issubclass(keep.shape.model, other.shape.model):
        raise BatchBroken(f"{keep.shape.label} {keep.key!r} is a {other.shape.label} as well: one after the other")
    assert keep.change is not None and other.change is not None
    changes = (keep.change, other.change)
    keep.change = replace(
        keep.change,
        first=min(change.first for change in changes),
        last=max(change.last for change in changes),
        read_until=max(change.read_until for change in changes),
        created=all(change.created for change in changes),
        logged_at=max(change.logged_at for change in changes),
        own=max(change.own for change in changes),
        attempts=max(change.attempts for change in changes),
        deleted=any(change.deleted for change in changes),
        certain=any(change.certain for change in changes),
        logged=all(change.logged for change in changes),
        other_rows=_other_rows(*changes) if keep.instance is not None else (),
    )
    objects[at] = keep


def _other_rows(change: Change, other: Change) -> tuple[tuple[str, str], ...]:
    rows = dict.fromkeys([*change.other_rows, *other.other_rows, (other.label, other.key)])
    rows.pop((change.label, change.key), None)
    return tuple(rows)


# Links --------------------------------------------------------------------------------------------


def _link_tasks(
    shape: LinkShape, changes: list[Change], unreadable: dict[Change, Exception]
) -> tuple[list[LinkTask], list[Change]]:
    pairs, vanished = _logged_pairs(shape, changes, unreadable)
    symmetrical = shape.field.remote_field.symmetrical
    # Of a symmetrical link both rows are looked at.
    owners = {owner for owner, _ in pairs} | ({target for _, target in pairs} if symmetrical else set())
    links = rows_with(shape.through, local_alias(), **{shape.source_attname: owners}).values_list("pk", *shape.ends)
    linked = {
        (owner, target): key
        for key, owner, target in links
        if shape.why_not_findable(dict(zip(shape.ends, (owner, target), strict=True))) is None
    }
    tasks: dict[Any, LinkTask] = {}
    for (owner, target), change in pairs.items():
        exists, mirror_exists = (owner, target) in linked, (target, owner) in linked
        if symmetrical and exists is mirror_exists and target in tasks and owner in tasks[target].targets:
            if change not in tasks[target].changes_of(owner):
                tasks[target].mirrors[owner] = change
            continue  # the mirrored row; ``add()`` speaks of one direction
        task = tasks.setdefault(owner, LinkTask(shape, owner))
        task.targets[target] = (exists, change)
        if exists:
            task.rows[target] = linked[owner, target]
        if symmetrical and exists is not mirror_exists:
            task.one_way.add(target)
    return list(tasks.values()), vanished


def _logged_pairs(
    shape: LinkShape, changes: list[Change], unreadable: dict[Change, Exception]
) -> tuple[dict[tuple[Any, Any], Change], list[Change]]:
    """Return every pair of ends that the changes speak of: the row's own now, and those that it had.

    And the changes whose row is not there although the log does not say that it was deleted: which pair it was, and
    whether it is gone for good, nobody knows.
    """
    keys = {change: read_key(shape.through, change.key, zone_of(local_alias())) for change in changes}
    rows = {row.pk: row for row in rows_with(shape.through, local_alias(), pk=list(keys.values()))}
    pairs: dict[tuple[Any, Any], Change] = {}
    vanished: list[Change] = []
    for change, key in sorted(keys.items(), key=lambda item: item[0].first):
        for old in change.old_values:
            values = logged_values(shape.through, old)
            if (reason := shape.why_not_findable(values)) is not None:
                if key in rows or not change.created:  # otherwise the remote has never had it
                    unreadable[change] = ObjectNotApplied(reason)
                continue
            pairs.setdefault((values.get(shape.source_attname), values.get(shape.target_attname)), change)
        if (row := rows.get(key)) is not None:
            if (reason := shape.why_not_findable(row.__dict__)) is not None:
                unreadable[change] = ObjectNotApplied(reason)
                continue
            pairs.setdefault((getattr(row, shape.source_attname), getattr(row, shape.target_attname)), change)
        elif not change.deleted:
            vanished.append(change)
    return {pair: change for pair, change in pairs.items() if None not in pair}, vanished


def without_doubled(
    alias: str, tasks: Iterable[ObjectTask | LinkTask], errors: dict[Any, Exception], failed: dict[Any, Exception]
) -> Iterator[ObjectTask | LinkTask]:
    """Yield the tasks whose objects can be stored.

    Args:
        errors, failed: take the errors of the others: by root model and key, and by change.
    """
    if doubling_zone(alias) is None:
        yield from tasks
        return
    for task in tasks:
        said = why_doubled(alias, task.instance) if isinstance(task, ObjectTask) and task.instance is not None else None
        if said is None:
            yield task
            continue
        assert isinstance(task, ObjectTask)
        error = errors[task.at] = ObjectNotApplied(said)
        if task.change is not None:
            failed[task.change] = error
