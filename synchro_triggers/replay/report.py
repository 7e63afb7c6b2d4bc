"""What was done, counted; what is told of it; and what a run says at its end."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext, ngettext

from ..exceptions import SynchroError

COUNTED = ("created", "updated", "deleted", "unchanged", "conflicts", "failed")

#: Remarks of one kind that a report keeps by name; beyond that they are counted, so that memory stays flat.
NAMED = 1_000

#: Failures that an error names.
_NAMED = 5


@dataclass
class Counts:
    """How many objects of one model were created, updated, … on the remote.

    Of an automatic many-to-many table, ``created`` and ``deleted`` count links.
    """

    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    conflicts: int = 0
    failed: int = 0


@dataclass(frozen=True)
class FailedObject:
    """An object that could not be applied: kept on the remote and tried again first in the next run.

    Attributes:
        model: the label, ``app.Model``.
        key: the primary key as text.
        error: what was wrong, for people.
        remote: the alias of that remote.
    """

    model: str
    key: str
    error: str
    remote: str = ""


class Told(StrEnum):
    """Why a report speaks of an object that was neither written as LOCAL has it nor failed."""

    VANISHED = "vanished"
    """It is not on LOCAL, and the log does not say that it was deleted: the remote's row was left alone."""
    HANDED_ON = "handed on"
    """It was deleted; by its natural key the remote's row is another object's, of which nothing was logged: the row was
    left as it is."""
    DELETED_ALONG = "deleted along"
    """The remote's row went because another one was deleted there (a cascade)."""
    REMOTE_WON = "remote won"
    """Both sides changed it, and the remote's version stands."""
    LOCAL_WON = "local won"
    """Both sides changed it, and the remote's change was overwritten."""
    MERGED = "merged"
    """Both sides changed it, and the rule has merged both."""
    POINTS_NOWHERE = "points nowhere"
    """What it points to is not on LOCAL, and its number is or may become another object's on the remote: it was given
    a number there that no object has."""
    DIFFERS = "differs"
    """The model's own ``save()`` has made a value anew, and the remote's database again when it was mended."""
    STILL_THERE = "still there"
    """It was deleted on LOCAL; the model's own ``delete()`` has left its row on the remote."""
    DOUBLE = "double"
    """Another object has the same natural key, and the database allows it: both stay."""
    SKIPPED = "skipped"
    """What was logged of it cannot be used; nothing was done."""


@dataclass(frozen=True)
class Remark:
    """An object that a run left alone, overwrote against another's change, deleted along or skipped.

    Attributes:
        kind: which of these.
        model: the label, ``app.Model``.
        key: the primary key as text: LOCAL's, or the remote's for what LOCAL never had.
        reason: what happened, for people.
        remote: the alias of the remote that it is about.
    """

    kind: Told
    model: str
    key: str
    reason: str
    remote: str = ""


def describe_told(kind: Told, number: int) -> str:
    """Return a line for people: what became of so many objects.

    Example:
        >>> describe_told(Told.SKIPPED, 2)
        '2 objects left out'
    """
    objects = ngettext("%(number)s object", "%(number)s objects", number) % {"number": f"{number:,}"}
    return _summary(kind) % {"objects": objects}


def _summary(kind: Told) -> str:
    return {
        Told.VANISHED: gettext(
            "%(objects)s not on the local database although the log knows of no delete: left alone on the remote"
        ),
        Told.HANDED_ON: gettext(
            "%(objects)s deleted on the local database, and left to others that came past the log with its natural key"
        ),
        Told.DELETED_ALONG: gettext("%(objects)s deleted on the remote along with others"),
        Told.REMOTE_WON: gettext("%(objects)s changed on both sides: the remote's version was kept"),
        Told.MERGED: gettext("%(objects)s changed on both sides: the rule has merged both versions"),
        Told.LOCAL_WON: gettext("%(objects)s changed on both sides: the remote's version was overwritten"),
        Told.POINTS_NOWHERE: gettext(
            "%(objects)s pointing to what the local database does not have: a number that no object has, there"
        ),
        Told.DIFFERS: gettext(
            "%(objects)s not as on the local database: the remote makes a value anew whenever it is written"
        ),
        Told.STILL_THERE: gettext(
            "%(objects)s deleted on the local database, and still on the remote: delete() has left the row there"
        ),
        Told.DOUBLE: gettext(
            "%(objects)s with the natural key of another one on the remote: both stay, and are on record"
        ),
        Told.SKIPPED: gettext("%(objects)s left out"),
    }[kind]


