"""A request's part of what was pressed on the page: a few seconds of it, transaction by transaction.

Each part of a run ends as a follower's does that is stopped, and the next one goes on from the checkpoint. A dry run
writes nothing to go on from: it is one part, and says how far it has looked. A comparison is made model by model.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from ..capture.install import captured_models_on
from ..capture.tables import is_of_links, labels_of
from ..conf import LOCAL, get_settings, local_alias
from ..exceptions import RunUnderWay
from ..masking import without_credentials
from ..models import Failure, Run
from ..reaching import answered_within, clear_errors
from ..replay.choices import Deadline
from ..replay.compare.comparison import compare
from ..replay.compare.report import ComparisonReport, State
from ..replay.report import Remark, SyncReport, Told, describe_failures, describe_left_out
from ..replay.state.node import node_id
from ..replay.status.remote import pending_rows, time_at, under_way
from ..replay.synchronizing import retry_failures, synchronize
from .cards import ANSWERS_WITHIN
from .permissions import hidden
from .work import Work

#: Seconds that a request works: proxies and servers of applications give up after 30, or less.
SECONDS = 3.0

#: Objects that are named of what a dry run or a comparison has found.
NAMED = 20


def make_part(work: Work, by: str) -> None:
    """Do something of what is left, for a few seconds.

    Args:
        work: is told how far it has come, and what there is to be said.
        by: who has pressed it, for the records of runs.

    Raises:
        Exception: whatever is wrong, with ``SYNCHRO_DEBUG``.
    """
    until = time.monotonic() + SECONDS
    while not work.is_finished:
        work.waits = ""
        ended = True
        try:
            with answered_within(ANSWERS_WITHIN, work.remote), clear_errors(local_alias(), work.remote):
                ended = _PARTS[work.kind](_Part(work, by, until))
        except RunUnderWay:
            work.waits, ended = _whom_it_waits_for(work.remote), False
        except Exception as error:  # whatever a receiver or a driver raises is for the user of this page to see
            if get_settings().debug:
                raise
            work.say("error", describe_error(error))
        if not ended:
            return
        work.go_to_next()
        if time.monotonic() >= until:
            return


def _whom_it_waits_for(remote: str) -> str:
    """Return what there is to say of the run that is under way: which process it is, and who has begun it."""
    who = under_way(remote)
    said = _("a run is under way: %(who)s") % {"who": who} if who else _("another run was under way")
    return f"{said}{_by_whom(remote)}"


def _by_whom(remote: str) -> str:
    """Return who has begun the run that is under way, in brackets, where that is on record."""
    runs = Run._base_manager.using(LOCAL).filter(remote=remote, ended_at=None).order_by("-id")
    who = runs.values_list("begun_by", flat=True).first()
    return f" ({who})" if who else ""


def describe_error(error: Exception) -> str:
    """Return what the page says of an error."""
    text = _("An error occurred: %(msg)s (%(type)s)")
    return text % {"msg": without_credentials(str(error)), "type": type(error).__name__}


@dataclass
class _Part:
    """What a request does with one remote.

    Attributes:
        work: what was pressed.
        by: who has pressed it.
        until: when to end.
    """

    work: Work
    by: str
    until: float
    began: float = field(default_factory=time.monotonic)

    @property
    def remote(self) -> str:
        return self.work.remote

    @property
    def seconds(self) -> float:
        """How many seconds there are."""
        return max(0.0, self.until - time.monotonic())

    @property
    def deadline(self) -> Deadline:
        # Looking what there is to do may have taken long; something is to be done even so.
        return Deadline(SECONDS / 3, not_before=self.until)

    @property
    def is_fresh(self) -> bool:
        """Whether there is as much time as there can be."""
        return self.seconds > SECONDS * 0.9


# Runs ---------------------------------------------------------------------------------------------


def _synchronize(part: _Part) -> bool:
    if not part.work.total:
        part.work.leave(pending_rows(part.remote))
    looked = part.work.looked
    report = synchronize(part.remote, by=part.by, interrupted=part.deadline, in_parts=True, looked=looked)
    return _note_run(part, report, lambda: pending_rows(part.remote))


def _retry(part: _Part) -> bool:
    part.work.since = part.work.since or time_at(part.remote).isoformat()
    since = datetime.datetime.fromisoformat(part.work.since)

    def left() -> int:
        return _untried(part.remote, since) + pending_rows(part.remote)

    if not part.work.total:
        part.work.leave(left())
    report = retry_failures(
        part.remote,
        by=part.by,
        untried_since=since,
        interrupted=part.deadline,
        in_parts=True,
        looked=part.work.looked,
    )
    return _note_run(part, report, left)


def _untried(remote: str, since: datetime.datetime) -> int:
    source = node_id(local_alias())
    return Failure._base_manager.using(remote).filter(source=source, last_at__lt=since).count()


def _note_run(part: _Part, report: SyncReport, left: Callable[[], int]) -> bool:
    """Note what a part of a run has done; return whether it has ended."""
    work = part.work
    work.changed = work.changed or report.changed
    for text in report.warnings:
        work.say("warning", without_credentials(text))
    for kind, number in report.told.items():
        work.tell(kind, number, [_named(report, each) for each in report.remarks if each.kind == kind])
    for left_out in report.left_out:
        work.left_out[left_out.name] = work.left_out.get(left_out.name, 0) + left_out.objects
    if report.is_cut:
        work.leave(left())
        if work.looked.is_under_way or work.looking:
            work.looking = max(work.looking, work.looked.part)
        return False
    if report.failures or report.waiting:
        text = _("An error occurred: %(msg)s (%(type)s)")
        if not work.with_values:
            report.failures = [replace(each, error=hidden()) for each in report.failures]
        work.say("error", text % {"msg": without_credentials(describe_failures(report)), "type": "SynchroError"})
    if report.left_out:
        report.left_out = [replace(each, objects=work.left_out[each.name]) for each in report.left_out]
        work.say("warning", describe_left_out(report))
    return True


def _named(report: SyncReport, told: Remark) -> str:
    """Return what an object is called, and what happened to it where that is another thing each time."""
    name = report.name_of(told)
    return f"{name} ({without_credentials(told.reason)})" if told.kind in {Told.HANDED_ON, Told.SKIPPED} else name


# What changes nothing -----------------------------------------------------------------------------


def _dry_run(part: _Part) -> bool:
    waiting = pending_rows(part.remote)
    report = synchronize(part.remote, dry_run=True, by=part.by, interrupted=part.deadline)
    part.work.found[part.remote] = {
        "rows": [
            [label, each.created, each.updated, each.deleted, each.unchanged, each.conflicts, each.failed]
            for label, each in sorted(report.models.items())
        ],
        "named": [
            [each.model, each.key, without_credentials(each.error) if part.work.with_values else hidden()]
            for each in report.failures[:NAMED]
        ],
        "is_cut": report.is_cut,
        "waiting": waiting,
        "warnings": [without_credentials(text) for text in report.warnings],
    }
    return True


class _OutOfTime(Exception):
    """A table is longer than there is time."""


def _compare(part: _Part) -> bool:
    work = part.work
    if work.models is None:
        # The links of a many-to-many field are compared with the model that has it.
        captured = [model for model in captured_models_on(local_alias()) if not is_of_links(model)]
        work.models = [model._meta.label for model in captured]
        work.total = len(work.models)
        work.found[part.remote] = {"rows": [], "named": [], "too_long": [], "left_out": [], "differ": 0}
    while work.models:
        found = work.found[part.remote]
        is_fresh = part.is_fresh
        try:
            if not _compared(found).issuperset(labels_of(work.models[0])):
                _note_comparison(found, compare(part.remote, models=[work.models[0]], progress=_ends_at(part.until)))
        except _OutOfTime:
            if not is_fresh:  # it begins anew when it has all the time of a request
                return False
            found["too_long"].append(work.models[0])
        work.models = work.models[1:]
        work.leave(len(work.models))
        if work.models and not part.seconds:
            return False
    return True


def _ends_at(until: float) -> Callable[[int, int], None]:
    def look_at_the_clock(done: int, of: int) -> None:
        if done < of and time.monotonic() >= until:
            raise _OutOfTime

    return look_at_the_clock


def _compared(found: dict[str, Any]) -> set[str]:
    """Return the labels of what was compared: with a model come its parents and its links, which others may share."""
    return {label for label, *_numbers in found["rows"]}


def _note_comparison(found: dict[str, Any], report: ComparisonReport) -> None:
    before = _compared(found)
    for models in report.models.values():
        for label, each in models.items():
            if label in before:
                continue
            found["rows"].append(
                [label, each.local, each.remote, each.equal, each.unexplained, each.pending, each.kept, each.conflicts]
            )
            found["differ"] += each.unexplained
    new = [one for one in report.differences if one.model not in before]
    for one in new[: NAMED - len(found["named"])]:
        # Not the values: who may see this page may not see every model.
        fields = ", ".join(each.field for each in one.fields)
        key = one.local_key or one.remote_key or ""
        told = [one.model, key, _words().get(one.state, ""), _words().get(one.only, ""), fields]
        found["named"].append([*told, without_credentials(one.reason)])
    for left_out in report.left_out.values():
        found["left_out"] += [name for name in left_out if name not in found["left_out"]]


def _words() -> dict[str, str]:
    """Return what the page says of a state, and of the side that alone has an object."""
    return {
        State.DIFFERS: pgettext("comparison", "differs"),
        State.PENDING: pgettext("comparison", "on its way"),
        State.KEPT: pgettext("comparison", "kept as a failure"),
        State.CONFLICT: pgettext("comparison", "changed on both sides"),
        State.CHANGING: pgettext("comparison", "changes all the time"),
        "local": pgettext("comparison", "only here"),
        "remote": pgettext("comparison", "only there"),
    }


_PARTS: dict[str, Callable[[_Part], bool]] = {
    "synchro": _synchronize,
    "retry": _retry,
    "dry_run": _dry_run,
    "compare": _compare,
}
