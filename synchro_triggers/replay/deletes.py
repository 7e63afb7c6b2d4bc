"""Deleting objects one by one, through the ORM, without what LOCAL still has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, connections
from django.db.models import Model

from ..conf import LOCAL
from ..exceptions import ObjectNotApplied
from .cascades import let_go, taken_along
from .local import ObjectTask, load_instances, logged_values, rebuilt
from .parts import Parts
from .raw_keys import there_as_text
from .relations import links_to, links_to_children, refers_to_itself
from .rows import rows_of
from .shape import OtherParent, Unreadable, parents_of, root_of, shape_of
from .target import NotYet
from .writing import delete


class Deletes:
    """Deletes the objects of a batch.

    Args:
        parts: the batch's parts.
        refresh: brings the remote row of a local object up to date.
    """

    def __init__(self, parts: Parts, refresh: Callable[[Model], None]) -> None:
        self._parts = parts
        self._remote = parts.target.remote
        self._refresh = refresh

    def delete(self, task: ObjectTask, *, waits: bool) -> None:
        """Delete one object on the remote, if it is there.

        Args:
            task: a task without an instance.
            waits: something that points to the object could not be deleted.

        Raises:
            NotYet: it has to wait for others.
        """
        shape, key = task.shape, task.key
        remote_key = self._find_deleted(task)
        if remote_key is None:
            return
        if waits:
            raise NotYet("waits for the deletion of what points to it")
        assert task.change is not None
        row = self._row_to_delete(task, remote_key)  # locked before anybody asks who changed it
        conflict = self._parts.remote_changes.find(shape, key, remote_key, task.change) if row is not None else None
        if conflict is not None and self._parts.remote_changes.win(conflict, task.change, deletes=True):
            self._parts.leave_alone(shape, key, remote_key)
            return
        if row is not None and not self._parts.target.dry_run:
            staying = self._has_living_parents(row)
            self._spare_the_living(row, keep_parents=task.keep_parents or staying)
            pointing = let_go(row, self._remote) if task.keep_parents else []
            with self._parts.savepoints.one():
                self._parts.writes.begin()
                if task.keep_parents:
                    delete(row, self._remote, keep_parents=True)
                elif staying:
                    self._delete_without_living_parents(row)
                else:
                    self._parts.singles.delete(row, shape_of(type(row)))
                written = self._parts.writes.to_other_rows(type(row))
            if written - self._link_tables(type(row)) or refers_to_itself(type(row)):
                self._parts.rows.clear()  # a cascade, or a receiver
            for instance in pointing:
                if (living := self._living(instance)) is not None:
                    self._refresh(living)
        if row is not None:
            self._parts.result.report.count(type(row)._meta.label, "deleted")
        if not task.keep_parents:
            self._parts.identity.forget(shape.model, key)

    def _has_living_parents(self, row: Model) -> bool:
        """Tell whether LOCAL still has a parent's row, with a key of its own, of what is to be deleted."""
        return any(self._lives(parent, row) for parent in shape_of(type(row)).other_parents)

    def _lives(self, parent: OtherParent, row: Model) -> bool:
        key = self._parts.identity.claimed_by(parent.model, row.__dict__[parent.link.attname])
        return key is not None and rows_of(parent.model, LOCAL).filter(pk=key).exists()

    def _delete_without_living_parents(self, row: Model) -> None:
        """Delete an object, but not those parents' rows that LOCAL still has."""
        shape = shape_of(type(row))
        going = [(shape.root, row.pk)] if shape.root is not shape.model else []
        going += [
            (parent.model, row.__dict__[parent.link.attname])
            for parent in shape.other_parents
            if not self._lives(parent, row)
        ]
        delete(row, self._remote, keep_parents=True)
        for model, key in going:
            parent = rows_of(model, self._remote).filter(pk=key).first()
            if parent is not None:
                delete(parent, self._remote)

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
            others = [link.model for link in links_to_children(parent) if link.model not in line]
            if found is None or any(rows_of(model, self._remote).filter(pk=remote_key).exists() for model in others):
                found = self._parts.rows.take(parent, remote_key) or found
            line.append(parent)
        return found

    def _spare_the_living(self, row: Model, *, keep_parents: bool) -> None:
        """Bring what a delete would take along up to date first, where LOCAL still has it.

        Raises:
            NotYet: something that LOCAL still has would be taken along all the same.
        """
        for again in (False, True):
            found_any = False
            for instance in taken_along(row, self._remote, keep_parents=keep_parents):
                living = self._living(instance)
                if living is None:
                    continue
                found_any = True
                shape = shape_of(type(living))
                if again:
                    raise NotYet(
                        f"its deletion would take {shape.label} {living.pk!r} along, which {LOCAL!r} still has"
                    )
                self._refresh(living)
            if not found_any:
                return

    def _living(self, instance: Model) -> Model | None:
        """Return the local object that is this remote row, if there is one."""
        root = root_of(type(instance))
        key = self._parts.identity.local_key_of(instance)
        return load_instances(root, [key]).get(key) if key is not None else None

    def _find_deleted(self, task: ObjectTask) -> Any:
        shape, key = task.shape, task.key
        self._parts.identity.load(shape.model, [key])
        known = self._parts.identity.known(shape.model, key)
        assert task.change is not None
        if known is not None or task.change.created:
            return known
        if task.change.old_values:
            values = logged_values(shape.model, task.change.old_values[0])
            gone = rebuilt(shape, key, values)
            try:
                found = self._parts.identity.find_by_natural_key(gone)
            except (DatabaseError, ObjectNotApplied):
                raise
            except Exception as error:  # the user's natural_key() may need objects that are gone too
                raise ObjectNotApplied(f"its natural key cannot be told any more: {error}") from error
            if found is not None and not self._parts.belongs_to_another(shape, found, key):
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