@dataclass(frozen=True)
class LeftOut:
    """A field that a run has left out of all objects of a model, or a model: not both sides have its column, or table.

    Attributes:
        model: the label, ``app.Model``.
        field: its name; ``""``: the whole model.
        reason: which side, and what to run.
        remote: the alias of the remote that it is about.
        objects: of a whole model, how many objects this run has left out.
    """

    model: str
    field: str
    reason: str
    remote: str = ""
    objects: int = 0

    @property
    def name(self) -> str:
        """What is left out, as ``app.Model.field`` or ``app.Model``."""
        return f"{self.model}.{self.field}" if self.field else self.model


@dataclass
class SyncReport:
    """The result of ``synchronize()``.

    Attributes:
        remotes: the aliases that were written, in order.
        models: counts per model label.
        failures: the objects that could not be applied, old failures included.
        remarks: what else must be told of single objects; of each kind the first ``NAMED``.
        told: how many remarks there were of each kind, those that ``remarks`` left out included.
        left_out: the fields and models that were left out, because not both sides have their columns or tables: what
            they hold follows.
        warnings: what concerns the run as a whole, each once.
        seconds: how long the run took.
        dry_run: nothing was written; the counts say what would have been.
        waiting: how many objects are kept that this run has not tried.
        next_attempt: when the first of them will be tried; ``None``: by the next run.
        is_cut: the run was asked to end before it had done everything: the next one goes on from there.
        remote: the only one that it is about, while it is written.
        source: the database whose changes went there: LOCAL, or what was pulled from.
        ways: where changes went more than one way: a report for each, in order.
    """

    remotes: tuple[str, ...] = ()
    models: dict[str, Counts] = field(default_factory=dict)
    failures: list[FailedObject] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    told: dict[Told, int] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    dry_run: bool = False
    waiting: int = 0
    next_attempt: datetime.datetime | None = None
    is_cut: bool = False
    remote: str = ""
    source: str = ""
    ways: list[SyncReport] = field(default_factory=list)

    def count(self, label: str, what: str, number: int = 1) -> None:
        counts = self.models.setdefault(label, Counts())
        setattr(counts, what, getattr(counts, what) + number)

    def remark(self, kind: Told, model: str, key: str, reason: str) -> None:
        """Tell of one object."""
        self._keep(Remark(kind, model, key, reason))

    def leave_out(self, model: str, name: str, reason: str, objects: int = 0) -> None:
        """Tell of a field, or of a whole model, that is left out, once."""
        told = LeftOut(model, name, reason, self.remote, objects)
        if told not in self.left_out:
            self.left_out.append(told)

    def warn(self, text: str) -> None:
        """Tell something of the whole run, once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def _keep(self, remark: Remark) -> None:
        self.told[remark.kind] = self.told.get(remark.kind, 0) + 1
        if self.told[remark.kind] <= NAMED:
            self.remarks.append(remark if remark.remote else replace(remark, remote=self.remote))

    def add_way(self, source: str, report: SyncReport) -> None:
        """Add the report of one way that changes went."""
        report.source = source
        self.ways.append(report)
        self.add(report)

    def add(self, other: SyncReport) -> None:
        """Add another report's counts, failures, remarks and warnings to this one."""
        for label, counts in other.models.items():
            for what, number in asdict(counts).items():
                if number:
                    self.count(label, what, number)
        self.failures.extend(other.failures)
        for remark in other.remarks:
            self._keep(remark)
        for kind, number in other.told.items():  # those that the other one has only counted
            self.told[kind] = self.told.get(kind, 0) + number - sum(each.kind == kind for each in other.remarks)
        self.left_out.extend(each for each in other.left_out if each not in self.left_out)
        for text in other.warnings:
            self.warn(text)
        self.is_cut = self.is_cut or other.is_cut
        self.wait(other.waiting, other.next_attempt)

    def wait(self, number: int, until: datetime.datetime | None) -> None:
        """Tell of kept objects that were not tried, and when the first of them will be."""
        self.waiting += number
        if until is not None:
            self.next_attempt = min(until, self.next_attempt or until)

    def fail(self, failures: Iterable[FailedObject]) -> None:
        """Record objects that could not be applied."""
        for failure in failures:
            self.failures.append(failure if failure.remote else replace(failure, remote=self.remote))
            self.count(failure.model, "failed")

    def _total(self, what: str) -> int:
        return sum(getattr(counts, what) for counts in self.models.values())

    @property
    def created(self) -> int:
        return self._total("created")

    @property
    def updated(self) -> int:
        return self._total("updated")

    @property
    def deleted(self) -> int:
        return self._total("deleted")

    @property
    def unchanged(self) -> int:
        return self._total("unchanged")

    @property
    def conflicts(self) -> int:
        return self._total("conflicts")

    @property
    def failed(self) -> int:
        return self._total("failed")

    @property
    def changed(self) -> bool:
        """Whether there was anything to do: something was written, left alone in a conflict, or failed."""
        return bool(self.created or self.updated or self.deleted or self.conflicts or self.failed)

    def name_of(self, told: FailedObject | Remark) -> str:
        """Return what an object is called in a message: with its remote where the run was about several."""
        where = f"{told.remote}: " if len(self.remotes) > 1 else ""
        return f"{where}{told.model} {told.key}"

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON."""
        return {
            "remotes": list(self.remotes),
            "changed": self.changed,
            "dry_run": self.dry_run,
            "seconds": round(self.seconds, 3),
            **{what: self._total(what) for what in COUNTED},
            "models": {label: asdict(counts) for label, counts in sorted(self.models.items())},
            "failures": [asdict(failure) for failure in self.failures],
            "waiting": self.waiting,
            "next_attempt": self.next_attempt.isoformat() if self.next_attempt else None,
            "told": {str(kind): number for kind, number in sorted(self.told.items())},
            "remarks": [asdict(remark) for remark in self.remarks],
            "left_out": [asdict(each) for each in self.left_out],
            "warnings": list(self.warnings),
            "ways": [
                {"source": way.source, "remote": way.remote, **{what: way._total(what) for what in COUNTED}}
                for way in self.ways
            ],
        }


def message_of_success(report: SyncReport) -> str:
    """Return the translated message for a run.

    Raises:
        SynchroError: objects could not be applied; the message names them.
    """
    if report.failures or report.waiting:
        raise SynchroError(describe_failures(report))
    return message_of(report)


def message_of(report: SyncReport) -> str:
    """Return the translated message for a run."""
    if report.changed:
        return gettext("Synchronization performed successfully.")
    return gettext("No changes since last synchronization.")


def describe_left_out(report: SyncReport) -> str:
    """Return a line for each field, or model, that was left out; ``''``: none was."""
    if not report.left_out:
        return ""
    lines = [f"{each.name}: {_counted(each.objects)}{each.reason}" for each in report.left_out]
    if all(each.field for each in report.left_out):
        head = gettext("Left out, as not both sides have the column; the values follow when they do:")
    else:
        head = gettext("Left out, as not both sides have the column or the table; the values follow when they do:")
    return f"{head}\n  " + "\n  ".join(lines)


def _counted(objects: int) -> str:
    if not objects:
        return ""
    return ngettext("%(number)s object, as ", "%(number)s objects, as ", objects) % {"number": f"{objects:,}"}


def describe_failures(report: SyncReport) -> str:
    """Return a line for each of the first failures, and how many more there are."""
    if not report.failures:
        return _describe_waiting(report)
    lines = [f"{report.name_of(failure)}: {failure.error}" for failure in report.failures[:_NAMED]]
    count = len(report.failures)
    if count > _NAMED:
        lines.append(gettext("... and %(number)s more") % {"number": count - _NAMED})
    head = ngettext(
        "%(number)s object could not be applied; kept, tried again in the next run:",
        "%(number)s objects could not be applied; kept, tried again in the next run:",
        count,
    ) % {"number": count}
    between = " " if count == 1 else "\n  "
    if report.waiting:
        between, lines = "\n  ", [*lines, _describe_waiting(report)]
    return f"{head}{between}" + "\n  ".join(lines)


def _describe_waiting(report: SyncReport) -> str:
    text = ngettext(
        "%(number)s object that could not be applied before: not tried now, the next attempt is due %(when)s "
        "(`manage.py synchro_failures --retry`: at once)",
        "%(number)s objects that could not be applied before: not tried now, the next attempt is due %(when)s "
        "(`manage.py synchro_failures --retry`: at once)",
        report.waiting,
    )
    at = f"{report.next_attempt:%Y-%m-%d %H:%M:%S} UTC" if report.next_attempt else gettext("by the next run")
    return text % {"number": f"{report.waiting:,}", "when": at}
