"""What both databases have: a run goes on for these columns, says what it leaves out, and brings that later.

Whole tables are left out in ``tables``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction

from ..capture.vendor import columns_of
from ..conf import local_alias
from ..models import Checkpoint
from .plan.context import RunContext
from .plan.fence import Fence
from .report import SyncReport
from .schema.common_columns import copied, fields_with
from .schema.shape import model_of, target_of
from .state.late import ColumnsReached, read_columns_reached
from .state.lease import Lease
from .state.left_out import (
    HELD,
    LACKING,
    NO_COLUMNS,
    VALUES_PROGRESS,
    LeftOut,
    added,
    as_text,
    lacking_of_all,
    require_left_out,
    with_progress,
    without,
)
from .write.clock import Pace
from .write.late_columns import LateColumns, ValuesProgress


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
    def held_to(self, checkpoint: Checkpoint, report: SyncReport, *, receives: bool) -> Iterator[None]:
        """Do without the columns in the block that one side does not have; tell of them, and note it with what is sent.

        So it is with fields that point to what is left out as a whole.

        Args:
            checkpoint: the remote's.
            report: is told of them.
            receives: LOCAL may wait for values itself: ``Window.receives``.

        Raises:
            Refused: Django is not inside as it has to be for that.
        """
        columns = self._fence.schema
        columns.forget()
        here, there = columns.missing(self._fence.listed)
        nowhere = columns.leading_nowhere() - here - there
        entries = require_left_out(checkpoint.left_out)
        held = (self._held(entries) if receives else frozenset[Any]()) - there - here - nowhere
        unknown = columns.unknown(self._fence.listed)
        lacking = copied(there - here) | copied(nowhere)
        self._entries = added(added(entries, map(_at, held), HELD), [*map(_at, lacking), *unknown], LACKING)
        self.left_out = copied(here | there | nowhere) | held
        self._context.gaps.note_left_out(as_text(self._entries))
        self._tell(copied(here - there), copied(there - here), held, report)
        self._tell_nowhere(copied(nowhere), report)
        self._warn([(label, column) for label, column in unknown if column not in entries.get(label, ())], report)
        with columns.without(here, there, held | nowhere):
            yield

    def _held(self, entries: LeftOut) -> frozenset[Any]:
        """Return the fields of which LOCAL itself still waits for the values."""
        found = []
        for label, names in lacking_of_all(local_alias()).items():
            for field in fields_with(label, names):
                if entries.get(label, {}).get(str(field.column)) != LACKING:  # or each side would wait for the other
                    found.append(field)
        return frozenset(found)

    def _tell(self, here: Iterable[Any], there: Iterable[Any], held: Iterable[Any], report: SyncReport) -> None:
        source, remote = local_alias(), self._context.remote
        for fields, why in (
            (here, f"{source!r} has no such column: run `manage.py migrate --database {source}`"),
            (there, f"{remote!r} has no such column: run `manage.py migrate --database {remote}`"),
            (held, f"{source!r} waits for its values: synchronise to {source!r} first"),
        ):
            for field in sorted(fields, key=_at):
                if field.model._meta.label in self._fence.chosen:
                    report.leave_out(field.model._meta.label, field.name, why)

    def _tell_nowhere(self, fields: Iterable[Any], report: SyncReport) -> None:
        for field in sorted(fields, key=_at):
            if field.model._meta.label in self._fence.chosen:
                target = target_of(field)[0]
                why = f"{target._meta.label} is left out: {self._fence.schema.absent()[target]}"
                report.leave_out(field.model._meta.label, field.name, why)

    def _warn(self, unknown: Iterable[tuple[str, str]], report: SyncReport) -> None:
        source, remote = local_alias(), self._context.remote
        for label, column in unknown:
            if label in self._fence.chosen:
                report.warn(
                    f"{label}: the column {column!r} of {source!r} is left out: neither the models nor {remote!r} know "
                    "it. Once both do, its values follow."
                )

    # What was left out before -----------------------------------------------------------------------

    def bring_late(
        self, lease: Lease, pace: Pace, report: SyncReport, interrupted: Callable[[], bool] = lambda: False
    ) -> None:
        """Bring the values of columns that were left out, and that both sides have now.

        Where the run ends before, the next one goes on there. Where not all of them come, it looks at all again.

        Raises:
            Interrupted: the run shall end.
        """
        for label, noted in self._entries.items():
            columns = {column: why for column, why in noted.items() if column not in NO_COLUMNS}
            model, due = model_of(label), self._due(label, columns)
            if label not in self._fence.open or not due:
                continue
            fields = {field: columns[str(field.column)] == LACKING for field in fields_with(label, due)}
            if self._context.dry_run:
                for field in fields:
                    report.leave_out(label, field.name, "a run brings its values now")
                continue
            whole = True
            if model is not None and fields:
                reached = read_columns_reached(noted.get(VALUES_PROGRESS), {each: columns[each] for each in due})
                late = LateColumns(self._context, lease, pace.seconds, report, self._values_progress(label))
                whole = late.bring(model, fields, pace.most, interrupted, reached)
            self.forget(lease, label, [*(due if whole else ()), VALUES_PROGRESS])

    def _values_progress(self, label: str) -> ValuesProgress:
        def entries(reached: ColumnsReached) -> LeftOut:
            return with_progress(self._entries, label, reached.as_text(), VALUES_PROGRESS)

        return ValuesProgress(
            lambda reached: {"left_out": as_text(entries(reached))}, lambda reached: self.note(entries(reached))
        )

    def forget(self, lease: Lease, label: str, columns: Collection[str], **fields: object) -> None:
        """Forget that something was left out: it has come.

        Args:
            fields: what is written into the checkpoint besides.
        """
        self.note(without(self._entries, label, columns))
        with transaction.atomic(using=self._context.remote):
            lease.renew(**fields, left_out=as_text(self._entries))

    @property
    def entries(self) -> LeftOut:
        """What is left out, as it is noted in each transaction."""
        return self._entries

    def note(self, entries: LeftOut) -> None:
        """Note what is left out, from now on."""
        self._entries = entries
        self._context.gaps.note_left_out(as_text(entries))

    def _due(self, label: str, columns: Collection[str]) -> list[str]:
        """Return those of a model's columns that nothing is in the way of: both sides have them, or LOCAL no more."""
        model, fields = model_of(label), {str(field.column): field for field in fields_with(label, columns)}
        due = [column for column, field in fields.items() if field not in self.left_out]
        strange = [column for column in columns if column not in fields]
        if strange and model is not None:  # code that is behind does not know them
            table = model._meta.db_table
            there = columns_of(connections[local_alias()], [table]).get(table, ())
            strange = [column for column in strange if column not in there]
        return [*due, *strange]


def _at(field: Any) -> tuple[str, str]:
    return field.model._meta.label, str(field.column)
