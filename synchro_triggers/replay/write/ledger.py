"""What a run has come to so far: the one place that notes it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from ...conf import local_alias
from ...key_texts import printable_key
from ..log.absent import Absent
from ..log.changes import Change
from ..log.handed_on import HandedOn
from ..plan.context import BatchResult
from ..report import FailedObject, SyncReport, Told
from ..schema.keys import FormerKey
from ..schema.shape import shown_key
from ..state.failures import describe


class Ledger:
    """What one run has done, what has failed in it, and what it has found gone.

    Attributes:
        report: counts and remarks.
        absent: what LOCAL does not have although nothing that was read so far says that it was deleted.
        handed_on: rows of deleted objects that others have now, to which the run has not come so far.
        began: when the run began (``time.monotonic()``).
    """

    def __init__(self, remote: str) -> None:
        self.report = SyncReport(remote=remote)
        self.absent, self.handed_on = Absent(), HandedOn()
        self.began = time.monotonic()
        self._failed: dict[tuple[str, str], tuple[Change, Exception]] = {}
        self._refused: set[tuple[str, str]] = set()

    def note(self, changes: Iterable[Change], result: BatchResult) -> None:
        """Note what has become of changes; what had failed and does not fail now is done."""
        self.report.add(result.report)
        self.absent.hold(result.vanished)
        self.handed_on.hold(result.handed_on)
        self.handed_on.come_to(changes)
        for change in changes if self._failed else ():
            self._failed.pop((change.label, change.key), None)
        for change, error in result.failed.items():
            self._failed[change.label, change.key] = (change, error)

    def rename(self, label: str, key: str, former: FormerKey) -> None:
        """Note that what has failed under a key is of the object that had it before: another one has it now."""
        if (label, key) in self._failed:
            change, error = self._failed.pop((label, key))
            self._failed[label, former] = (replace(change, key=former), error)
        if (label, key) in self._refused:
            self._refused.add((label, former))

    def note_refusal(self, change: Change) -> None:
        """Note that the remote has refused a change at the commit."""
        self._refused.add((change.label, change.key))

    def was_refused(self, change: Change) -> bool:
        """Tell whether the remote has ever refused a change at the commit."""
        return (change.label, change.key) in self._refused

    def has_failed(self, change: Change) -> bool:
        """Tell whether this run has tried an object in vain."""
        return (change.label, change.key) in self._failed

    @property
    def any_failed(self) -> bool:
        """Whether this run has tried anything in vain."""
        return bool(self._failed)

    @property
    def failed(self) -> list[Change]:
        """What this run has tried in vain."""
        return [change for change, _ in self._failed.values()]

    @property
    def refused(self) -> list[Change]:
        """What of it the remote has refused at the commit."""
        return [change for change in self.failed if self.was_refused(change)]

    def tell_failed(self) -> None:
        """Put what has failed into the report."""
        self.report.fail(
            FailedObject(change.label, printable_key(shown_key(change.label, change.key)), describe(error))
            for change, error in self._failed.values()
        )

    def tell_absent(self) -> None:
        """Name what LOCAL does not have although the log does not say that it was deleted."""
        for change in self.absent:
            reason = (
                f"{local_alias()!r} does not have it, and did not log that it was deleted; left alone on the remote"
            )
            self.report.remark(Told.VANISHED, change.label, printable_key(change.key), reason)
        self.absent.close()

    def tell_handed_on(self) -> None:
        """Name rows of deleted objects that others have now, of which the run has found nothing logged."""
        self.handed_on.come_to(self.failed)
        for left in self.handed_on:
            self.report.remark(Told.HANDED_ON, left.label, printable_key(left.key), left.reason)
        self.handed_on.close()

    def tell_cut(self, after: int | None) -> None:
        """Name both where the run ends before its end, but for what the next one comes to: it names that itself.

        Args:
            after: the log row up to which the window is applied; ``None``: none of it is left.
        """
        if after is not None:
            self.absent.leave_to_the_next(after)
            self.handed_on.leave_to_the_next(after)
        self.tell_absent()
        self.tell_handed_on()
