"""Reading LOCAL: what the changed objects are now, in a few queries for a batch."""

from __future__ import annotations

import decimal
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import connections
from django.db.models import ManyToManyField, Model
from django.db.models.fields.composite import CompositePrimaryKey

from ..capture.tables import decode_value, kind_of, stored_fields
from ..conf import LOCAL
from ..exceptions import ObjectNotApplied
from ..unnamed import unnamed_on
from .changes import Change, FormerKey, divided
from .params import plain_type
from .raw_keys import is_of_one_object, may_hide, there_as_text
from .relations import links_to_children
from .rows import as_read, instances_of, needs_database, rows_with
from .shape import (
    GenericKey,
    Shape,
    Unreadable,
    concrete_of,
    gives_keys_again,
    is_findable,
    model_of,
    not_findable,
    read_key,
    read_keys,
    root_of,
    shape_of,
    why_not_findable,
)
from .target import BatchBroken
from .utc import zone_of
from .window import highest_id

#: Keys that are looked for at a time. Of some kinds each column is a parameter, of which SQLite takes 32,766 at once;
#: of keys of several columns each is a level of an expression, which may have 1,000 there.
_LOOKED_FOR = 500


@dataclass
class ObjectTask:
    """One object to bring to the remote.

    Attributes:
        shape: its most derived model.
        key: its primary key at the root of its inheritance.
        change: what the log says; ``None``: nothing, another object needs this one.
        instance: the local row as it is now; ``None``: it is gone.
        keep_parents: the child row is gone, but its parent row is still there.
    """

    shape: Shape
    key: Any
    change: Change | None
    instance: Model | None
    keep_parents: bool = False

    @property
    def position(self) -> int:
        """Upserts stand at the object's first log row, deletes at its last."""
        assert self.change is not None
        return self.change.first if self.instance is not None else self.change.last


@dataclass(frozen=True)
class LinkShape:
    """An automatic many-to-many table.

    ``doubtful`` are those of its foreign keys that may hold what cannot be looked up.
    """

    through: type[Model]
    field: ManyToManyField[Any, Any]
    source_model: type[Model]
    source_attname: str
    target_model: type[Model]
    target_attname: str
    doubtful: tuple[Any, ...] = ()

    @property
    def ends(self) -> tuple[str, str]:
        """The attribute names of both ends."""
        return self.source_attname, self.target_attname

    def why_not_findable(self, values: Mapping[str, Any]) -> str | None:
        """Return what is to be told of a link, given by its attributes, whose ends cannot be looked up."""
        for end in self.doubtful:
            if not is_findable(end, value := values.get(end.attname)):
                return not_findable(end, value)
        return None


@dataclass
class LinkTask:
    """Links of one owner in one automatic many-to-many table.

    Attributes:
        shape: the table.
        owner: local key of the object on the declaring side.
        targets: local keys at the other end, each with whether the link exists now, and its change.
        one_way: those of them whose mirrored link, in a symmetrical table, is in another state.
    """

    shape: LinkShape
    owner: Any
    targets: dict[Any, tuple[bool, Change]] = field(default_factory=dict)
    one_way: set[Any] = field(default_factory=set)

    @property
    def position(self) -> int:
        return min(change.first for _, change in self.targets.values())


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
    by_label: dict[str, list[Change]] = {}
    for change in changes:
        by_label.setdefault(change.label, []).append(change)
    by_model: dict[type[Model], list[Change]] = {}
    for label, alike in by_label.items():
        if (model := model_of(label)) is not None:
            by_model.setdefault(model, []).extend(alike)
    objects: dict[tuple[type[Model], Any, type[Model] | None], ObjectTask] = {}
    tasks: list[ObjectTask | LinkTask] = []
    vanished: list[Change] = []
    errors = unreadable if unreadable is not None else {}
    for model, changed in by_model.items():
        if model._meta.auto_created:
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


def without_a_row(changes: Iterable[Change]) -> list[Change]:
    """Return those changes whose row LOCAL does not have any more."""
    by_label: dict[str, list[Change]] = {}
    for change in changes:
        by_label.setdefault(change.label, []).append(change)
    gone: list[Change] = []
    for label, alike in by_label.items():
        if (model := model_of(label)) is None:
            continue
        for start in range(0, len(alike), _LOOKED_FOR):
            gone += _without_a_row(model, alike[start : start + _LOOKED_FOR])
    return gone


