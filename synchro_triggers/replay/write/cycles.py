"""References that wait for a cycle of them to close: set when their target has got its key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db.models import Model

from ..errors import BatchBroken, reraise_if_hopeless
from ..plan.cycles import Unfinished
from ..rows.values import set_values
from ..schema.shape import Shape, root_of
from ..state.failures import describe
from ..tasks import Agenda, ObjectTask, Task
from .known import Known
from .one_statements import Singles
from .outcomes import Outcomes


class Cycles:
    """Sets the references of a batch that had to wait.

    Args:
        outcomes: are told what differs.
        ensure: returns the remote key of a local object, bringing it along if it is not there.
    """

    def __init__(
        self,
        known: Known,
        agenda: Agenda,
        singles: Singles,
        outcomes: Outcomes,
        ensure: Callable[[type[Model], Any], Any],
        *,
        dry_run: bool,
    ) -> None:
        self._remote, self._targets, self._agenda = known.remote, known.targets, agenda
        self._identity, self._outcomes = known.identity, outcomes
        self._singles, self._ensure, self._dry_run = singles, ensure, dry_run
        self._waiting: list[tuple[Model, Shape, Unfinished]] = []

    def wait(self, row: Model, shape: Shape, unfinished: Iterable[Unfinished]) -> None:
        """Let references of a remote row, which was written just now, wait for their targets."""
        self._waiting += [(row, shape, part) for part in unfinished]

    @property
    def are_open(self) -> bool:
        """Whether some still wait."""
        return bool(self._waiting)

    def why_open(self, tasks: Sequence[Task]) -> str:
        """Say what keeps them open: what a batch of one object has met itself, else what their first target has."""
        errors = self._agenda.errors
        wanted = [task.at for task in tasks if isinstance(task, ObjectTask)] if len(tasks) == 1 else []
        wanted += [self._targets.comes_with((root_of(part.model), part.key)) for *_, part in self._waiting]
        met = next((errors[at] for at in wanted if at in errors), None)
        return "a cycle of foreign keys cannot be closed" if met is None else describe(met)

    def close(self) -> None:
        """Set those whose targets have got their keys.

        Raises:
            BatchBroken: one can never be set.
        """
        settled = not self._agenda.under_way
        while settled:  # what closes one may bring others along
            waiting, self._waiting = self._waiting, []
            settled = False
            for row, shape, part in waiting:
                if self._is_to_come(part):
                    self._waiting.append((row, shape, part))
                    continue
                settled = True
                value = part.value_for(self._key_of_target(part))
                if self._dry_run or row.__dict__.get(part.field.attname) == value:
                    continue
                set_values(row, {part.field.attname: value})
                self._save(row, shape, part.field)

    def _save(self, row: Model, shape: Shape, field: Any) -> None:
        receivers = self._singles.receivers

        def wrote_more() -> bool:
            return receivers.have_written_to(shape.model, receivers.writes.to_other_rows(shape.model))

        with self._singles.one(shape.model):
            other = self._singles.save_field(row, shape, field, wrote_more=wrote_more)
        if other:
            self._outcomes.note_made_anew(shape, self._identity.claimed_by(shape.model, row.pk), other)

    def _is_to_come(self, part: Unfinished) -> bool:
        targets, target = self._targets, (root_of(part.model), part.key)
        return not targets.is_there(target) and targets.comes_with(target) in self._agenda.pending

    def _key_of_target(self, part: Unfinished) -> Any:
        """Return the remote key of a reference's target; what is no task of the batch is brought along now."""
        try:
            return self._ensure(part.model, part.key)
        except Exception as error:
            reraise_if_hopeless(error, self._remote)
            raise BatchBroken(
                f"a cycle of foreign keys cannot be closed at {part.model._meta.label} {part.key!r}: {describe(error)}"
            ) from error
