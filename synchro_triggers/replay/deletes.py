"""Deleting objects one by one, through the ORM, without what LOCAL still has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db import DatabaseError, connections
from django.db.models import Model, ProtectedError, RestrictedError

from ..capture.tables import encode_key
from ..conf import LOCAL
from ..exceptions import ObjectNotApplied
from ..key_texts import printable_key
from .already_there import there_by_natural_key
from .cascades import (
    hanging_loosely,
    is_part_of,
    let_go,
    links_going,
    number_of_links,
    pointing_past_cascades,
    protecting_rows,
    taken_along,
)
from .changes import Change, FormerKey
from .conflicts import Conflict
from .dangling import Dangling
from .database_cascades import DatabaseCascades
from .failures import describe
from .living import Living
from .local import ObjectTask, load_instances, logged_values, rebuilt
from .order import At
from .parts import Parts
from .raw_keys import may_hide, texts_that_hide, there_as_text
from .relations import links_to, links_to_children, may_be_pointed_past, refers_to_itself
from .report import Told
from .rings import Rings
from .rows import rows_of
from .shape import Shape, Unreadable, parents_of, read_key, root_of, shape_of
from .taken_over import children_left, drop_links_left
from .target import BatchBroken, NotYet, reraise_if_hopeless
from .unhashable import hangers_told, require_hashable
from .utc import zone_of
from .writing import delete, local_value, new_instance


class Deletes:
    """Deletes the objects of a batch.

    Args:
        parts: the batch's parts.
        point: lets the remote row of a local object point to what that one points to, by one foreign key or by all.
        rings: cuts rings of deleted objects.
    """

    def __init__(self, parts: Parts, point: Callable[..., None], rings: Rings) -> None:
        self._parts, self._rings = parts, rings
        self._remote = parts.target.remote
        self._point = point
        self._living = Living(parts.identity)
        self._database = DatabaseCascades(self._remote)
        self._dangling = Dangling(self._remote, parts.match)
        self._hidden: dict[type[Model], dict[Any, str]] = {}
        self._gone: set[At] = parts.target.imagined_gone if parts.target.dry_run else set()

    def delete(self, task: ObjectTask, *, waits: bool) -> None:
        """Delete one object on the remote, if it is there.

        Args:
            task: a task without an instance.
            waits: something that points to the object could not be deleted.

        Raises:
            NotYet: it has to wait for others.
        """
        remote_key = self._find_deleted(task)
        if remote_key is not None:
            self._delete_found(task, remote_key, waits=waits)
        elif not task.keep_parents:
            self._point_past_what_is_gone(task)
            self._parts.identity.forget(task.shape.model, task.key)

    def _point_past_what_is_gone(self, task: ObjectTask) -> None:
        """Let what points to a row that the remote's users have deleted point to who has its number on LOCAL now."""
        gone = self._parts.identity.stale_reference(task.shape.model, task.key)
        if gone is None or not isinstance(task.key, FormerKey) or self._parts.target.dry_run:
            return
        if not rows_of(task.shape.root, self._remote).filter(pk=gone).exists():  # nor have they given it again
            self._point_to_who_has_the_number(new_instance(task.shape, self._remote, gone, {}))

    def _delete_found(self, task: ObjectTask, remote_key: Any, *, waits: bool) -> None:
        if waits:
            raise NotYet("waits for the deletion of what points to it")
        shape, key = task.shape, task.key
        assert task.change is not None
        row = self._row_to_delete(task, remote_key)  # locked before anybody asks who changed it
        if row is None:
            self._require_not_hidden(task, remote_key)
        if row is not None and not task.keep_parents and self._lives_on(task, row):
            # Two objects may have handed their natural keys round: then it is the other one's row that is left over.
            other = self._find_by_former_natural_keys(task)
            if other not in (None, remote_key):
                self._delete_found(task, other, waits=waits)
            return
        parents = self._parents_without_living(row) if row is not None and not task.keep_parents else None
        conflict = self._conflict(task, remote_key, row, parents) if row is not None else None
        if conflict is not None and self._parts.remote_changes.win(conflict, task.change, deletes=True):
            self._parts.leave_alone(shape, key, remote_key)
            return
        if self._parts.target.dry_run and not task.keep_parents:
            if (shape.root, remote_key) in self._gone:
                return
            self._gone.add((shape.root, remote_key))
        along: list[Model] = []
        links: Counter[type[Model]] = Counter()
        if row is not None and self._parts.target.dry_run:
            along = self._would_go_along(row, task.keep_parents, parents)
            links = self._links_going(row, task.keep_parents, parents, along)
        elif row is not None:
            if isinstance(key, FormerKey):
                self._point_to_who_has_the_number(row)
            with self._dangling.put_back():
                along = self._spare_the_living(row, task.keep_parents, parents)
                links = self._links_going(row, task.keep_parents, parents, along)
                self._delete_row(row, task.keep_parents, parents, along)
        if row is not None:
            self._parts.result.report.count(type(row)._meta.label, "deleted")
            self._tell_what_went_along(along, (shape, remote_key), task.change)
            for through, rows in links.items():
                self._parts.result.report.count(through._meta.label, "deleted", number_of_links(through, rows))
        if not task.keep_parents:
            self._parts.identity.forget(shape.model, key)

    def clear(self, children: Iterable[Model], shape: Shape, key: Any, remote_key: Any, change: Change | None) -> None:
        """Delete what an object that is gone has left at a row that another one takes over: children's rows and links.

        Args:
            children: those rows.
            shape, key: the local object that has the row from now on.
            remote_key: the row's.
            change: what LOCAL logged of it.
        """
        for child in children:
            self._delete_child(child, change)
        drop_links_left(self._parts, shape, key, remote_key)

    def _delete_child(self, row: Model, change: Change | None) -> None:
        """Delete a child's row, and keep those of its parents: another object has them now, which ``change`` is of."""
        dry_run, shape, remote_key = self._parts.target.dry_run, shape_of(type(row)), row.pk
        along = self._would_go_along(row, True, None) if dry_run else self._spare_the_living(row, True, None)
        if not dry_run:
            self._delete_row(row, True, None, along)
        self._parts.result.report.count(shape.label, "deleted")
        self._tell_what_went_along(along, (shape, remote_key), change)

    def _point_to_who_has_the_number(self, row: Model) -> None:
        """Let what points to a row, and is left alone by its delete, point to the object that has its number now."""
        for living in self._living_among(pointing_past_cascades(row, self._remote)):
            self._point(living)

    def point_past(self, row: Model, former: Any) -> None:
        """Let what points to a row that another object has taken over point to what it points to on LOCAL.

        That may be nothing: no database minds where a generic key leads, or one without a constraint.

        Args:
            row: the remote row.
            former: the local key of the object that had it, and is gone.

        Raises:
            BatchBroken: something cannot, so that the row must not be taken over either.
        """
        if self._parts.target.dry_run or not may_be_pointed_past(type(row)):
            return
        root = root_of(type(row))
        key = read_key(root, former.number, zone_of(LOCAL)) if isinstance(former, FormerKey) else former
        self._parts.targets.look_whether_missing((root, key))
        leading = [*pointing_past_cascades(row, self._remote), *hanging_loosely(row, self._remote)]
        for living in self._living_among(leading):
            shape = shape_of(type(living))
            if all(at != (root, key) for _, at in self._parts.targets.fields_and_targets(shape, living)):
                continue
            try:
                self._point(living)
            except Exception as error:
                reraise_if_hopeless(error, self._remote)
                label, number = shape.label, printable_key(encode_key(living.pk))
                raise BatchBroken(
                    f"{label} {number}, which leads to what had its row, cannot lead elsewhere: {describe(error)}"
                ) from error

    def _delete_row(
        self, row: Model, keep_parents: bool, parents: Iterable[Model] | None, along: Sequence[Model]
    ) -> None:
        """Delete a remote row, and what it takes along; let what it has let go point to what it shall point to."""
        emptied = let_go(row, self._remote, keep_parents=keep_parents or parents is not None)
        for parent in parents or ():
            emptied |= let_go(parent, self._remote, keep_parents=False)
        with self._parts.savepoints.one():
            self._parts.writes.begin()
            if keep_parents:
                delete(row, self._remote, keep_parents=True)
            elif parents is not None:
                self._delete_without_living_parents(row, parents)
            else:
                self._parts.singles.delete(row, shape_of(type(row)))
            written = self._parts.writes.to_other_rows(type(row))
        if along or written - self._link_tables(type(row)) or refers_to_itself(type(row)):
            self._parts.rows.clear()  # a cascade, which the database may do by itself, or a receiver
        self._point_again(emptied)

    def _point_again(self, emptied: Mapping[Any, list[Model]]) -> None:
        """Let rows whose foreign keys a delete has emptied point to what LOCAL has them point to.

        Raises:
            BatchBroken: one cannot, so that the delete must not stay either.
        """
        for field, rows in emptied.items():
            unreadable: dict[At, Exception] = {}
            for living in self._living_among(rows, unreadable):
                if local_value(living, field) is None:
                    continue
                try:
                    self._point(living, field)
                except Exception as error:
                    reraise_if_hopeless(error, self._remote)
                    raise _would_empty(field, (shape_of(type(living)).model, living.pk), error) from error
            for at, reason in unreadable.items():  # nobody knows what it points to
                raise _would_empty(field, at, reason) from reason

    def _require_not_hidden(self, task: ObjectTask, remote_key: Any) -> None:
        """Raise ``ObjectNotApplied`` when a row is there under its key, in a form by which it is not found.

        What has a reference has been found before: its row is gone.
        """
        root, identity = task.shape.root, self._parts.identity
        if not may_hide(self._remote, root) or identity.stale_reference(root, task.key) is not None:
            return
        if root is not task.shape.model and rows_of(root, self._remote).filter(pk=remote_key).exists():
            return  # the parent's row, which is found: the child's own is not there
        if root not in self._hidden:
            zone = zone_of(self._remote)
            self._hidden[root] = {read_key(root, text, zone): text for text in texts_that_hide(self._remote, root)}
        if (text := self._hidden[root].get(remote_key)) is not None:
            raise ObjectNotApplied(
                f"it was deleted; {self._remote!r} has it too, and its primary key is stored there in a form that "
                f"finds no row ({text})"
            )

    def _conflict(
        self, task: ObjectTask, remote_key: Any, row: Model, parents: Iterable[Model] | None
    ) -> Conflict | None:
        """Return the conflict, where the remote's users have changed the object, or parents' rows that go with it."""
        if not task.keep_parents:
            going = self._other_parents(row) if parents is None else parents
            self._parts.remote_changes.load_parents(task.shape, task.key, going)
        assert task.change is not None
        return self._parts.remote_changes.find(task.shape, task.key, remote_key, task.change)

    def _parents_without_living(self, row: Model) -> list[Model] | None:
        """Return the parents' rows that go with an object; ``None``: all, for LOCAL has none of them any more.

        LOCAL may still have a parent's row with a key of its own: that one stays.
        """
        shape, there = shape_of(type(row)), list(self._other_parents(row))
        living = self._living.keys_of(there)
        if not living:
            return None
        own = [self._row_of(shape.root, row.pk)] if shape.root is not shape.model else []
        return [parent for parent in (*own, *there) if parent is not None and _at(parent) not in living]

    def _other_parents(self, row: Model) -> Iterator[Model]:
        """Yield the parents' rows of an object that have keys of their own."""
        for parent in shape_of(type(row)).other_parents:
            found = self._row_of(parent.model, row.__dict__[parent.link.attname])
            if found is not None:
                yield found

    def _row_of(self, model: type[Model], key: Any) -> Model | None:
        row: Model | None = rows_of(model, self._remote).filter(pk=key).first()
        return row

    def _delete_without_living_parents(self, row: Model, parents: Iterable[Model]) -> None:
        """Delete an object, and those of its parents' rows that LOCAL does not have any more."""
        delete(row, self._remote, keep_parents=True)
        for each in parents:
            parent = self._row_of(type(each), each.pk)
            if parent is not None:
                delete(parent, self._remote)

    def _taken_along(self, row: Model, keep_parents: bool, parents: Iterable[Model] | None) -> list[Model]:
        """Return what goes with a row, and with those of its parents' rows that are deleted apart from it."""
        with hangers_told(row, self._remote):
            along = self._all_taken_along(row, keep_parents, parents)
        require_hashable(along, self._remote)
        return along

    def _all_taken_along(self, row: Model, keep_parents: bool, parents: Iterable[Model] | None) -> list[Model]:
        along = list(taken_along(row, self._remote, keep_parents=keep_parents or parents is not None))
        for parent in parents or ():
            more = taken_along(parent, self._remote, keep_parents=False)
            along += [instance for instance in more if not is_part_of(instance, row)]
        by_database = self._database.taken_along(row, along, keep_parents=keep_parents or parents is not None)
        return [*along, *by_database]

    def _links_going(
        self, row: Model, keep_parents: bool, parents: Iterable[Model] | None, along: Iterable[Model]
    ) -> Counter[type[Model]]:
        """Count the links that go with a row and what it takes along, by their tables."""
        own_alone = keep_parents or parents is not None
        going = links_going([row, *(parents or ()), *along], self._remote, own_alone=own_alone)
        if self._parts.target.dry_run:  # where they have gone already, they are still there
            going -= self._gone
            self._gone |= going
        return Counter(through for through, _ in going)

    def _link_tables(self, model: type[Model]) -> set[str]:
        """Return the quoted names of the model's automatic many-to-many tables, whose rows are never read ahead."""
        quote = connections[self._remote].ops.quote_name
        return {quote(field.model._meta.db_table) for field in links_to(model)}

    def _row_to_delete(self, task: ObjectTask, remote_key: Any) -> Model | None:
        """Return the remote row to delete, as the model whose ``delete()`` takes all of it along.

        That is the parent's, where the object became a child after the two met for the last time, or where it is
        two children at once.
        """
        found = self._parts.rows.take(task.shape.model, remote_key)
        if task.keep_parents:
            return found
        line = [task.shape.model]
        for parent in parents_of(task.shape.model):
            # By their links: a child may have a key of its own.
            others = [link for link in links_to_children(parent) if link.model not in line]
            if found is None or any(
                rows_of(link.model, self._remote).filter(**{link.attname: remote_key}).exists() for link in others
            ):
                found = self._parts.rows.take(parent, remote_key) or found
            line.append(parent)
        return found

    def _lives_on(self, task: ObjectTask, row: Model) -> bool:
        """Tell whether the object has only changed its number: its natural key is that of a living one.

        The row is that one's now. A living one that has another row already has only taken the natural key over: then
        the row is the deleted one's all the same, and goes before that one can have its unique values.
        """
        model, identity = task.shape.model, self._parts.identity
        key = self._living.by_natural_key([row] if isinstance(row, model) else []).get(row.pk)
        if key is None:
            return False
        for living in load_instances(model, [key]).values():
            children = children_left(self._parts, task.shape, key, row.pk, type(living))
            self.clear(children, shape_of(type(living)), key, row.pk, task.change)
        if identity.known(model, key) is None:
            identity.learn(model, key, row.pk)
        identity.forget(model, task.key)
        self.point_past(row, task.key)
        return True

    def _spare_the_living(self, row: Model, keep_parents: bool, parents: Iterable[Model] | None) -> list[Model]:
        """Let what a delete would take along, and LOCAL still has, point to what it points to on LOCAL first.

        The rest of it stays as it is: nobody has changed it on LOCAL, but the remote's users may have.

        Returns:
            What it takes along then.

        Raises:
            NotYet: something that LOCAL still has would be taken along all the same: on LOCAL, too, it points to what
                is there, or must have a constraint.
        """
        pointed: set[At] = set()
        while True:
            try:
                along = self._taken_along(row, keep_parents, parents)
                protecting: Iterable[Any] = ()
            except (ProtectedError, RestrictedError) as error:
                # Nobody says through which rows: what points nowhere on LOCAL may be between.
                along, protecting, protection = list(hanging_loosely(row, self._remote)), protecting_rows(error), error
            living = self._living_among([*along, *protecting])
            new = [instance for instance in living if _at(instance) not in pointed]
            for instance in new:
                pointed.add(_at(instance))
                self._point(instance)
            if new:
                continue
            if self._dangling.set_aside(living) or (protecting and self._dangling.let_go_of_itself(row)):
                continue
            if self._rings.cut(row, protecting):
                continue
            if protecting:
                raise protection
            for instance in living:
                label = shape_of(type(instance)).label
                raise NotYet(f"its deletion would take {label} {instance.pk!r} along, which {LOCAL!r} still has")
            return along

    def _would_go_along(self, row: Model, keep_parents: bool, parents: Iterable[Model] | None) -> list[Model]:
        """Return what a delete would take along, in a dry run: what else would be deleted or moved is still there."""
        identity = self._parts.identity
        try:
            along = self._taken_along(row, keep_parents, parents)
        except (ProtectedError, RestrictedError) as error:
            staying = [at for at in map(_at, protecting_rows(error)) if at not in self._gone]
            if any(identity.claimed_by(*at) is None for at in staying):
                raise
            return []  # what protects it has moved away on LOCAL, or is deleted too
        living = self._living.keys_of(along)
        return [
            instance
            for instance in along
            if (at := (root_of(type(instance)), instance.pk)) not in living
            and not identity.is_going(at[0], identity.claimed_by(*at))
        ]

    def _living_among(self, rows: Iterable[Model], unreadable: dict[At, Exception] | None = None) -> list[Model]:
        """Return the local objects that remote rows are, where there are any.

        Args:
            rows: the remote rows.
            unreadable: takes those that cannot be read, with the errors; without it, they are raised.
        """
        keys: dict[type[Model], list[Any]] = {}
        for (root, _), key in self._living.keys_of(rows).items():
            keys.setdefault(root, []).append(key)
        found: list[Model] = []
        for root, some in keys.items():
            errors: dict[Any, Exception] | None = None if unreadable is None else {}
            found += load_instances(root, some, errors).values()
            if unreadable is not None and errors:
                unreadable.update(((root, key), error) for key, error in errors.items())
        return found

    def _tell_what_went_along(self, rows: Sequence[Model], gone: tuple[Shape, Any], change: Change | None) -> None:
        """Count what a cascade has taken, and name what the batch does not delete anyhow, or others have changed.

        Of the object itself, some of whose rows may be among them, it is told elsewhere who wins.
        """
        report, identity = self._parts.result.report, self._parts.identity
        objects: dict[At, type[Model]] = {}
        for row in rows:  # of multi-table inheritance each table's row is among them
            at = (root_of(type(row)), row.pk)
            if at not in objects or issubclass(type(row), objects[at]):
                objects[at] = type(row)
        parts = {
            (root_of(parent.model), row.__dict__.get(parent.link.attname))
            for row in rows
            for parent in shape_of(type(row)).other_parents
        }
        for (root, remote_key), model in objects.items():
            if (root, remote_key) in self._gone or (root, remote_key) in parts:
                continue
            self._gone.add((root, remote_key))
            report.count(model._meta.label, "deleted")
            key = identity.claimed_by(root, remote_key)
            asked = change if (root, remote_key) != (gone[0].root, gone[1]) else None
            changed = asked and self._parts.remote_changes.find(shape_of(model), key, remote_key, asked)
            if not identity.is_going(root, key) or changed is not None:
                number = remote_key if key is None else getattr(key, "number", key)
                told = f"{self._remote!r} had it hang on {gone[0].label} {gone[1]}, which was deleted"
                told += "; its users there had changed it" if changed is not None else ""
                report.remark(Told.DELETED_ALONG, model._meta.label, encode_key(number), told)

    def _require_natural_key_not_hidden(self, shape: Shape, gone: Model) -> None:
        there = there_by_natural_key(self._parts.target.spellings, self._parts.identity, shape, [gone])
        for error in there.values():
            raise ObjectNotApplied(f"it was deleted; {error}")

    def _find_deleted(self, task: ObjectTask) -> Any:
        shape, key = task.shape, task.key
        self._parts.identity.load(shape.model, [key])
        known = self._parts.identity.known(shape.model, key)
        assert task.change is not None
        if known is not None or task.change.created:
            return known
        found = self._find_by_former_natural_keys(task)
        if found is not None:
            return found
        if isinstance(key, Unreadable):
            if there_as_text(self._remote, shape.root, [key]):
                raise ObjectNotApplied(
                    f"it was deleted; its primary key is on {self._remote!r} too, and cannot be read there"
                )
            return None
        kept = self._parts.identity.find_by_primary_key(shape, key)
        if kept is not None and not self._parts.belongs_to_another(shape, kept, key):
            return kept
        return None

    def _find_by_former_natural_keys(self, task: ObjectTask) -> Any:
        """Return the row that has a natural key which the object had, and is no other object's.

        The remote may know it by the first one; where another object has that by now, by one of those that followed.
        """
        assert task.change is not None
        for number, old in enumerate(dict.fromkeys(task.change.old_values)):
            gone = rebuilt(task.shape, task.key, logged_values(task.shape.model, old))
            found = self._ask_by_natural_key(gone)
            if found is not None and not self._parts.belongs_to_another(task.shape, found, task.key):
                return found
            if found is None:
                self._require_natural_key_not_hidden(task.shape, gone)
                if number == 0:
                    return None
        return None

    def _ask_by_natural_key(self, gone: Model) -> Any:
        try:
            return self._parts.identity.find_by_natural_key(gone)
        except (DatabaseError, ObjectNotApplied):
            raise
        except Exception as error:  # the user's natural_key() may need objects that are gone too
            raise ObjectNotApplied(f"its natural key cannot be told any more: {error}") from error


def _at(instance: Model) -> At:
    return root_of(type(instance)), instance.pk


def _would_empty(field: Any, at: At, error: Exception) -> BatchBroken:
    """Return the error of a delete that would empty a foreign key of an object which LOCAL still has."""
    model, key = at
    return BatchBroken(
        f"its deletion would empty {field.name} of {model._meta.label} {printable_key(encode_key(key))}, "
        f"which {LOCAL!r} still has: {describe(error)}"
    )
