"""One object on its way to the remote: what it shall be there, what it is, and what is left as it is.

``save()`` of a new child writes its parents' rows as well. Where one has a key of its own, what the remote's users have
changed there since the two last met is a conflict over that row alone: if the remote wins, the child is made all the
same, and the row keeps its values. It keeps them, too, where the log does not speak of the child, which is only
brought along. Skipped fields are the remote's own anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from ...conf import local_alias
from ..log.changes import Change
from ..plan.cascades import leading_to
from ..plan.conflicts import Decision
from ..plan.cycles import Unfinished
from ..plan.decisions import Action, decide
from ..plan.leading_nowhere import staying_nowhere
from ..plan.settling import MergedByField, Verdict
from ..plan.translation import Translation, Values
from ..rows.selecting import rows_of
from ..rows.values import differing, local_value
from ..schema.shape import OtherParent, Shape, parents_of, shape_of
from .known import Known


@dataclass
class Draft:
    """One object on its way to the remote.

    Attributes:
        shape, instance: the local object.
        change: what LOCAL logged; ``None``: it is only needed by another one.
        remote_key: its key on the remote; ``None``: it has none yet.
        row: the remote row; ``None``: there is none.
        others: what the keys of parents with keys of their own are there, by the attributes that hold them.
        values: all that it shall hold there, by attribute name.
        unfinished: the references that have to wait.
        changed: the attributes in which the row differs.
        lost: shapes and local keys of parents over which the remote has won, so that their rows stay as they are.
        unmade: one of these is gone there, so that no child can be made.
        merged: the values are what a rule has merged: a new version, of the remote's.
    """

    shape: Shape
    instance: Model
    change: Change | None
    remote_key: Any
    row: Model | None
    others: Values
    values: Values
    unfinished: list[Unfinished]
    changed: list[str] = field(default_factory=list)
    lost: list[tuple[Shape, Any]] = field(default_factory=list)
    unmade: bool = False
    merged: bool = False

    def take(self, values: Values, *, merged: bool = False) -> None:
        """Let the row hold other values.

        Args:
            merged: they are a new version.
        """
        self.values |= values
        self.unfinished = [part for part in self.unfinished if part.field.attname not in values]
        self.changed = [] if self.row is None else differing(self.row, self.values)
        self.merged = merged

    @property
    def is_equal(self) -> bool:
        """Whether the row is there and holds all that it shall hold."""
        return self.row is not None and not self.unfinished and not self.changed

    @property
    def is_written(self) -> bool:
        """Whether LOCAL has changed it, or given it another parent: else it is only created where it is missing."""
        return self.change is not None or not self.others.keys().isdisjoint(self.changed)


class Drafts:
    """Makes drafts, and decides about them."""

    def __init__(self, known: Known, translation: Translation) -> None:
        self._known, self._remote_changes, self._translation = known, known.remote_changes, translation

    def make(
        self, shape: Shape, instance: Model, change: Change | None, write: Callable[[Shape, Model, None], Any]
    ) -> Draft:
        """Find out what an object shall be on the remote, and what it is there; bring along what it points to.

        Args:
            write: writes a parent's row to which the object has gone, and returns its key.
        """
        values, unfinished = self._translation.values(shape, instance)
        remote_key, row = self._known.find(shape, instance)
        others = self._keys_of_parents(shape, instance, row, write)
        values |= others
        if row is not None and shape.key_columns:
            [staying] = staying_nowhere(self._known.targets, shape, [(instance, row, values)], self._known.remote)
            values |= staying
        changed = [] if row is None else differing(row, values)
        if row is not None and shape.model in self._known.rows.locked_later and (unfinished or changed):
            row = self._known.read_again(shape, row)
            changed = [] if row is None else differing(row, values)
        if counted := self._known.counters.values(shape, instance.pk, remote_key, row):
            values |= counted
            changed = [] if row is None else differing(row, values)
        return Draft(shape, instance, change, remote_key, row, others, values, unfinished, changed)

    def _keys_of_parents(
        self, shape: Shape, instance: Model, row: Model | None, write: Callable[[Shape, Model, None], Any]
    ) -> Values:
        """Return what the keys of parents with keys of their own are on the remote, by the attributes that hold them.

        ``None`` stands for a parent's row that the database will give a key. Of an object that is there, a parent
        whose key is not known is the one that it has, unless that is another object's, or keys are kept: then it is a
        new one.
        """
        values: Values = {}
        for parent in shape.other_parents:
            key = local_value(instance, parent.link)
            each, remote_key = shape_of(parent.model), self._known.matching.match_parent(parent.model, key)
            if row is not None and remote_key != (current := row.__dict__[parent.link.attname]):
                if remote_key is None and not self._known.matching.belongs_to_another(each, current, key):
                    continue
                if remote_key is None or not self._known.identity.existing(each.root, [remote_key]):
                    alone = rows_of(parent.model, local_alias()).get(
                        pk=key
                    )  # ``save()`` cannot give a row another parent
                    remote_key = write(each, alone, None)
            values.update(dict.fromkeys(parent.holders, remote_key))
        return values

    def has_other_parents(self, shape: Shape, living: Model) -> bool:
        """Tell whether a parent with a key of its own is known to be another remote row than the object's row has."""
        known = self._known
        if not shape.other_parents or (row := known.find(shape, living)[1]) is None:
            return False
        known.rows.give_back(row)
        there = {
            each.link.attname: known.identity.find(each.model, local_value(living, each.link))
            for each in shape.other_parents
        }
        return any(key is not None and key != row.__dict__[name] for name, key in there.items())

    def references(
        self, shape: Shape, living: Model, foreign_key: Any = None, going: Collection[Model] = ()
    ) -> Draft | None:
        """Find out what an object's remote row shall point to; ``None``: there is none.

        Args:
            foreign_key: only this one; by default all, generic ones too.
            going: only those that lead to one of these remote rows, where any does: the remote's users may have
                changed the others.
        """
        known = self._known
        known.targets.look_what_is_missing(shape, living)
        remote_key, row = known.find(shape, living)
        if row is None:
            return None
        chosen = [foreign_key] if foreign_key is not None else leading_to(shape, row, going, known.remote) or None
        known.rows.give_back(row)  # what is brought along now may have receivers that write to it
        values, unfinished = self._translation.references(shape, living, chosen)
        row = known.rows.take(shape.model, remote_key)
        if row is None:
            return None
        waiting = {part.field.attname for part in unfinished}
        settled = {name: value for name, value in values.items() if name not in waiting}
        return Draft(shape, living, None, remote_key, row, {}, settled, unfinished, differing(row, settled))

    def decide(self, draft: Draft) -> Action:
        """Decide what is done with an object.

        Raises:
            Exception: what the rule of ``SYNCHRO_CONFLICT`` has raised.
        """
        shape, change, there = draft.shape, draft.change, draft.row is not None
        wins: Verdict = False
        if change is None and not there:
            draft.merged = self._known.unseen.is_returning((shape.root, draft.instance.pk))
        if change is not None:
            sides = draft.values, draft.row
            wins = self._remote_changes.verdict(
                shape, draft.instance.pk, draft.remote_key, change, *sides, equal=draft.is_equal
            )
        if isinstance(wins, Exception):
            raise wins
        if isinstance(wins, Decision):
            draft.take(dict(wins.values), merged=True)
            wins = False
        elif isinstance(wins, MergedByField):
            draft.take(dict(wins.values))
            wins = False
        elif not wins and change is not None and draft.row is not None and self._known.by_field.concerns(shape):
            draft.take(self._known.by_field.unchanged(shape, draft.instance.pk, draft.row))
        if not wins and (renamed := self._known.renamed.get((shape.root, draft.instance.pk))) is not None:
            draft.take(renamed, merged=True)
        return decide(logged=draft.is_written, there=there, equal=draft.is_equal, remote_wins=wins)

    # What stays -----------------------------------------------------------------------------------

    def leave_what_stays(self, draft: Draft) -> None:
        """Leave values of parents' rows as they are, to which a new child's row comes.

        Raises:
            Exception: what the rule of ``SYNCHRO_CONFLICT`` has raised.
        """
        shape = draft.shape
        staying: Values = {}
        fields = shape.skipped if draft.change is not None else (*shape.skipped, *shape.copied)
        for model, row in self._rows_there(parents_of(shape.model), draft.remote_key):
            staying |= _values_of(fields, model, row)
        for parent in shape.other_parents:
            staying |= self._staying_in(draft, parent, local_value(draft.instance, parent.link))
        if not draft.unmade:
            draft.values |= staying
            draft.unfinished = [part for part in draft.unfinished if part.field.attname not in staying]

    def _staying_in(self, draft: Draft, parent: OtherParent, key: Any) -> Values:
        """Return what stays in the row of a parent with a key of its own, which has that local key."""
        shape, change = draft.shape, draft.change
        each, remote_key = shape_of(parent.model), draft.values[parent.link.attname]
        rows = self._rows_there([each.model, *parents_of(each.model)], remote_key)
        own: Values = {}
        theirs: Values = {}
        for model, found in rows:
            own |= _values_of(shape.skipped, model, found)
            theirs |= _values_of(shape.copied, model, found)
        if change is None:
            return own | theirs
        if rows and not differing(rows[0][1], {name: draft.values[name] for name in theirs}):
            return own
        conflict = self._remote_changes.find_in_parent(each, key, remote_key if rows else None, change)
        wins: Verdict = False
        if conflict is not None:
            here = {name: draft.values.get(name) for name in self._copied(each)}
            row = rows[0][1] if rows else None
            there = None if row is None else {name: row.__dict__.get(name) for name in here}
            conflict = self._remote_changes.with_sides(conflict, each, key, remote_key, change, here, there)
            wins = self._remote_changes.settling.settle(conflict, change, deleted=not rows, may_merge=False)
        if isinstance(wins, Exception):
            raise wins
        if not wins:
            return own
        draft.lost.append((each, key))
        draft.unmade |= not rows
        return own | theirs

    @staticmethod
    def _copied(shape: Shape) -> list[str]:
        return [each.attname for each in shape.copied]

    def _rows_there(self, models: Sequence[type[Model]], remote_key: Any) -> list[tuple[type[Model], Model]]:
        """Return the tables that have a row, and an instance of the most derived one, which is locked now.

        Args:
            models: a parent and its parents, which share its key, the nearest first.
            remote_key: that key, or ``None``.
        """
        for number, model in enumerate(models if remote_key is not None else ()):
            if (row := self._known.locked(shape_of(model), remote_key)) is not None:
                return [(each, row) for each in models[number:]]
        return []


def _values_of(fields: Iterable[Any], model: type[Model], row: Model) -> Values:
    return {each.attname: local_value(row, each) for each in fields if each.model is model}
