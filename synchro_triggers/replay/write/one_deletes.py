"""Deleting objects one by one, through the ORM, without what LOCAL still has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import Model

from ...capture.keys import encode_key
from ...capture.session import as_users_change
from ...conf import local_alias
from ...exceptions import ObjectNotApplied
from ..errors import NotYet
from ..log.changes import Change
from ..log.handed_on import LeftThere
from ..plan.cascades import number_of_links
from ..plan.conflicts import Decision
from ..plan.context import RunContext
from ..plan.decisions import Action, decide_delete
from ..report import Told
from ..rows.local_rows import load_instances
from ..rows.raw_keys import may_hide, texts_that_hide
from ..rows.selecting import rows_of
from ..rows.utc import zone_of
from ..rows.values import set_values
from ..schema.keys import FormerKey
from ..schema.observed import overrides_writing
from ..schema.relations import children_with_other_parents, links_to_children, refers_to_itself
from ..schema.shape import Shape, parents_of, read_key, root_of, shape_of
from ..tasks import At, ObjectTask, at_of
from .known import Known
from .one import delete, delete_child
from .one_statements import Singles
from .outcomes import Outcomes
from .pointing import Pointing
from .sparing import Going, Sparing
from .taken_over import Place, children_left, links_left


class Deletes:
    """Deletes the objects of a batch."""

    def __init__(
        self,
        context: RunContext,
        known: Known,
        singles: Singles,
        outcomes: Outcomes,
        sparing: Sparing,
        pointing: Pointing,
    ) -> None:
        self._dry_run, self._remote = context.dry_run, context.remote
        self._matching, self._identity, self._living = known.matching, known.identity, known.matching.living
        self._unseen = known.unseen
        self._remote_changes, self._rows, self._singles = known.remote_changes, known.rows, singles
        self._outcomes, self._sparing, self._pointing = outcomes, sparing, pointing
        self._hidden: dict[type[Model], dict[Any, str]] = {}
        self._gone: set[At] = context.imagined_gone if context.dry_run else set()

    def delete(self, task: ObjectTask, *, waits: bool) -> None:
        """Delete one object on the remote, if it is there.

        Args:
            task: a task without an instance.
            waits: something that points to the object could not be deleted.

        Raises:
            NotYet: it has to wait for others.
        """
        assert task.change is not None
        remote_key = self._matching.match_deleted(task.shape, task.key, task.change)
        if remote_key is not None and waits:
            raise NotYet("waits for the deletion of what points to it")
        if remote_key is not None:
            self._delete_found(task, task.change, remote_key)
        elif not task.keep_parents:
            self._pointing.past_what_is_gone(task)
            self._forget_unseen(task, task.change)

    def _delete_found(self, task: ObjectTask, change: Change, remote_key: Any) -> None:
        row = self._row_to_delete(task, remote_key)  # locked before anybody asks who changed it
        living = self._whose_it_is_now(task, row) if row is not None else None
        going = self._going(task, row) if row is not None and living is None else None
        action = decide_delete(
            there=row is not None,
            lives_on=living is not None,
            remote_wins=going is not None and self._remote_wins(task, change, remote_key, going),
            gone_before=self._dry_run and not task.keep_parents and (task.shape.root, remote_key) in self._gone,
        )
        if action is Action.LEAVE:
            self._outcomes.note(action, task.shape, task.key, remote_key)
            return
        if action is Action.HAND_ON:
            self._hand_on(task, change, row, living)
            # Two objects may have handed their natural keys round: then it is the other one's row that is left over.
            other = self._matching.match_former_natural_keys(task.shape, task.key, change)
            if other not in (None, remote_key):
                self._delete_found(task, change, other)
            return
        if action is Action.DELETE and going is not None:
            if self._is_taken_over(task, remote_key, going):
                return
            if self._stays_for_what_is_unseen(task, change, going):
                self._outcomes.note(Action.LEAVE, task.shape, task.key, remote_key)
                return
            try:
                self._delete_row(task, change, remote_key, going)
            except Exception:
                self._gone.discard((task.shape.root, remote_key))  # a dry run may try it again
                raise
        elif row is None:
            self._require_not_hidden(task, remote_key)
        if task.keep_parents:
            return
        if row is None:
            self._forget_unseen(task, change)
        else:
            self._identity.forget(task.shape.model, task.key)

    def _forget_unseen(self, task: ObjectTask, change: Change) -> None:
        """Note that an object is gone that the remote does not have: its users may have deleted it, and later."""
        self._remote_changes.find(task.shape, task.key, None, change)
        self._identity.forget_unseen(task.shape.model, task.key)

    def _going(self, task: ObjectTask, row: Model) -> Going:
        if task.keep_parents:
            return Going(row, self._remote, keep_parents=True)
        row = self._child_that_leaves_a_parent(row)
        return Going(row, self._remote, parents=self._parents_without_living(row))

    def _is_taken_over(self, task: ObjectTask, remote_key: Any, going: Going) -> bool:
        """Let what points to the row of a former object lead to who has its number now; tell if that has the row, too.

        It has where its key is that of another object, and so is the same on the remote: then there is nothing to
        delete any more.
        """
        if not isinstance(task.key, FormerKey) or self._dry_run:
            return False
        self._pointing.to_who_has_the_number(going.row)
        return self._identity.claimed_by(task.shape.root, remote_key) not in (None, task.key)

    def _stays_for_what_is_unseen(self, task: ObjectTask, change: Change, going: Going) -> bool:
        """Tell whether an object stays for what hangs on it that LOCAL has not seen, or has lost a conflict over."""
        if task.keep_parents or isinstance(task.key, FormerKey) or not self._unseen.may_hang_on(type(going.row)):
            return False
        return self._unseen.stays(task, change, going.row, self._sparing.hangers(going))

    def _delete_row(self, task: ObjectTask, change: Change, remote_key: Any, going: Going) -> None:
        """Delete a row, or, in a dry run, see what would go; tell what has gone."""
        if self._dry_run and not task.keep_parents:
            self._gone.add((task.shape.root, remote_key))
        along, links = self._execute(going)
        self._tell(going, along, (task.shape, remote_key), change)
        if not self._dry_run and not task.keep_parents:
            self._tell_what_is_left(type(going.row), task.key, remote_key)
        for through, rows in links.items():
            count = number_of_links(through, rows)
            self._outcomes.report.count(through._meta.label, Action.DELETE.counted_as, count)

    def clear(self, places: Iterable[Place], change: Change | None) -> None:
        """Delete what objects that are gone have left at rows that another one takes over: children's rows and links.

        The rows of those children's parents stay: the other object has them now.
        """
        for place in list(places):
            for child in children_left(self._matching, place):
                going = Going(child, self._remote, keep_parents=True)
                along, _ = self._execute(going)
                self._tell(going, along, (shape_of(type(child)), child.pk), change)
            for links in links_left(self._identity, place):
                if gone := links.count() if self._dry_run else links._raw_delete(self._remote):
                    count = number_of_links(links.model, gone)
                    self._outcomes.report.count(links.model._meta.label, Action.DELETE.counted_as, count)
                self._rows.forget_links()

    def _execute(self, going: Going) -> tuple[list[Model], Counter[type[Model]]]:
        """Delete a row; let what it has let go point to what it shall point to.

        Returns:
            What it has taken along, or would, in a dry run; and how many links of each table.
        """
        if self._dry_run:
            along = self._sparing.would_go_along(going, self._gone)
            links = going.links(along) - self._gone  # where they have gone already, they are still there
            self._gone |= links
            return along, Counter(through for through, _ in links)
        row = going.row
        with self._sparing.spared(going) as along:
            links, emptied = going.links(along), going.emptied()
            with self._singles.one(type(row), deletes=True) as written:
                if going.keep_parents:
                    delete_child(row, self._remote)
                elif going.parents is not None:
                    self._delete_without_living_parents(row, going.parents)
                else:
                    self._singles.delete(row, shape_of(type(row)))
            if along or written or refers_to_itself(type(row)):
                self._rows.clear()  # a cascade, which the database may do by itself, or a receiver
            self._pointing.again(emptied)
        return along, Counter(through for through, _ in links)

    def _require_not_hidden(self, task: ObjectTask, remote_key: Any) -> None:
        """Raise ``ObjectNotApplied`` when a row is there under its key, in a form by which it is not found.

        What has a reference has been found before: its row is gone.
        """
        root, identity = task.shape.root, self._identity
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

    def _remote_wins(self, task: ObjectTask, change: Change, remote_key: Any, going: Going) -> bool:
        """Tell whether the remote's users have changed the object, or parents' rows that go with it, and win."""
        if not task.keep_parents:
            parents = self._other_parents(going.row) if going.parents is None else going.parents
            self._remote_changes.load_parents(task.shape, task.key, parents)
        wins = self._remote_changes.verdict(task.shape, task.key, remote_key, change, None, going.row, deletes=True)
        if isinstance(wins, Exception):
            raise wins
        if isinstance(wins, Decision):
            self._merge(going.row, dict(wins.values))
            return True
        return wins is True  # nothing is merged by field where there are no values of LOCAL's

    def _merge(self, row: Model, values: dict[str, Any]) -> None:
        """Write merged values to a row that stays although LOCAL has deleted the object."""
        shape = shape_of(type(row))
        if not self._dry_run:
            with as_users_change(self._remote), self._singles.one(shape.model):
                set_values(row, values)
                self._singles.save_plainly(row, shape)
            self._rows.drop(shape.model, row.pk)

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

    def _tell_what_is_left(self, model: type[Model], key: Any, remote_key: Any) -> None:
        """Tell of a row that the model's own ``delete()`` has left where it is, to mark it instead."""
        if overrides_writing(model) and rows_of(model, self._remote).filter(pk=remote_key).exists():
            told = f"it was deleted; delete() of {self._remote!r} has left its row {remote_key} there. Where it is to "
            told += "go, give the model the option {'write': 'signals'}"
            key = encode_key(getattr(key, "number", key))
            self._outcomes.report.remark(Told.STILL_THERE, model._meta.label, key, told)

    def _delete_without_living_parents(self, row: Model, parents: Iterable[Model]) -> None:
        """Delete an object, and those of its parents' rows that LOCAL does not have any more."""
        delete_child(row, self._remote)
        for each in parents:
            parent = self._row_of(type(each), each.pk)
            if parent is not None:
                delete(parent, self._remote)

    def _row_to_delete(self, task: ObjectTask, remote_key: Any) -> Model | None:
        """Return the remote row to delete, as the model whose ``delete()`` takes all of it along.

        That is the parent's, where the object became a child after the two met for the last time, or where it is
        two children at once.
        """
        found = self._rows.take(task.shape.model, remote_key)
        if task.keep_parents:
            return found
        line = [task.shape.model]
        for parent in parents_of(task.shape.model):
            # By their links: a child may have a key of its own.
            others = [link for link in links_to_children(parent) if link.model not in line]
            if found is None or any(
                rows_of(link.model, self._remote).filter(**{link.attname: remote_key}).exists() for link in others
            ):
                found = self._rows.take(parent, remote_key) or found
            line.append(parent)
        return found

    def _whose_it_is_now(self, task: ObjectTask, row: Model) -> Any:
        """Return the key of the living object whose natural key the row has: the deleted one has changed its number.

        A living one that has another row, or has had one, has only taken the natural key over: then the row is the
        deleted one's all the same, and goes before that one can have its unique values.
        """
        if task.keep_parents or not isinstance(row, task.shape.model):
            return None
        return self._living.renumbered([row]).get(row.pk)

    def _hand_on(self, task: ObjectTask, change: Change, row: Any, key: Any) -> None:
        """Let a living object have a row from now on."""
        model, identity = task.shape.model, self._identity
        for living in load_instances(model, [key]).values():
            self.clear([Place(task.shape, key, row.pk, type(living))], change)
        if identity.known(model, key) is None:
            if identity.claims_backwards(model, [row.pk]).get(row.pk) != key:  # else it has been that one's anyhow
                self._note_handed_on(task, row, key)
            identity.learn(model, key, row.pk)
        identity.forget(model, task.key)
        self._pointing.past(row, task.key)

    def _note_handed_on(self, task: ObjectTask, row: Model, key: Any) -> None:
        """Note that a row stays: nobody writes it unless the run comes to a change of the object that has it now."""
        here, there = encode_key(key), encode_key(row.pk)
        reason = f"it was deleted on {local_alias()!r}; by its natural key, {there} on {self._remote!r} is {here} now, "
        reason += f"of which nothing was logged: left as it is. Change {here} to bring it"
        deleted = LeftThere(task.shape.label, encode_key(getattr(task.key, "number", task.key)), reason)
        self._outcomes.handed_on[root_of(task.shape.model), key] = deleted

    def _tell(self, going: Going, rows: Sequence[Model], gone: tuple[Shape, Any], change: Change | None) -> None:
        """Count a row that has gone, and what a cascade has taken with it.

        Of the latter is named what the batch does not delete anyhow, or others have changed. Of the object itself, some
        of whose rows may be among them, it is told elsewhere who wins.

        Args:
            going, rows: the row, and what went along.
            gone: shape and remote key of the object.
        """
        report, identity = self._outcomes.report, self._identity
        report.count(type(going.row)._meta.label, Action.DELETE.counted_as)
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
            changed = asked and self._remote_changes.find(shape_of(model), key, remote_key, asked)
            if not identity.log.is_going(root, key) or changed is not None:
                number = remote_key if key is None else getattr(key, "number", key)
                told = f"{self._remote!r} had it hang on {gone[0].label} {gone[1]}, which was deleted"
                told += "; its users there had changed it" if changed is not None else ""
                report.remark(Told.DELETED_ALONG, model._meta.label, encode_key(number), told)