def _without_a_row(model: type[Model], changes: Sequence[Change]) -> list[Change]:
    keys = {change: read_key(model, change.key, zone_of(LOCAL)) for change in changes}
    there = set(rows_with(model, LOCAL, pk=list(keys.values())).values_list("pk", flat=True))
    missing = {change: key for change, key in keys.items() if key not in there}
    hidden = _hidden(model, missing)
    return [change for change in missing if change not in hidden]


def _hidden(model: type[Model], missing: Mapping[Change, Any]) -> set[Change]:
    """Return those whose rows are there, though their keys cannot be read, or find nothing."""
    doubtful = [change for change, key in missing.items() if isinstance(key, Unreadable) or may_hide(LOCAL, model)]
    there = there_as_text(LOCAL, model, [change.key for change in doubtful]) if doubtful else ()
    return {change for change in doubtful if change.key in there}


def load_instances(
    model: type[Model], keys: Iterable[Any], unreadable: dict[Any, Exception] | None = None
) -> dict[Any, Model]:
    """Read rows of LOCAL by primary key, past every manager; each as its most derived model.

    Args:
        model: the model.
        keys: local keys.
        unreadable: takes the keys of rows that cannot be read, with the errors; without it, they are raised.
    """
    wanted = [key for key in dict.fromkeys(keys) if not isinstance(key, FormerKey)]
    if not wanted:
        return {}
    found: dict[Any, Model] = {row.pk: row for row in _read_rows(model, wanted, unreadable)}
    for link in links_to_children(model):
        child: type[Model] = link.model
        if link.primary_key:
            found.update(load_instances(child, found, unreadable))
        else:  # one of several parents: the child shares another one's key
            keys = dict(rows_with(child, LOCAL, **{link.attname: found}).values_list("pk", link.attname))
            found.update({keys[key]: row for key, row in load_instances(child, keys).items()})
    return found


def _read_rows(model: type[Model], keys: Sequence[Any], unreadable: dict[Any, Exception] | None) -> list[Any]:
    """Read rows; where one spoils the query, halve it until the guilty one is alone."""
    try:
        rows = instances_of(rows_with(model, LOCAL, pk=keys))
        _require_no_garbled_times(model, rows)
        return rows
    except Exception as error:
        if unreadable is None or not is_of_one_object(error):
            raise
        if len(keys) == 1:
            unreadable[keys[0]] = error
            return []
    middle = len(keys) // 2
    return [row for half in (keys[:middle], keys[middle:]) for row in _read_rows(model, half, unreadable)]


def logged_values(model: type[Model], text: str, alias: str = LOCAL) -> dict[str, Any]:
    """Read ``ChangeLog.old_values`` of a database: attribute names to values as an instance has them."""
    raw: dict[str, Any] = json.loads(text, parse_float=decimal.Decimal)
    zone = zone_of(alias)
    fields = [field for field in stored_fields(model) if field.column in raw]
    read = [field for field in fields if raw[str(field.column)] is not None and needs_database(field, alias)]
    values = {field.attname: decode_value(field, raw[str(field.column)], zone) for field in fields if field not in read}
    return values | (as_read(alias, read, text) if read else {})


def _require_no_garbled_times(model: type[Model], rows: Sequence[Any]) -> None:
    """Raise ``ValueError`` where a date or time is none: Django's converters for SQLite read it as NULL."""
    if connections[LOCAL].vendor != "sqlite":
        return
    names = [field.attname for field in model._meta.concrete_fields if kind_of(field) in _TIMES]
    doubtful = {name: [row.pk for row in rows if row.__dict__.get(name) is None] for name in names}
    for name, keys in doubtful.items():
        if keys and rows_with(model, LOCAL, pk=keys).filter(**{f"{name}__isnull": False}).exists():
            raise ValueError(f"{name} is no date or time")


_TIMES = frozenset({"DateField", "DateTimeField", "TimeField"})


def rebuilt(shape: Shape, key: Any, old_values: dict[str, Any]) -> Model:
    """Return an instance of LOCAL as it was, from the values that a trigger stored; others are deferred."""
    parts = key if shape.composite_key and isinstance(key, tuple) else [key] * len(shape.key)
    values = {field.attname: part for field, part in zip(shape.key, parts, strict=True)} | old_values
    # from_db() takes values in the order of the fields.
    names = [field.attname for field in shape.model._meta.concrete_fields if field.attname in values]
    with unnamed_on(LOCAL):
        return shape.model.from_db(LOCAL, names, [values[name] for name in names])


