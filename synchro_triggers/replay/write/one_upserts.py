"""Creating and updating objects one by one, through ``save()``."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.db import IntegrityError
from django.db.models import Model

from ...capture.session import as_users_change
from ..identity.already_there import already_there, there_by_key
from ..log.changes import Change
from ..plan.context import RunContext
from ..plan.decisions import Action
from ..plan.translation import Values
from ..rows.redirects import NothingInserted
from ..rows.selecting import rows_of
from ..rows.values import differing, local_value, new_instance, same_value, set_key, set_values, value_to_write
from ..schema.shape import Shape, root_of, shape_of
from ..tasks import Agenda
from .cycles import Cycles
from .drafts import Draft, Drafts
from .foresight import Foresight
from .known import Known
from .one_deletes import Deletes
from .one_statements import Singles
from .outcomes import Outcomes
from .pointing import Pointing
from .taken_over import key_is_anothers, places_of


class Upserts:
    """Creates and updates objects of a batch.

    Attributes:
        refused: of each change that the remote has refused for a unique value: model, values and remote key.
    """

    def __init__(
        self,
        context: RunContext,
        known: Known,
        agenda: Agenda,
        drafts: Drafts,
        singles: Singles,
        outcomes: Outcomes,
        cycles: Cycles,
        deletes: Deletes,
        pointing: Pointing,
        foresight: Foresight,
    ) -> None:
        self._context, self._remote = context, context.remote
        self._known, self._identity, self._matching = known, known.identity, known.matching
        self._agenda, self._drafts, self._singles, self._outcomes = agenda, drafts, singles, outcomes
        self._cycles, self._deletes, self._pointing, self._foresight = cycles, deletes, pointing, foresight
        self.refused: dict[Change, tuple[Shape, Values, Any]] = {}

    def write(self, shape: Shape, instance: Model, change: Change | None) -> Any:
        """Create or update one object; return its remote key.

        Args:
            change: what LOCAL logged; ``None``: it is created if it is missing, and left as it is otherwise.

        Raises:
            ObjectNotApplied: it waits for another object, or cannot be told.
            Exception: what the remote, receivers or the model's own code have raised.
        """
        self._known.targets.note(shape, instance)
        with self._under_way(shape, instance):
            draft = self._drafts.make(shape, instance, change, self.write)
            action = self._drafts.decide(draft)
            if action is Action.LEAVE:
                self._outcomes.note(action, shape, instance.pk, draft.remote_key)
                return draft.remote_key
            if draft.row is None:
                self._drafts.leave_what_stays(draft)
                if draft.unmade:
                    self._count_lost(draft)
                    return None
            if self._was_written_before(draft):
                return draft.remote_key
            self._deletes.clear(places_of(shape, instance, draft.remote_key, draft.row, draft.others), change)
            with self._refusal_noted(draft), as_users_change(self._remote) if draft.merged else nullcontext():
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
                self._outcomes.report.count(draft.shape.label, Action.KEEP.counted_as)
            return True
        changed = None if draft.row is None else draft.changed
        if said := self._foresight.what_is_taken(draft.shape, draft.values, draft.remote_key, changed):
            raise IntegrityError(said)  # as the remote would
        self._context.imagined_written.add(at)
        return False

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
        """Count what was done, remember which row the object is; let what led to another one there lead elsewhere."""
        shape, key = draft.shape, draft.instance.pk
        # The row of another object, of which a number that was given out in this moment can be none.
        former = self._identity.claimed_by(shape.model, row.pk) if row.pk == draft.remote_key else None
        self._outcomes.note(action, shape, key, row.pk, logged=draft.change is not None)
        self._known.targets.has_come((shape.root, key))
        if former not in (None, key):
            self._pointing.past(row, former)
        for parent in shape.other_parents:
            parent_key = local_value(draft.instance, parent.link)
            self._identity.load(parent.model, [parent_key])
            self._identity.learn(parent.model, parent_key, vars(row)[parent.link.attname])
        self._count_lost(draft)
        for each, local_key in [*draft.lost, (shape, key)] if draft.lost else ():
            self._identity.lose(each.model, local_key)  # a full run shall not ask anew
        if action is not Action.KEEP:  # what stays as it is keeps what it points to as well
            self._cycles.wait(row, shape, draft.unfinished)
        elif not draft.is_equal:  # LOCAL has only needed it: what the remote's users have changed, nobody has seen
            self._identity.keep_theirs(shape.model, key)

    def _count_lost(self, draft: Draft) -> None:
        for parent, _ in draft.lost:
            self._outcomes.report.count(parent.label, Action.LEAVE.counted_as)

    def _create(self, draft: Draft) -> Model:
        shape, values, remote_key = draft.shape, draft.values, draft.remote_key
        if remote_key is None:
            remote_key = self._matching.keys_there.kept_key(shape, draft.instance.pk)
            self._require_not_there(shape, draft.instance, values, remote_key)
        redirects = self._context.redirects
        unsure = redirects.concern(shape.model)
        if unsure and not self._context.dry_run:
            remote_key, values = self._with_reserved_keys(shape, remote_key, values)
        row = new_instance(shape, self._remote, remote_key, values)
        if self._context.dry_run:
            self._imagine(shape, draft.instance, row)
            return row
        with self._singles.one(shape.model):
            alike = redirects.find_by_unique_values(shape, row) if unsure else ()
            self._save(row, shape, draft.instance.pk, adding=True, unsure=unsure)
            if unsure and not redirects.are_there(shape, {row.pk}):
                set_key(row, shape, self._find_redirected(shape, draft.instance, row, values, alike))
            for parent in shape.other_parents if unsure else ():
                redirects.require(shape_of(parent.model), [vars(row)[parent.link.attname]])
        written = {parent.model: values[parent.link.attname] for parent in shape.other_parents}
        for model, key in ({shape.model: remote_key} | written).items():
            if key is not None:
                self._outcomes.note_given_keys(shape_of(model), [key])
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
        if remote_key is not None and self._matching.belongs_to_another(shape, remote_key, instance.pk):
            raise key_is_anothers(self._identity, shape, remote_key)
        there = already_there(spellings, self._matching.natural_keys, shape, [(instance, remote_key)])
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
            row, values: what was inserted.
            alike: the keys of rows that had its unique values before: another one's, unless all of it is in there now.

        Raises:
            NothingInserted: nothing tells it.
        """
        found = self._matching.by_natural_key(instance)
        if found is None:
            for key in self._context.redirects.find_by_unique_values(shape, row):
                there = rows_of(shape.model, self._remote).get(pk=key)
                if key not in alike or not differing(there, values):
                    found = key
                    break
        if found is None or self._matching.belongs_to_another(shape, found, instance.pk):
            raise NothingInserted(shape.label, self._remote)
        return found

    def _imagine(self, shape: Shape, instance: Model, row: Model) -> None:
        """Note in a dry run which keys a new object would have got."""
        imagined = self._context.imagined
        if row.pk is None:
            row.pk = -1 - len(imagined)
        imagined[shape.root, instance.pk] = row.pk
        for parent in shape.other_parents:
            remote_key = vars(row)[parent.link.attname]
            if remote_key is None:
                remote_key = -1 - len(imagined)
            vars(row)[parent.link.attname] = remote_key
            imagined[root_of(parent.model), local_value(instance, parent.link)] = remote_key

    def point(self, shape: Shape, living: Model, foreign_key: Any = None, going: Collection[Model] = ()) -> None:
        """Let a remote row point to what its local object points to; the rest of it stays as it is.

        One that has gone to another parent's row is written as a whole, as its ``save()`` does.

        Args:
            shape, living, foreign_key, going: as for ``Drafts.references``.
        """
        if foreign_key is None and self._drafts.has_other_parents(shape, living):
            self.write(shape, living, None)
            return
        self._known.targets.note(shape, living)
        with self._under_way(shape, living):
            draft = self._drafts.references(shape, living, foreign_key, going)
            if draft is None or draft.row is None:
                return
            if not draft.is_equal and not self._context.dry_run:
                self._update(shape, draft.row, living.pk, draft.values)
            action = Action.KEEP if draft.is_equal else Action.UPDATE
            self._outcomes.report.count(shape.label, action.counted_as)
        self._cycles.wait(draft.row, shape, draft.unfinished)

    def _update(self, shape: Shape, row: Model, key: Any, values: Values) -> None:
        with self._singles.one(shape.model):
            if shape.model not in self._known.rows.locked_later:  # those were read just now
                self._refresh_skipped(shape, row)
            set_values(row, values)
            self._save(row, shape, key, adding=False)

    def _save(self, row: Model, shape: Shape, key: Any, *, adding: bool, unsure: bool = False) -> None:
        """Save the row of a local object; what receivers of ``pre_save`` have written to its skipped fields stays."""
        skipped = {each.attname: local_value(row, each) for each in shape.skipped}

        def keep_what_receivers_wrote() -> None:
            if skipped and not adding and self._singles.receivers.have_written_to(shape.model):
                set_here = [
                    each.attname
                    for each in shape.skipped
                    if not same_value(each, value_to_write(row, each), skipped[each.attname])
                ]
                self._refresh_skipped(shape, row, but=set_here)

        receivers = self._singles.receivers

        def wrote_more() -> bool:
            return receivers.have_written_to(shape.model, receivers.writes.to_other_rows(shape.model))

        other = self._singles.save(
            row, shape, adding=adding, unsure=unsure, announced=keep_what_receivers_wrote, wrote_more=wrote_more
        )
        if other:
            self._outcomes.note_made_anew(shape, key, other)

    def _refresh_skipped(self, shape: Shape, row: Model, but: Collection[str] = ()) -> None:
        """Take the skipped fields' values as they are this moment: a receiver may have just written them."""
        if not shape.skipped:
            return
        current = self._known.locked(shape, row.pk)
        if current is not None:
            fields = [each for each in shape.skipped if each.attname not in but]
            set_values(row, {each.attname: local_value(current, each) for each in fields})
