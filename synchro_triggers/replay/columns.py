"""The columns that both databases have: a run goes on for them, says what it leaves out, and brings that later."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import Model

from ..capture.schema import copied_names
from ..conf import local_alias
from ..django_inside.expected import PARTS, is_as_expected
from ..django_inside.missing_columns import columns_missing
from ..exceptions import Refused
from ..models import Checkpoint
from .plan.context import RunContext
from .plan.fence import Fence
from .report import SyncReport
from .schema.left_out import leaving_out
from .schema.shape import model_of
from .state.lease import Lease
from .state.left_out import HELD, LACKING, LeftOut, added, as_text, lacking_of_all, left_out_in, without
from .write.clock import Pace
from .write.late_columns import LateColumns


class Columns:
    """What a run leaves out, and what earlier ones have left out.

    Args:
        context: where and how to write.
        fence: which models are written, and what their tables are on the remote.

    Attributes:
        left_out: the fields of the run that is under way, or was last.
    """

    def __init__(self, context: RunContext, fence: Fence) -> None:
        self._context, self._fence = context, fence
        self._entries: LeftOut = {}
        self.left_out: frozenset[Any] = frozenset()

    @contextmanager
    def held_to(self, checkpoint: Checkpoint, report: SyncReport) -> Iterator[None]:
        """Do without the columns in the block that one side does not have; tell of them, and note it with what is sent.

        Raises:
            Refused: Django is not inside as it has to be for that.
        """
        self._fence.schema.forget()
        there = self._fields(self._fence.schema.missing(self._fence.listed))
        if there and not is_as_expected("compilers"):
            raise Refused(
                f"The schema of {self._context.remote!r} is behind, and this Django is not inside as synchro_triggers "
                f"expects ({PARTS['compilers'].relies_on}): run `manage.py migrate --database {self._context.remote}`."
            )
        entries = left_out_in(checkpoint.left_out)
        held = self._held(entries) - there
        lacking = [field for field in there if copied_names(field.model, [field])]
        self._entries = added(added(entries, held, HELD), lacking, LACKING)
        self.left_out = frozenset(lacking) | held
        self._context.gaps.note_left_out(as_text(self._entries))
        self._tell(lacking, held, report)
        with columns_missing(self._context.remote, there), leaving_out(there | held):
            yield

    def _held(self, entries: LeftOut) -> frozenset[Any]:
        """Return the fields of which LOCAL itself still waits for the values."""
        found = []
        for label, names in lacking_of_all(local_alias()).items():
            for field in _fields_of(label, names):
                if entries.get(label, {}).get(field.name) != LACKING:  # or each side would wait for the other
                    found.append(field)
        return frozenset(found)

    def _fields(self, by_label: dict[str, tuple[Any, ...]]) -> frozenset[Any]:
        return frozenset(field for fields in by_label.values() for field in fields)

    def _tell(self, lacking: Iterable[Any], held: Iterable[Any], report: SyncReport) -> None:
        remote = self._context.remote
        for fields, why in (
            (lacking, f"{remote!r} has no such column: run `manage.py migrate --database {remote}`"),
            (held, f"{local_alias()!r} waits for its values: synchronise to {local_alias()!r} first"),
        ):
            for field in sorted(fields, key=_name):
                if field.model._meta.label in self._fence.chosen:
                    report.leave_out(field.model._meta.label, field.name, why)

    # What was left out before -----------------------------------------------------------------------

    def bring_late(
        self, lease: Lease, pace: Pace, report: SyncReport, interrupted: Callable[[], bool] = lambda: False
    ) -> None:
        """Bring the values of columns that were left out, and that both sides have now.

        Where not all of them come, or the run ends before, they are all looked at again by the next run.
        """
        for label, names in list(self._entries.items()):
            model, fields = model_of(label), self._due(label, names)
            if label not in self._fence.chosen or fields is None:
                continue
            if self._context.dry_run:
                report.leave_out(label, ", ".join(sorted(names)), "a run brings the values now")
                continue
            due = {field: names[field.name] == LACKING for field in fields}
            if fields and not self._bring(model, due, lease, pace, report, interrupted):
                continue
            self._entries = without(self._entries, label)
            text = as_text(self._entries)
            self._context.gaps.note_left_out(text)
            with transaction.atomic(using=self._context.remote):
                lease.renew(left_out=text)

    def _bring(
        self,
        model: type[Model] | None,
        due: dict[Any, bool],
        lease: Lease,
        pace: Pace,
        report: SyncReport,
        interrupted: Callable[[], bool],
    ) -> bool:
        assert model is not None  # it has fields
        late = LateColumns(self._context, lease, pace.seconds, report)
        return late.bring(model, due, pace.most, interrupted)

    def _due(self, label: str, names: Collection[str]) -> list[Any] | None:
        """Return those of a model's fields that both sides have; ``None``: one does not have all of them yet."""
        fields = _fields_of(label, names)
        return None if not self.left_out.isdisjoint(fields) else fields


def _fields_of(label: str, names: Collection[str]) -> list[Any]:
    """Return the fields that are still there: some may have gone from the models since, and are nobody's then."""
    model = model_of(label)
    fields = model._meta.local_concrete_fields if model is not None else ()
    return [field for field in fields if field.name in names]


def _name(field: Any) -> str:
    return f"{field.model._meta.label}.{field.name}"
