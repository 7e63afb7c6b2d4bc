"""The tables that both databases have: a run leaves the other models out, says so, and brings their objects later.

What was left out of a model is noted in the remote's checkpoint, in the transaction that passes it: since which row,
and position, of LOCAL's log. Once both sides have the table, the run reads the log from there on, for this model alone,
so that what was deleted meanwhile is known, and so is who has changed what. The log is kept that long for models that
LOCAL's code captures (``state.account``). Where it was pruned all the same, every object of the model is looked at.

A model may have another name by then (``RenameModel``). LOCAL's log follows when LOCAL is migrated; the note may be on
a database that was migrated before, and is read by the migrations that the code has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from django.db import connections, transaction

from ..capture.install import captured_labels
from ..capture.renamed_models import label_now
from ..conf import local_alias
from ..models import Checkpoint, Reference
from .columns import Columns
from .log.vendor import log_of
from .log.window import Window, open_window
from .meeting.first_meeting import Meeting
from .plan.context import RunContext
from .plan.fence import Fence
from .report import SyncReport
from .rows.selecting import rows_of
from .schema.shape import model_of, root_of
from .state.late import LateProgress, Reached, read_reached
from .state.lease import Lease
from .state.left_out import (
    ALL_OBJECTS,
    OF_TABLES,
    PROGRESS,
    TABLE,
    LeftOut,
    as_text,
    read_since,
    renamed,
    since,
    with_progress,
    with_table,
)
from .state.node import pruned_to

#: Labels that no model has and of which it is noted that something was left out: anything may stand in a log.
_UNKNOWN_AT_MOST = 100


class Late(NamedTuple):
    """What was left out of a model.

    Attributes:
        window: what was logged meanwhile; ``None``: the log does not tell.
        all_objects: all of its objects have to be looked at.
        is_anew: the remote's table was dropped, and is another one by now.
        progress: how far that has come, in runs that were cut off, and now.
    """

    window: Window | None
    all_objects: bool
    is_anew: bool
    progress: LateProgress


class Tables:
    """The models that a run leaves out, and those that earlier runs have left out.

    Args:
        context: where and how to write.
        fence: which models are written.
        columns: notes what is left out.
    """

    def __init__(self, context: RunContext, fence: Fence, columns: Columns) -> None:
        self._context, self._fence, self._columns = context, fence, columns
        self._checkpoint = Checkpoint()
        self._windows: Sequence[Window] = ()

    def forget(self) -> None:
        """Forget what an earlier run has left out."""
        self._fence.absent = {}
        self.__dict__.pop("_now", None)

    def begin(self, checkpoint: Checkpoint, windows: Sequence[Window], *, full: bool) -> None:
        """Look which models a run leaves out; to be called once the columns are looked at.

        What the source has no table of may be logged there under another name, or none: that is noted at once. What the
        remote has none of is noted with the first change that it does not get.

        Args:
            checkpoint: what the remote has received.
            windows: what is new.
            full: every object is to come, not only what is new.
        """
        self._checkpoint, self._windows = checkpoint, windows
        absent = {model._meta.label: why for model, why in self._fence.schema.absent().items()}
        self._fence.absent = absent
        self._fence.kept_out.clear()
        self._follow_renames()
        at_source = self._fence.schema.here.absent(self._fence.listed)
        for label in absent:
            if label in self._fence.chosen and (full or label in at_source):
                self._note(label, all_objects=full)

    def note_dropped(self, label: str) -> None:
        """Note that something of a model was not brought: one side lacks its table, or the code does not know it."""
        if label in self._fence.absent:
            self._note(label)
        elif model_of(label) is None and label not in self._columns.entries:
            unknown = [each for each in self._columns.entries if model_of(each) is None]
            if len(unknown) < _UNKNOWN_AT_MOST:
                self._note(label)

    def _note(self, label: str, *, all_objects: bool = False) -> None:
        noted = self._columns.entries.get(label, {})
        if TABLE not in noted:
            all_objects |= self._context.gaps.lacks(label)  # what it lacked before, the log does not bring
        elif ALL_OBJECTS in noted or not all_objects:
            return
        note = noted.get(TABLE, self._now)
        self._columns.note(with_table(self._columns.entries, label, note, all_objects=all_objects))

    @cached_property
    def _now(self) -> str:
        first = min((window.first for window in self._windows if window.rows), default=None)
        row = log_of(connections[local_alias()]).highest_id(connections[local_alias()]) if first is None else first - 1
        return since(row, self._checkpoint.position)

    @property
    def waits_for_anything(self) -> bool:
        """Whether columns or tables are left out, or were: a run may bring them when all else is done."""
        return bool(self._columns.entries)

    def tell(self, report: SyncReport) -> None:
        """Tell what was left out, of which something is noted."""
        for label, why in sorted(self._fence.absent.items()):
            if label in self._fence.chosen and TABLE in self._columns.entries.get(label, {}):
                report.leave_out(label, "", why, self._fence.kept_out[label])

    # What was left out before -----------------------------------------------------------------------

    def due(self) -> dict[str, Late]:
        """Return the models of which both sides have the tables now, with what was left out, by label."""
        found: dict[str, Late] = {}
        for label, columns in self._columns.entries.items():
            if TABLE in columns and label in self._fence.open:
                progress = self._progress(label, columns.get(PROGRESS))
                window = self._window(columns[TABLE], progress.reached)
                is_anew = self._is_made_anew(label)
                all_objects = window is None or ALL_OBJECTS in columns or is_anew
                found[label] = Late(window, all_objects, is_anew, progress)
        return found

    def _progress(self, label: str, noted: str | None) -> LateProgress:
        def entries(reached: Reached) -> LeftOut:
            return with_progress(self._columns.entries, label, reached.as_text())

        return LateProgress(
            read_reached(noted, self._end),
            lambda reached: {"left_out": as_text(entries(reached))},
            lambda reached: self._columns.note(entries(reached)),
        )

    @property
    def _end(self) -> str:
        """Return where the window of what was left out ends: what follows is new, and comes anyway."""
        return self._checkpoint.window_end or self._checkpoint.position

    def _is_made_anew(self, label: str) -> bool:
        """Tell whether the remote's table was dropped, and is another one by now: it has none of its objects."""
        model, remote = model_of(label), self._context.remote
        if model is None or rows_of(model, remote).exists():
            return False
        known = Reference._base_manager.using(remote).filter(model_label=root_of(model)._meta.label)
        return known.exclude(remote_pk__startswith="gone:").exists()

    def _forget_references(self, label: str, lease: Lease) -> None:
        """Forget which rows the objects were in a table that is gone: the new one gives out their keys again."""
        model = model_of(label)
        with transaction.atomic(using=self._context.remote):
            lease.renew(left_out=as_text(self._columns.entries))
            if model is not None and root_of(model) is model:
                known = Reference._base_manager.using(self._context.remote).filter(model_label=label)
                known.exclude(remote_pk__startswith="gone:")._raw_delete(self._context.remote)

    def _window(self, note: str, reached: Reached) -> Window | None:
        noted = read_since(note)
        if noted is None or pruned_to(local_alias()) > noted[0]:
            return None
        node = self._context.node
        return open_window(local_alias(), noted[1], end=self._end, after=reached.row, without_origin=node)

    def require_acquaintance(self, late: Mapping[str, Late], *, anew: bool, met: bool) -> None:
        """Refuse to go on where an object that would be created may be on the remote already.

        Args:
            late: what is due.
            anew, met: as for ``Meeting``.

        Raises:
            Refused: there is such an object.
        """
        for label, missed in late.items():
            if missed.progress.has_begun:  # it was looked at then; what is new is noticed when it is to be created
                continue
            meeting = Meeting(self._context, [label], anew=anew, met=met)
            if missed.window is not None:
                meeting.look_through(missed.window)
            if missed.all_objects:
                meeting.look_at_everything()
            meeting.refuse_doubts()

    def bring_late(
        self,
        late: Mapping[str, Late],
        apply: Callable[[str, Late], dict[str, object]],
        lease: Lease,
        report: SyncReport,
    ) -> None:
        """Bring the objects of models that were left out.

        Args:
            late: what is due.
            apply: brings those of one model, and returns what is written into the checkpoint with that.
            lease: is renewed with the note that they have come.
            report: takes what is told.
        """
        for label, missed in late.items():
            if self._context.dry_run:
                report.leave_out(label, "", "a run brings its objects now")
                continue
            if missed.all_objects:  # also where the remote has some of them by the next run
                noted = self._columns.entries[label][TABLE]
                self._columns.note(with_table(self._columns.entries, label, noted, all_objects=True))
            if missed.is_anew:
                self._forget_references(label, lease)
            if missed.window is None:
                source = local_alias()
                report.warn(
                    f"{label}: the log of {source!r} does not reach back to when it was left out: all its objects were "
                    "looked at, and of what was deleted meanwhile nothing is known. `manage.py synchro_compare --model "
                    f"{label}` tells what only {self._context.remote!r} has."
                )
            self._columns.forget(lease, label, OF_TABLES, **apply(label, missed))

    def _follow_renames(self) -> None:
        """Look for models that have another name by now; forget those that nobody has any more."""
        logged: frozenset[str] | None = None
        for label in [label for label in self._columns.entries if model_of(label) is None]:
            logged = captured_labels(local_alias()) if logged is None else logged
            if label in logged or not logged:
                continue  # LOCAL's database has it, and this code is a migration behind
            now = label_now(label)
            if now != label and model_of(now) is not None:
                self._columns.note(renamed(self._columns.entries, label, now))
                self._context.gaps.note_dropped(now)
            elif TABLE in self._columns.entries[label]:
                self._columns.note({each: names for each, names in self._columns.entries.items() if each != label})
            self._context.gaps.forget_labels([label])
