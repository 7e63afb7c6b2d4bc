"""Deleting objects one by one, through the ORM, without what LOCAL still has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.db import connections
from django.db.models import Model

from ...capture.keys import encode_key
from ...exceptions import ObjectNotApplied
from ..errors import NotYet
from ..identity.living import Living
from ..log.changes import Change
from ..plan.cascades import number_of_links
from ..plan.decisions import Action
from ..plan.order import At, at_of
from ..report import Told
from ..rows.local_rows import load_instances
from ..rows.raw_keys import may_hide, texts_that_hide
from ..rows.selecting import rows_of
from ..rows.utc import zone_of
from ..schema.keys import FormerKey
from ..schema.relations import children_with_other_parents, links_to, links_to_children, refers_to_itself
from ..schema.shape import Shape, parents_of, read_key, root_of, shape_of
from ..tasks import ObjectTask
from .going import Along, Going
from .one import delete
from .parts import Parts
from .pointing import Pointing
from .rings import Rings
from .sparing import Sparing
from .taken_over import children_left, drop_links_left


class Deletes:
    """Deletes the objects of a batch.

    Args:
        parts: the batch's parts.
        point: lets the remote row of a local object point to what that one points to, by one foreign key or by all.
        rings: cuts rings of deleted objects.
    """

    def __init__(self, parts: Parts, point: Callable[..., None], rings: Rings) -> None:
        self._parts, self._remote = parts, parts.context.remote
        self._living = Living(parts.identity)
        self._along = Along(self._remote)
        self._sparing = Sparing(parts, self._living, self._along, point, rings)
        self._pointing = Pointing(parts, self._living, point)
        self._hidden: dict[type[Model], dict[Any, str]] = {}
        self._gone: set[At] = parts.context.imagined_gone if parts.context.dry_run else set()

    def delete(self, task: ObjectTask, *, waits: bool) -> None:
        """Delete one object on the remote, if it is there.

        Args:
            task: a task without an instance.
            waits: something that points to the object could not be deleted.

        Raises:
            NotYet: it has to wait for others.
        """
        assert task.change is not None
        remote_key = self._parts.matching.match_deleted(task.shape, task.key, task.change)
        if remote_key is not None:
            self._delete_found(task, remote_key, waits=waits)
        elif not task.keep_parents:
            self._pointing.past_what_is_gone(task)
            self._parts.identity.forget(task.shape.model, task.key)

    def _delete_found(self, task: ObjectTask, remote_key: Any, *, waits: bool) -> None:
        if waits:
            raise NotYet("waits for the deletion of what points to it")
        row = self._row_to_delete(task, remote_key)  # locked before anybody asks who changed it
        if row is None:
            self._require_not_hidden(task, remote_key)
        elif not task.keep_parents and self._lives_on(task, row):
            # Two objects may have handed their natural keys round: then it is the other one's row that is left over.
            assert task.change is not None
            other = self._parts.matching.match_former_natural_keys(task.shape, task.key, task.change)
            if other not in (None, remote_key):
                self._delete_found(task, other, waits=waits)
            return
        else:
            row = row if task.keep_parents else self._child_that_leaves_a_parent(row)
            parents = self._parents_without_living(row) if not task.keep_parents else None
            going = Going(row, task.keep_parents, parents)
            if self._remote_wins(task, remote_key, going):
                self._parts.outcomes.note(Action.LEAVE, task.shape, task.key, remote_key)
                return
            if self._has_gone(task, remote_key):
                return
            try:
                self._delete_row(task, remote_key, going)
            except Exception:
                self._gone.discard((task.shape.root, remote_key))  # a dry run may try it again
                raise
        if not task.keep_parents:
            self._parts.identity.forget(task.shape.model, task.key)

    def _has_gone(self, task: ObjectTask, remote_key: Any) -> bool:
        """Note in a dry run that an object goes; tell whether it has gone before."""
        if not self._parts.context.dry_run or task.keep_parents:
            return False
        at = (task.shape.root, remote_key)
        if at in self._gone:
            return True
        self._gone.add(at)
        return False

    def _delete_row(self, task: ObjectTask, remote_key: Any, going: Going) -> None:
        """Delete a row, or, in a dry run, see what would go; tell what has gone."""
        if self._parts.context.dry_run:
            along = self._sparing.would_go_along(going, self._gone)
            links = self._links_going(going, along)
        else:
            if isinstance(task.key, FormerKey):
                self._pointing.to_who_has_the_number(going.row)
            with self._sparing.spared(going) as along:
                links = self._links_going(going, along)
                self._execute(going, along)
        count = self._parts.result.report.count
        count(type(going.row)._meta.label, Action.DELETE.counted_as)
        self._tell_what_went_along(along, (task.shape, remote_key), task.change)
        for through, rows in links.items():
            count(through._meta.label, Action.DELETE.counted_as, number_of_links(through, rows))

    def clear(self, children: Iterable[Model], shape: Shape, key: Any, remote_key: Any, change: Change | None) -> None:
        """Delete what an object that is gone has left at a row that another one takes over: children's rows and links.

        Args:
            children: those rows.
            shape, key: the local object that has the row from now on.
            remote_key: the row's.
            change: what LOCAL logged of it.
        """
        for child in children:
            self._delete_child(Going(child, keep_parents=True), change)
        drop_links_left(self._parts, shape, key, remote_key)

    def _delete_child(self, going: Going, change: Change | None) -> None:
        """Delete a child's row, and keep those of its parents: another object has them now, which ``change`` is of."""
        if self._parts.context.dry_run:
            along = self._sparing.would_go_along(going, self._gone)
        else:
            with self._sparing.spared(going) as along:
                self._execute(going, along)
        shape, remote_key = shape_of(type(going.row)), going.row.pk
        self._parts.result.report.count(shape.label, Action.DELETE.counted_as)
        self._tell_what_went_along(along, (shape, remote_key), change)

    def point_past(self, row: Model, former: Any) -> None:
        """Let what points to a row that another object has taken over point to what it points to on LOCAL.

        Args:
            row: the remote row.
            former: the local key of the object that had it, and is gone.

        Raises:
            BatchBroken: something cannot, so that the row must not be taken over either.
        """
        self._pointing.past(row, former)

    def _execute(self, going: Going, along: Sequence[Model]) -> None:
        """Delete a row and what it takes along; let what it has let go point to what it shall point to."""
        row = going.row
        emptied = self._along.emptied(going)
        with self._parts.savepoints.one():
            self._parts.writes.begin()
            if going.keep_parents:
                delete(row, self._remote, keep_parents=True)
            elif going.parents is not None:
                self._delete_without_living_parents(row, going.parents)
            else:
                self._parts.singles.delete(row, shape_of(type(row)))
            written = self._parts.writes.to_other_rows(type(row))
        if along or written - self._link_tables(type(row)) or refers_to_itself(type(row)):
            self._parts.rows.clear()  # a cascade, which the database may do by itself, or a receiver
        self._pointing.again(emptied)

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

    def _remote_wins(self, task: ObjectTask, remote_key: Any, going: Going) -> bool:
        """Tell whether the remote's users have changed the object, or parents' rows that go with it, and win."""
        remote_changes = self._parts.remote_changes
        if not task.keep_parents:
            parents = self._other_parents(going.row) if going.parents is None else going.parents
            remote_changes.load_parents(task.shape, task.key, parents)
        assert task.change is not None
        conflict = remote_changes.find(task.shape, task.key, remote_key, task.change)
        return conflict is not None and remote_changes.remote_wins(conflict, task.change, deletes=True)

    def _parents_without_living(self, row: Model) -> list[Model] | None:
        """Return the parents' rows that go with an object; ``None``: all, for LOCAL has none of them any more.

        LOCAL may still have a parent's row with a key of its own: that one stays.
        """
        shape, there = shape_of(type(row)), list(self._other_parents(row))
        living = self._living.keys_of(there)
        if not living:
            return None
        own = [self._row_of(shape.root, row.pk)] if shape.root is not shape.model else []
        return [parent for parent in (*own, *there) if parent is not None and at_of(parent) not in living]

    def _child_that_leaves_a_parent(self, row: Model) -> Model:
        """Return the row of a child that has another parent's row, too, which LOCAL still has; or the row itself.

        LOCAL may have deleted the parent's row past the child's: the log need not say that there was a child.
        """
        for model in children_with_other_parents(type(row)):
            child = self._row_of(model, row.pk)
            if child is not None and self._living.keys_of(self._other_parents(child)):
                return self._child_that_leaves_a_parent(child)
        return row

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

    def _links_going(self, going: Going, along: Iterable[Model]) -> Counter[type[Model]]:
        """Count the links that go with a row and what it takes along, by their tables."""
        links = self._along.links(going, along)
        if self._parts.context.dry_run:  # where they have gone already, they are still there
            links -= self._gone
            self._gone |= links
        return Counter(through for through, _ in links)

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
        self._pointing.past(row, task.key)
        return True

    def _tell_what_went_along(self, rows: Sequence[Model], gone: tuple[Shape, Any], change: Change | None) -> None:
        """Count what a cascade has taken, and name what the batch does not delete anyhow, or others have changed.

        Of the object itself, some of whose rows may be among them, it is told elsewhere who wins.
        """
        report, identity = self._parts.result.report, self._parts.identity
        objects: dict[At, type[Model]] = {}
        for row in rows:  # of multi-table inheritance each table's row is among them
            at = at_of(row)
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
            if not identity.log.is_going(root, key) or changed is not None:
                number = remote_key if key is None else getattr(key, "number", key)
                told = f"{self._remote!r} had it hang on {gone[0].label} {gone[1]}, which was deleted"
                told += "; its users there had changed it" if changed is not None else ""
                report.remark(Told.DELETED_ALONG, model._meta.label, encode_key(number), told)