def _object_tasks(
    model: type[Model], changes: list[Change], kept_keys: Collection[str], unreadable: dict[Change, Exception]
) -> list[ObjectTask]:
    keys = dict(zip(changes, read_keys(model, [change.key for change in changes], zone_of(LOCAL)), strict=True))
    errors: dict[Any, Exception] = {}
    rows = load_instances(model, keys.values(), errors)
    for change, key in keys.items():
        if key in errors:
            unreadable[change] = ObjectNotApplied(f"it cannot be read on {LOCAL!r}: {errors[key]}")
    missing = {change: key for change, key in keys.items() if key not in rows and change not in unreadable}
    # One that was deleted, as the log says, need not be looked for; unless its key cannot be read anyway.
    looked_for = {change: key for change, key in missing.items() if not change.deleted or isinstance(key, Unreadable)}
    for change in _hidden(model, looked_for) if looked_for else ():
        what = "cannot be read" if isinstance(keys[change], Unreadable) else "is stored in a form that finds no row"
        unreadable[change] = ObjectNotApplied(f"its primary key {what} on {LOCAL!r}")
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
            until = until or highest_id(LOCAL)
            change = replace(change, read_until=until)
        if row is not None and change.deleted:  # whose insert is logged further on, but no further than this
            until = until or highest_id(LOCAL)
            if change.certain and gives_keys_again(model, kept_keys):
                former, change = divided(replace(change, ended=until))
                change.logged = False
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
    return set(rows_with(root, LOCAL, pk=keys).values_list("pk", flat=True))


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


def generic_target(generic: GenericKey, instance: Model, alias: str = LOCAL) -> tuple[type[Model], Any] | None:
    """Return model and key that a generic foreign key points to; ``None``: to nothing that could be translated.

    Args:
        generic: the key.
        instance: the object that points.
        alias: the database that it is of.
    """
    from django.contrib.contenttypes.models import ContentType

    type_id, value = instance.__dict__.get(generic.type_attname), instance.__dict__.get(generic.object_attname)
    if type_id is None or value is None:
        return None
    try:
        model = ContentType.objects.db_manager(alias).get_for_id(type_id).model_class()
    except ContentType.DoesNotExist:
        return None
    if model is None:
        return None
    concrete = concrete_of(model)
    key = read_key(concrete, str(value))
    return (concrete, key) if not isinstance(concrete._meta.pk, CompositePrimaryKey) else None


# Links --------------------------------------------------------------------------------------------


def link_shape(through: type[Model]) -> LinkShape:
    """Describe an automatic through model."""
    declaring: Any = through._meta.auto_created
    found = next(field for field in declaring._meta.local_many_to_many if field.remote_field.through is through)
    source: Any = through._meta.get_field(found.m2m_field_name())
    target: Any = through._meta.get_field(found.m2m_reverse_field_name())
    return LinkShape(
        through,
        found,
        concrete_of(source.remote_field.model),
        source.attname,
        concrete_of(target.remote_field.model),
        target.attname,
        tuple(end for end in (source, target) if plain_type(end) is None),
    )


def _link_tasks(
    shape: LinkShape, changes: list[Change], unreadable: dict[Change, Exception]
) -> tuple[list[LinkTask], list[Change]]:
    pairs, vanished = _logged_pairs(shape, changes, unreadable)
    symmetrical = shape.field.remote_field.symmetrical
    # Of a symmetrical link both rows are looked at.
    owners = {owner for owner, _ in pairs} | ({target for _, target in pairs} if symmetrical else set())
    links = rows_with(shape.through, LOCAL, **{shape.source_attname: owners}).values_list(*shape.ends)
    linked = {pair for pair in links if shape.why_not_findable(dict(zip(shape.ends, pair, strict=True))) is None}
    tasks: dict[Any, LinkTask] = {}
    for (owner, target), change in pairs.items():
        exists, mirror_exists = (owner, target) in linked, (target, owner) in linked
        if symmetrical and exists is mirror_exists and target in tasks and owner in tasks[target].targets:
            continue  # the mirrored row; ``add()`` speaks of one direction
        task = tasks.setdefault(owner, LinkTask(shape, owner))
        task.targets[target] = (exists, change)
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
    keys = {change: read_key(shape.through, change.key, zone_of(LOCAL)) for change in changes}
    rows = {row.pk: row for row in rows_with(shape.through, LOCAL, pk=list(keys.values()))}
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
