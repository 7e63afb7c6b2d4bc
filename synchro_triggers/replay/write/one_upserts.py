"""Creating and updating objects one by one, through ``save()``."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, connections
from django.db.models import Model

from ...capture.keys import encode_key
from ...conf import LOCAL
from ..identity.already_there import already_there, there_by_key
from ..log.changes import Change
from ..plan.agenda import Agenda
from ..plan.cascades import leading_to
from ..plan.decisions import Action, decide
from ..plan.leading_nowhere import staying_nowhere
from ..plan.translation import Translation, Values
from ..report import Told
from ..rows.redirects import NothingInserted
from ..rows.selecting import rows_of
from ..rows.values import differing, local_value, new_instance, same_value, set_key, set_values, value_to_write
from ..schema.shape import Shape, root_of, shape_of
from .becoming import what_stays
from .cycles import Cycles
from .draft import Draft
from .foresight import Foresight
from .one_deletes import Deletes
from .parts import Parts
from .taken_over import all_children_left, key_is_anothers


class Upserts:
    """Creates and updates objects of a batch.

    Args:
        parts: the batch's parts.
        agenda: what is still to be done.
        translation: what values are on the remote.
        cycles: references that have to wait.
        deletes: clears rows that are taken over from objects that are gone.
        foresight: looks, in a dry run, whether unique values are taken.

    Attributes:
        refused: of each change that the remote has refused for a unique value: model, values and remote key.
    """

    def __init__(
        self,
        parts: Parts,
        agenda: Agenda,
        translation: Translation,
        cycles: Cycles,
        deletes: Deletes,
        foresight: Foresight,
    ) -> None:
        self._parts, self._agenda, self._translation = parts, agenda, translation
        self._cycles, self._deletes, self._foresight = cycles, deletes, foresight
        self._context, self._identity, self._remote = parts.context, parts.identity, parts.context.remote
        self.refused: dict[Change, tuple[Shape, Values, Any]] = {}

    def write(self, shape: Shape, instance: Model, change: Change | None) -> Any:
        """Create or update one object; return its remote key.

        Args:
            shape, instance: the local object.
            change: what LOCAL logged; ``None``: it is created if it is missing, and left as it is otherwise.

        Raises:
            ObjectNotApplied: it waits for another object, or cannot be told.
            Exception: what the remote, receivers or the model's own code have raised.
        """
        self._parts.targets.note(shape, instance)
        with self._under_way(shape, instance):
            draft = self._draft(shape, instance, change)
            action = self._decide(draft)
            if action is Action.LEAVE:
                self._parts.outcomes.note(action, shape, instance.pk, draft.remote_key)
                return draft.remote_key
            if draft.row is None:
                self._leave_what_stays(draft)
                if draft.staying.unmade:
                    draft.staying.count_lost(self._parts)
                    return None
            if self._was_written_before(draft):
                return draft.remote_key
            children = all_children_left(self._parts, shape, instance, draft.remote_key, draft.others)
            self._deletes.clear(children, shape, instance.pk, draft.remote_key, change)
            with self._refusal_noted(draft):
                row = self._carry_out(draft, action)
        self._settle(draft, action, row)
        return row.pk

    @contextmanager
    def _under_way(self, shape: Shape, instance: Model) -> Iterator[None]:
        at = (shape.root, instance.pk)
        self._agenda.under_way.add(at)
        try:
            yield
        finally:
            self._agenda.under_way.discard(at)

    @contextmanager
    def _refusal_noted(self, draft: Draft) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            if draft.change is not None:
                self.refused[draft.change] = draft.shape, draft.values, draft.remote_key
            raise

    # What is to be done ---------------------------------------------------------------------------

    def _draft(self, shape: Shape, instance: Model, change: Change | None) -> Draft:
        """Find out what an object shall be on the remote, and what it is there; bring along what it points to."""
        values, unfinished = self._translation.values(shape, instance)
        remote_key = self._parts.matching.match(shape, instance)
        row = self._parts.rows.take(shape.model, remote_key) if remote_key is not None else None
        others = self._keys_of_parents(shape, instance, row)
        values |= others
        if row is not None and shape.key_columns:
            values |= staying_nowhere(self._parts.targets, shape, instance, row, values, self._remote)
        changed = [] if row is None else differing(row, values)
        if row is not None and shape.model in self._parts.rows.locked_later and (unfinished or changed):
            row = self._locked_now(shape, row)
            changed = [] if row is None else differing(row, values)
        return Draft(shape, instance, change, remote_key, row, others, values, unfinished, changed)

    def _decide(self, draft: Draft) -> Action:
        shape, change, there = draft.shape, draft.change, draft.row is not None
        remote_changes = self._parts.remote_changes
        conflict = change and remote_changes.find(shape, draft.instance.pk, draft.remote_key, change)
        remote_wins = False
        if conflict and not draft.is_equal:
            assert change is not None
            remote_wins = remote_changes.remote_wins(conflict, change, deleted=not there)
        return decide(logged=draft.is_written, there=there, equal=draft.is_equal, remote_wins=remote_wins)

    def _leave_what_stays(self, draft: Draft) -> None:
        """Leave values of parents' rows as they are, to which a new child's row comes."""
        draft.staying = staying = what_stays(
            self._parts, draft.shape, draft.instance, draft.change, draft.remote_key, draft.values
        )
        if not staying.unmade:
            draft.values |= staying.values
            draft.unfinished = [part for part in draft.unfinished if part.field.attname not in staying.values]

    def _was_written_before(self, draft: Draft) -> bool:
        """Note in a dry run what would be written; tell whether it was before: a kept failure of it was tried.

        Raises:
            IntegrityError: another row has the object's unique values, and will keep them.
        """
        if not self._context.dry_run or (draft.row is not None and draft.change is None):
            return False
        at = (draft.shape.root, draft.instance.pk)
        if at in self._context.imagined_written:
            if draft.change is not None:
                self._parts.result.report.count(draft.shape.label, Action.KEEP.counted_as)
            return True
        changed = None if draft.row is None else draft.changed
        self._foresight.require_free(draft.shape, draft.values, draft.remote_key, changed)
        self._context.imagined_written.add(at)
        return False

    def _keys_of_parents(self, shape: Shape, instance: Model, row: Model | None) -> Values:
        """Return what the keys of parents with keys of their own are on the remote, by the attributes that hold them.

        ``None`` stands for a parent's row that the database will give a key. Of an object that is there, a parent
        whose key is not known is the one that it has, unless that is another object's, or keys are kept: then it is a
        new one.
        """
        values: Values = {}
        for parent in shape.other_parents:
            key = local_value(instance, parent.link)
            each, remote_key = shape_of(parent.model), self._parts.matching.match_parent(parent.model, key)
            if row is not None and remote_key != (current := row.__dict__[parent.link.attname]):
                if remote_key is None and not self._parts.matching.belongs_to_another(each, current, key):
                    continue
                if remote_key is None or not self._identity.existing(each.root, [remote_key]):
                    alone = rows_of(parent.model, LOCAL).get(pk=key)  # ``save()`` cannot give a row another parent
                    remote_key = self.write(each, alone, None)
            values.update(dict.fromkeys(parent.holders, remote_key))
        return values

    def _locked_now(self, shape: Shape, row: Model) -> Model | None:
        """Return the row, locked, as it is this moment; notice whether somebody has changed it since it was read."""
        current: Model | None = self._context.locks.taken(rows_of(shape.model, self._remote).filter(pk=row.pk)).first()
        read = {copied.attname: local_value(row, copied) for copied in shape.copied}
        if current is None or differing(current, read):
            self._parts.remote_changes.read_again(shape, row.pk)
        return current

    # Doing it -------------------------------------------------------------------------------------

    def _carry_out(self, draft: Draft, action: Action) -> Model:
        """Create or update the remote row; return it."""
        row = draft.row
        if row is None:
            row = self._create(draft)
        elif action is Action.UPDATE and not self._context.dry_run:
            waiting = {part.field.attname for part in draft.unfinished}
            values = {name: value for name, value in draft.values.items() if name not in waiting}
            self._update(draft.shape, row, draft.instance.pk, values)
        return row

    def _settle(self, draft: Draft, action: Action, row: Model) -> None:
        """Count what was done, remember which row the object is, and turn away what led to another one there."""
        shape, key = draft.shape, draft.instance.pk
        # The row of another object, of which a number that was given out in this moment can be none.
        former = self._identity.claimed_by(shape.model, row.pk) if row.pk == draft.remote_key else None
        self._parts.outcomes.note(action, shape, key, row.pk, logged=draft.change is not None)
        self._parts.targets.has_come((shape.root, key))
        if former not in (None, key):
            self._deletes.point_past(row, former)
        for parent in shape.other_parents:
            parent_key = local_value(draft.instance, parent.link)
            self._identity.load(parent.model, [parent_key])
            self._identity.learn(parent.model, parent_key, row.__dict__[parent.link.attname])
        draft.staying.count_lost(self._parts)
        draft.staying.remember_lost(self._parts, shape, key)
        self._cycles.wait(row, shape, draft.unfinished)

    def _create(self, draft: Draft) -> Model:
        shape, values, remote_key = draft.shape, draft.values, draft.remote_key
        if remote_key is None:
            remote_key = self._parts.matching.keys_there.kept_key(shape, draft.instance.pk)
            self._require_not_there(shape, draft.instance, values, remote_key)
        redirects = self._context.redirects
        unsure = redirects.concern(shape.model)
        if unsure and not self._context.dry_run:
            remote_key, values = self._with_reserved_keys(shape, remote_key, values)
        row = new_instance(shape, self._remote, remote_key, values)
        if self._context.dry_run:
            self._imagine(shape, draft.instance, row)
            return row
        with self._parts.savepoints.one():
            alike = redirects.find_by_unique_values(shape, row) if unsure else ()
            self._save(row, shape, draft.instance.pk, adding=True, unsure=unsure)
            if unsure and not redirects.are_there(shape, {row.pk}):
                set_key(row, shape, self._find_redirected(shape, draft.instance, row, values, alike))
            for parent in shape.other_parents if unsure else ():
                redirects.require(shape_of(parent.model), [row.__dict__[parent.link.attname]])
        written = {parent.model: values[parent.link.attname] for parent in shape.other_parents}
        for model, key in ({shape.model: remote_key} | written).items():
            each = shape_of(model)
            if key is not None and each.automatic_key:
                self._parts.numbered.setdefault(each.root, set()).add(key)
        return row

    def _with_reserved_keys(self, shape: Shape, remote_key: Any, values: Values) -> tuple[Any, Values]:
        """Return key and values of a new row with keys that are given out before the insert, which may return none."""
        redirects = self._context.redirects
        if remote_key is None:
            [remote_key] = redirects.reserve(shape, 1)
        for parent in shape.other_parents:
            if values[parent.link.attname] is None:
                [parent_key] = redirects.reserve(shape_of(parent.model), 1)
                values = values | dict.fromkeys(parent.holders, parent_key)
        return remote_key, values

    def _require_not_there(self, shape: Shape, instance: Model, values: Values, remote_key: Any) -> None:
        """Raise ``ObjectNotApplied`` where the remote has a new object, or a new parent's row, in another spelling.

        So where its key is another object's there.
        """
        spellings = self._context.spellings
        if remote_key is not None and self._parts.matching.belongs_to_another(shape, remote_key, instance.pk):
            raise key_is_anothers(self._identity, shape, remote_key)
        there = already_there(spellings, self._parts.matching.natural_keys, shape, [(instance, remote_key)])
        for parent in shape.other_parents:
            if (key := values[parent.link.attname]) is not None:
                there |= there_by_key(spellings, self._remote, shape_of(parent.model), {key: key})
        for error in there.values():
            raise error

    def _find_redirected(
        self, shape: Shape, instance: Model, row: Model, values: Values, alike: Collection[Any]
    ) -> Any:
        """Return the key of a row that was inserted, and is not there under its key, by what else tells it.

        Args:
            shape, instance: the local object.
            row, values: what was inserted.
            alike: the keys of rows that had its unique values before: another one's, unless all of it is in there now.

        Raises:
            NothingInserted: nothing tells it.
        """
        found = self._parts.matching.by_natural_key(instance)
        if found is None:
            for key in self._context.redirects.find_by_unique_values(shape, row):
                there = rows_of(shape.model, self._remote).get(pk=key)
                if key not in alike or not differing(there, values):
                    found = key
                    break
        if found is None or self._parts.matching.belongs_to_another(shape, found, instance.pk):
            raise NothingInserted(shape.label, self._remote)
        return found

    def _imagine(self, shape: Shape, instance: Model, row: Model) -> None:
        """Note in a dry run which keys a new object would have got."""
        imagined = self._context.imagined
        if row.pk is None:
            row.pk = -1 - len(imagined)
        imagined[shape.root, instance.pk] = row.pk
        for parent in shape.other_parents:
            remote_key = row.__dict__[parent.link.attname]
            if remote_key is None:
                remote_key = -1 - len(imagined)
            row.__dict__[parent.link.attname] = remote_key
            imagined[root_of(parent.model), local_value(instance, parent.link)] = remote_key

    def point(self, shape: Shape, living: Model, foreign_key: Any = None, going: Collection[Model] = ()) -> None:
        """Let a remote row point to what its local object points to; the rest of it stays as it is.

        Args:
            shape, living: the local object.
            foreign_key: only this one; by default all, generic ones too.
            going: only those that lead to one of these remote rows, where any does: the remote's users may have
                changed the others.
        """
        self._parts.targets.note(shape, living)
        self._parts.targets.look_what_is_missing(shape, living)
        with self._under_way(shape, living):
            chosen = [foreign_key] if foreign_key is not None else self._leading_to(shape, living, going)
            values, unfinished = self._translation.references(shape, living, chosen)
            remote_key = self._parts.matching.match(shape, living)
            row = self._parts.rows.take(shape.model, remote_key) if remote_key is not None else None
            if row is None:
                return
            waiting = {part.field.attname for part in unfinished}
            settled = {name: value for name, value in values.items() if name not in waiting}
            if not unfinished and not differing(row, settled):
                self._parts.result.report.count(shape.label, Action.KEEP.counted_as)
            else:
                if not self._context.dry_run:
                    self._update(shape, row, living.pk, settled)
                self._parts.result.report.count(shape.label, Action.UPDATE.counted_as)
        self._cycles.wait(row, shape, unfinished)

    def _leading_to(self, shape: Shape, living: Model, going: Collection[Model]) -> Collection[Any] | None:
        """Return the fields by which an object's remote row leads to one of some others; ``None``: none does."""
        remote_key = self._parts.matching.match(shape, living) if going else None
        row = self._parts.rows.take(shape.model, remote_key) if remote_key is not None else None
        return (leading_to(shape, row, going, self._remote) if row is not None else None) or None

    def _update(self, shape: Shape, row: Model, key: Any, values: Values) -> None:
        with self._parts.savepoints.one():
            if shape.model not in self._parts.rows.locked_later:  # those were read just now
                self._refresh_skipped(shape, row)
            set_values(row, values)
            self._save(row, shape, key, adding=False)

    def _save(self, row: Model, shape: Shape, key: Any, *, adding: bool, unsure: bool = False) -> None:
        """Save the row of a local object; forget those read ahead of tables to which receivers have written."""
        skipped = {each.attname: local_value(row, each) for each in shape.skipped}

        def keep_what_receivers_wrote() -> None:
            own = connections[self._remote].ops.quote_name(shape.model._meta.db_table)
            if skipped and not adding and not self._parts.writes.tables().isdisjoint({own, None}):
                set_here = [
                    each.attname
                    for each in shape.skipped
                    if not same_value(each, value_to_write(row, each), skipped[each.attname])
                ]
                self._refresh_skipped(shape, row, but=set_here)

        self._parts.writes.begin()

        def wrote_more() -> bool:
            own = connections[self._remote].ops.quote_name(shape.model._meta.db_table)
            return not self._parts.writes.to_other_rows(shape.model).isdisjoint({own, None})

        other = self._parts.singles.save(
            row, shape, adding=adding, unsure=unsure, announced=keep_what_receivers_wrote, wrote_more=wrote_more
        )
        self._parts.rows.forget(self._parts.writes.to_other_rows(shape.model))
        if other:
            told = f"save() of {self._remote!r} makes {', '.join(other)} anew, and so does something else there when "
            told += f"{LOCAL!r}'s value is written again: it differs"
            self._parts.result.report.remark(Told.DIFFERS, shape.label, encode_key(key), told)

    def _refresh_skipped(self, shape: Shape, row: Model, but: Collection[str] = ()) -> None:
        """Take the skipped fields' values as they are this moment: a receiver may have just written them."""
        if not shape.skipped:
            return
        current = self._context.locks.taken(rows_of(shape.model, self._remote).filter(pk=row.pk)).first()
        if current is not None:
            fields = [each for each in shape.skipped if each.attname not in but]
            set_values(row, {each.attname: local_value(current, each) for each in fields})
