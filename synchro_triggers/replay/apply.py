"""Applying one batch of changes to the remote, inside one transaction there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import (
    DatabaseError,
    Error,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connections,
    transaction,
)
from django.db.models import Model, ProtectedError, QuerySet, RestrictedError

from ..capture.tables import decode_old_values, decode_value, encode_key
from ..conf import LOCAL
from ..exceptions import ObjectNotApplied
from .changes import Change
from .conflict_lookup import RemoteChanges
from .conflicts import Conflict, local_wins
from .identity import Identity
from .local import LinkTask, ObjectTask, load_instances, plan_tasks
from .report import SyncReport
from .shape import GenericKey, Shape, is_foreign_key, root_of, shape_of, target_of
from .uniqueness import park_unique_values
from .writing import differing, local_value, new_instance, save, save_link, set_values

#: Errors that may be gone when the rest of the batch has been applied.
_RETRIED = (IntegrityError, ProtectedError, RestrictedError)

Task = ObjectTask | LinkTask


class NotYet(ObjectNotApplied):
    """The object waits for another one that could not be applied."""


class BatchBroken(Exception):
    """The batch cannot be applied as a whole; its changes must be applied one by one."""


@dataclass(frozen=True)
class Target:
    """Where and how a run writes.

    Attributes:
        remote: the remote alias.
        source, node: the node ids of LOCAL and of the remote.
        policy: the conflict policy.
        kept_keys: labels of models that keep their primary key.
        logs: the remote captures its own changes, so that conflicts can be seen.
        dry_run: count, but write nothing.
    """

    remote: str
    source: str
    node: str
    policy: str | Callable[[Conflict], str]
    kept_keys: frozenset[str]
    logs: bool
    dry_run: bool = False


@dataclass
class BatchResult:
    """What a batch did: counts, and the changes that could not be applied, with their errors."""

    report: SyncReport = field(default_factory=SyncReport)
    failed: dict[Change, Exception] = field(default_factory=dict)


class Batch:
    """Applies changes in order; those that fail are tried again after the others, until a round brings nothing.

    Must run inside a transaction on the remote; writes references at its end, in that transaction.
    """

    def __init__(self, target: Target, changes: Sequence[Change]) -> None:
        self._target = target
        self._remote = target.remote
        self._result = BatchResult()
        self._identity = Identity(target.remote, target.source, target.node, target.kept_keys)
        self._tasks = plan_tasks(changes)
        self._pending: dict[tuple[type[Model], Any], ObjectTask] = {}
        self._under_way: set[tuple[type[Model], Any]] = set()
        self._fixups: list[tuple[Model, Shape, Any, type[Model], Any]] = []
        self._rows: dict[tuple[type[Model], Any], Model] = {}
        self._parked: set[Change] = set()
        self._errors: dict[tuple[type[Model], Any], Exception] = {}
        newest_only = target.policy == "newest"
        oldest = min((change.logged_at for change in changes), default=None)
        self._remote_changes = RemoteChanges(target.remote, oldest if newest_only else None)

    def apply(self) -> BatchResult:
        """Apply everything and return what was done.

        Raises:
            BatchBroken: one change spoils the batch; apply them one by one.
            OperationalError, InterfaceError: the connection or the server fails; nothing can go on.
        """
        self._prefetch()
        waiting = self._tasks
        while waiting:
            failed = self._round(waiting)
            retried = [task for task in failed if self._may_succeed_later(task)]
            if not failed or len(failed) == len(waiting) or not retried:
                if retried and not self._parked and self._park(retried):
                    waiting = failed
                    continue
                break
            waiting = failed
        if self._parked & self._result.failed.keys():
            raise BatchBroken  # a made-up value must not stay
        self._identity.store(stamp=self._target.logs)
        return self._result

    def _round(self, tasks: Sequence[Task]) -> list[Task]:
        self._pending = {
            (task.shape.root, task.key): task
            for task in tasks
            if isinstance(task, ObjectTask) and task.instance is not None
        }
        failed: list[Task] = []
        for task in tasks:
            if isinstance(task, LinkTask):
                remaining = self._apply_links(task)
                if remaining is not None:
                    failed.append(remaining)
            elif not self._apply_object(task):
                failed.append(task)
        return failed

    def _apply_object(self, task: ObjectTask) -> bool:
        at = (task.shape.root, task.key)
        if task.instance is not None and at not in self._pending:  # applied as somebody's target, or failed so
            return task.change not in self._result.failed
        self._pending.pop(at, None)
        try:
            if task.instance is not None:
                self._upsert(task.shape, task.instance, task.change)
            else:
                self._delete(task)
            self._run_fixups()
        except Exception as error:
            self._reraise_if_hopeless(error)
            self._fail(task.change, error)
            self._errors[at] = error
            return False
        self._result.failed.pop(task.change, None)
        self._errors.pop(at, None)
        return True

    def _fail(self, change: Change, error: Exception) -> None:
        self._result.failed[change] = error

    def _reraise_if_hopeless(self, error: Exception) -> None:
        """Let through what concerns the connection, not the object."""
        if isinstance(error, (BatchBroken, InterfaceError)):
            raise error
        if isinstance(error, OperationalError) and not concerns_schema(error):
            raise error
        if isinstance(error, Error) and not connections[self._remote].is_usable():
            raise error

    def _may_succeed_later(self, task: Task) -> bool:
        changes = [task.change] if isinstance(task, ObjectTask) else [change for _, change in task.targets.values()]
        errors = [self._result.failed.get(change) for change in changes]
        return any(isinstance(error, (*_RETRIED, NotYet)) for error in errors)

    def _park(self, tasks: Sequence[Task]) -> bool:
        """Free unique values that the remaining objects want of one another; tell whether any was freed."""
        if self._target.dry_run:
            return False
        stuck = []
        for task in tasks:
            if isinstance(task, ObjectTask) and task.instance is not None:
                remote_key = self._identity.known(task.shape.model, task.key)
                if remote_key is not None and isinstance(self._result.failed.get(task.change), IntegrityError):
                    stuck.append((task.shape, remote_key, task.instance))
                    self._parked.add(task.change)
        self._rows.clear()
        return park_unique_values(self._remote, stuck)

    # Reading ahead --------------------------------------------------------------------------------

    def _prefetch(self) -> None:
        """Read references, targets and remote rows of the whole batch in a few queries."""
        keys: dict[type[Model], set[Any]] = {}
        for task in self._tasks:
            if isinstance(task, LinkTask):
                keys.setdefault(root_of(task.shape.source_model), set()).add(task.owner)
                keys.setdefault(root_of(task.shape.target_model), set()).update(task.targets)
                continue
            keys.setdefault(task.shape.root, set()).add(task.key)
            for foreign_key in task.shape.foreign_keys if task.instance is not None else ():
                value = local_value(task.instance, foreign_key)
                model, attname = target_of(foreign_key)
                if value is not None and attname == root_of(model)._meta.pk.attname:  # type: ignore[union-attr]
                    keys.setdefault(root_of(model), set()).add(value)
        for root, wanted in keys.items():
            self._identity.load(root, wanted)
        rows: dict[Shape, list[Any]] = {}
        for task in self._tasks:
            if isinstance(task, ObjectTask):
                remote_key = self._identity.known(task.shape.model, task.key)
                if remote_key is None and self._identity.keeps_key(task.shape):
                    remote_key = self._identity.find_by_primary_key(task.shape, task.key)
                if remote_key is not None:
                    rows.setdefault(task.shape, []).append(remote_key)
        for shape, remote_keys in rows.items():
            for row in QuerySet(shape.model, using=self._remote).filter(pk__in=remote_keys):
                self._rows[shape.model, row.pk] = row
        if self._target.logs:
            self._load_remote_changes()

    def _load_remote_changes(self) -> None:
        by_model: dict[type[Model], list[Any]] = {}
        for task in self._tasks:
            if isinstance(task, ObjectTask):
                remote_key = (
                    self._identity.known(task.shape.model, task.key)
                    or self._identity.stale_reference(task.shape.model, task.key)
                    or (self._identity.keeps_key(task.shape) and task.key)
                )
                if remote_key:
                    for model in (*task.shape.model._meta.all_parents, task.shape.model):
                        by_model.setdefault(model, []).append(remote_key)
        for model, remote_keys in by_model.items():
            self._remote_changes.load(model._meta.label, remote_keys)

    def _remote_row(self, shape: Shape, remote_key: Any) -> Model | None:
        row = self._rows.pop((shape.model, remote_key), None)
        if row is None:
            row = QuerySet(shape.model, using=self._remote).filter(pk=remote_key).first()
        return row

    # Upserts --------------------------------------------------------------------------------------

    def _upsert(self, shape: Shape, instance: Model, change: Change | None) -> Any:
        """Create or update one object; return its remote key. Without a change: create it if it is missing."""
        key = instance.pk
        at = (shape.root, key)
        self._under_way.add(at)
        try:
            unfinished: list[tuple[Any, type[Model], Any]] = []
            values = self._remote_values(shape, instance, unfinished)
            remote_key = self._match(shape, instance)
            if change is not None and self._remote_wins(shape, key, remote_key, change):
                return remote_key
            row = self._remote_row(shape, remote_key) if remote_key is not None else None
            if row is None:
                row = self._create(shape, instance, values, remote_key)
                self._result.report.count(shape.label, "created")
            elif change is not None:
                self._update(shape, row, values, [field.attname for field, _, _ in unfinished])
        finally:
            self._under_way.discard(at)
        remote_key = row.pk
        self._identity.learn(shape.model, key, remote_key)
        for foreign_key, model, value in unfinished:
            self._fixups.append((row, shape, foreign_key, model, value))
        return remote_key

    def _match(self, shape: Shape, instance: Model) -> Any:
        """Return the key of the remote row that is this object, or ``None``."""
        key = instance.pk
        self._identity.load(shape.model, [key])
        known = self._identity.known(shape.model, key)
        if known is not None:
            return known
        found = self._identity.find_by_natural_key(instance)
        if found is not None and not self._belongs_to_another(shape, found, key):
            return found
        kept = self._identity.find_by_primary_key(shape, key)
        if kept is not None and self._identity.existing(shape.root, [kept]):
            return kept if not self._belongs_to_another(shape, kept, key) else None
        return None

    def _belongs_to_another(self, shape: Shape, remote_key: Any, key: Any) -> bool:
        other = self._identity.claimed_by(shape.model, remote_key)
        if other is None or other == key:
            return False
        waits = any(
            isinstance(task, ObjectTask) and task.shape.root is shape.root and task.key == other for task in self._tasks
        )
        return waits or QuerySet(shape.root, using=LOCAL).filter(pk=other).exists()

    def _remote_wins(self, shape: Shape, key: Any, remote_key: Any, change: Change) -> bool:
        """Tell whether the remote's own users changed the object and win; then it is left alone."""
        if not self._target.logs:
            return False
        at_remote = remote_key if remote_key is not None else self._identity.stale_reference(shape.model, key)
        if at_remote is None:
            return False
        models = [*shape.model._meta.all_parents, shape.model]
        if remote_key is not None and self._identity.known(shape.model, key) is None:
            for model in models:  # found by its natural key just now
                self._remote_changes.load(model._meta.label, [remote_key])
        met_at = self._identity.met_at(shape.model, key)
        remote_at = self._remote_changes.changed_at(models, at_remote, met_at)
        if remote_at is None:
            return False
        conflict = Conflict(shape.label, encode_key(key), encode_key(at_remote), change.logged_at, remote_at)
        if local_wins(conflict, self._target.policy):
            return False
        self._result.report.count(shape.label, "conflicts")
        if remote_key is not None:
            self._identity.learn(shape.model, key, remote_key)
        return True

    def _create(self, shape: Shape, instance: Model, values: dict[str, Any], remote_key: Any) -> Model:
        if remote_key is None:
            remote_key = self._identity.find_by_primary_key(shape, instance.pk)
        row = new_instance(shape, self._remote, remote_key, values)
        if self._target.dry_run:
            row.pk = remote_key if remote_key is not None else object()
            return row
        with transaction.atomic(using=self._remote):
            save(row, shape, self._remote, force_insert=True)
        return row

    def _update(self, shape: Shape, row: Model, values: dict[str, Any], unfinished: Sequence[str]) -> None:
        settled = {attname: value for attname, value in values.items() if attname not in unfinished}
        if not differing(row, settled) and not unfinished:
            self._result.report.count(shape.label, "unchanged")
            return
        self._result.report.count(shape.label, "updated")
        if self._target.dry_run:
            return
        try:
            with transaction.atomic(using=self._remote):
                self._refresh_skipped(shape, row)
                set_values(row, settled)
                save(row, shape, self._remote)
        except Exception:
            self._result.report.count(shape.label, "updated", -1)
            raise

    def _refresh_skipped(self, shape: Shape, row: Model) -> None:
        """Take the skipped fields' values as they are this moment: a receiver may have just written them."""
        if not shape.skipped:
            return
        names = [skipped.attname for skipped in shape.skipped]
        rows = QuerySet(shape.model, using=self._remote).filter(pk=row.pk)
        current = rows.select_for_update().values(*names).first()
        set_values(row, current or {})

    # Values ---------------------------------------------------------------------------------------

    def _remote_values(
        self, shape: Shape, instance: Model, unfinished: list[tuple[Any, type[Model], Any]]
    ) -> dict[str, Any]:
        """Return the values that the remote row shall have, by attribute name; brings targets along.

        Foreign keys to an object that is being written further up (a cycle) are put into ``unfinished``.
        """
        values: dict[str, Any] = {}
        for copied in shape.copied:
            value = local_value(instance, copied)
            if is_foreign_key(copied) and value is not None:
                value = self._translate(shape, instance, copied, value, unfinished)
            values[copied.attname] = value
        for part in shape.key:
            if is_foreign_key(part):
                self._translate(shape, instance, part, local_value(instance, part), unfinished)
        for generic in shape.generic_keys:
            values[generic.object_attname] = self._translate_generic(generic, instance)
        return values

    def _translate(
        self,
        shape: Shape,
        instance: Model,
        foreign_key: Any,
        value: Any,
        unfinished: list[tuple[Any, type[Model], Any]],
    ) -> Any:
        model, attname = target_of(foreign_key)
        key = value
        if attname != root_of(model)._meta.pk.attname:  # type: ignore[union-attr]  # to_field
            key = QuerySet(model, using=LOCAL).filter(**{attname: value}).values_list("pk", flat=True).first()
        if key is None or not self._known_or_local(model, key):
            if getattr(foreign_key, "db_constraint", True):
                raise ObjectNotApplied(f"its {foreign_key.name} {model._meta.label} {value!r} is missing on {LOCAL!r}")
            return value
        root = root_of(model)
        if (root, key) in self._under_way and self._identity.known(model, key) is None:
            unfinished.append((foreign_key, model, key))
            return self._provisional(foreign_key, model, key)
        remote_key = self._ensure(model, key)
        return value if key is not value and attname != root._meta.pk.attname else remote_key  # type: ignore[union-attr]

    def _provisional(self, foreign_key: Any, model: type[Model], key: Any) -> Any:
        """Return a value for a foreign key until its target, further up in a cycle, has got its key.

        Foreign keys are checked at the commit, so it need not exist: the key that the target will keep, else
        nothing, else a number that no key is.
        """
        kept = self._identity.find_by_primary_key(shape_of(root_of(model)), key)
        if kept is not None:
            return kept
        if foreign_key.null:
            return None
        if not isinstance(key, int):
            raise BatchBroken
        return -key - 1

    def _known_or_local(self, model: type[Model], key: Any) -> bool:
        self._identity.load(model, [key])
        if self._identity.known(model, key) is not None or (root_of(model), key) in self._under_way:
            return True
        return (root_of(model), key) in self._pending or QuerySet(model, using=LOCAL).filter(pk=key).exists()

    def _ensure(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of an object, bringing it along if it is not there."""
        root = root_of(model)
        self._identity.load(model, [key])
        known = self._identity.known(model, key)
        if known is not None:
            return known
        task = self._pending.get((root, key))
        if task is not None:
            self._apply_object(task)
        elif (root, key) not in self._errors:
            instance = load_instances(root, [key]).get(key)
            if instance is None:
                raise ObjectNotApplied(f"{model._meta.label} {key!r} is missing on {LOCAL!r}")
            self._upsert(shape_of(type(instance)), instance, None)
        known = self._identity.known(model, key)
        if known is None:
            reason = self._errors.get((root, key))
            raise NotYet(f"waits for {model._meta.label} {key!r}" + (f", which failed: {reason}" if reason else ""))
        return known

    def _translate_generic(self, generic: GenericKey, instance: Model) -> Any:
        from django.contrib.contenttypes.models import ContentType

        type_id, value = (
            instance.__dict__.get(generic.type_attname),
            instance.__dict__.get(generic.object_attname),
        )
        if type_id is None or value is None:
            return value
        model = ContentType.objects.db_manager(LOCAL).get_for_id(type_id).model_class()
        if model is None:
            return value
        model = model._meta.concrete_model
        assert model is not None
        key_field = shape_of(model).key[0]
        try:
            key = decode_value(key_field, value)
        except Exception:  # not a key of that model: a value of the user's own
            return value
        if not self._known_or_local(model, key):
            return value
        return generic.object_field.to_python(self._ensure(model, key))

    def _run_fixups(self) -> None:
        """Set the foreign keys that had to wait for a cycle to close."""
        while self._fixups and not self._under_way:
            row, shape, foreign_key, model, key = self._fixups.pop(0)
            remote_key = self._identity.known(model, key)
            if remote_key is None:
                raise BatchBroken
            if self._target.dry_run or row.__dict__.get(foreign_key.attname) == remote_key:
                continue
            set_values(row, {foreign_key.attname: remote_key})
            with transaction.atomic(using=self._remote):
                save(row, shape, self._remote, update_fields=[foreign_key.name])

    # Deletes --------------------------------------------------------------------------------------

    def _delete(self, task: ObjectTask) -> None:
        shape, key = task.shape, task.key
        remote_key = self._find_deleted(task)
        if remote_key is None:
            return
        if self._remote_wins(shape, key, remote_key, task.change):
            return
        row = self._remote_row(shape, remote_key)
        if row is not None and not self._target.dry_run:
            options = {"keep_parents": True} if task.keep_parents else {}
            with transaction.atomic(using=self._remote):
                row.delete(using=self._remote, **options)
            self._rows.clear()  # cascades
        if row is not None:
            self._result.report.count(shape.label, "deleted")
        if not task.keep_parents:
            self._identity.forget(shape.model, key)

    def _find_deleted(self, task: ObjectTask) -> Any:
        shape, key = task.shape, task.key
        self._identity.load(shape.model, [key])
        known = self._identity.known(shape.model, key)
        if known is not None or task.change.created:
            return known
        if task.change.old_values:
            values = decode_old_values(shape.model, task.change.old_values[0])
            gone = shape.model.from_db(LOCAL, list(values), list(values.values()))
            gone.__dict__.setdefault(shape.key[0].attname, key)
            try:
                found = self._identity.find_by_natural_key(gone)
            except (DatabaseError, ObjectNotApplied):
                raise
            except Exception as error:  # the user's natural_key() may need objects that are gone too
                raise ObjectNotApplied(f"its natural key cannot be told any more: {error}") from error
            if found is not None and not self._belongs_to_another(shape, found, key):
                return found
        kept = self._identity.find_by_primary_key(shape, key)
        if kept is not None and not self._belongs_to_another(shape, kept, key):
            return kept
        return None

    # Links ----------------------------------------------------------------------------------------

    def _apply_links(self, task: LinkTask) -> LinkTask | None:
        """Apply the links of one owner; return what is left to try again."""
        shape, label = task.shape, task.shape.through._meta.label
        remaining = LinkTask(shape, task.owner)
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
                    self._result.failed.pop(change, None)
                except Exception as error:
                    self._reraise_if_hopeless(error)
                    self._fail(change, error)
                    remaining.targets[key] = (exists, change)
            if owner is None or self._target.dry_run:
                self._result.report.count(label, "created" if add else "deleted", len(keys) if owner is not None else 0)
                continue
            try:
                with transaction.atomic(using=self._remote):
                    done = save_link(shape, owner, keys, self._remote, add=add)
                self._result.report.count(label, "created" if add else "deleted", done)
                self._result.report.count(label, "unchanged", len(keys) - done)
            except Exception as error:
                self._reraise_if_hopeless(error)
                for key, change in keys.values():
                    self._fail(change, error)
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
        owner = QuerySet(shape.source_model, using=self._remote).filter(pk=owner_key).first()
        if owner is None and self._target.dry_run:
            owner = shape.source_model(pk=owner_key)
        return (owner, target_key) if owner is not None else None

    def _find_end(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of an object that is still there on LOCAL; a deleted one takes its links along."""
        instance = load_instances(root_of(model), [key]).get(key)
        return self._match(shape_of(type(instance)), instance) if instance is not None else None


def concerns_schema(error: OperationalError) -> bool:
    """Tell SQLite's «no such column» from a locked file or a lost server: both are operational errors there."""
    text = str(error)
    return "no such" in text or "no column named" in text
