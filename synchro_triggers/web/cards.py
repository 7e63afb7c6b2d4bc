"""What the page shows: LOCAL, and a card for each remote."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from ..conf import Settings, local_alias
from ..exceptions import SynchroError
from ..masking import without_credentials
from ..reaching import answered_within, silent_servers
from ..replay.status.findings import Finding, Limits, find
from ..replay.status.local import LocalStatus, read_local
from ..replay.status.remote import FailureStatus, Status, Unreachable, read_all, read_status
from ..replay.status.runs import last_runs
from .drawing import RUNS, Bar, Sparkline, bars_of, sparkline_of
from .permissions import hidden

#: Seconds after which a server that does not answer is given up: somebody waits for the page.
ANSWERS_WITHIN = 2

#: Log rows in which waiting objects are counted.
LOOKED_AT = 100_000

#: Kept failures that a card names.
_NAMED = 5


@dataclass(frozen=True)
class Card:
    """A remote.

    Attributes:
        remote: the alias.
        status: where it stands; ``None``: it could not be asked.
        error: why not.
        is_down: it is out of reach.
        logs: it has triggers, so that what its own users change is seen.
        oldest: when the oldest change was logged that waits; ``None``: none does.
        bars: what waits, by model.
        bars_are_of: of how many log rows, where it is not all of them; else 0.
        runs: the last runs.
        failures: the first of the kept failures.
        findings: what is wrong, and what cures it.
        failures_url, conflicts_url: lists of the admin; ``""``: there are none.
    """

    remote: str
    status: Status | None
    error: str
    is_down: bool
    logs: bool
    oldest: datetime.datetime | None
    bars: tuple[Bar, ...]
    bars_are_of: int
    runs: Sparkline | None
    failures: tuple[FailureStatus, ...]
    findings: tuple[Finding, ...]
    failures_url: str
    conflicts_url: str


@dataclass(frozen=True)
class Overview:
    """All of it.

    Attributes:
        local: where LOCAL stands; ``None``: it cannot be told.
        error: why not.
        findings: what is wrong with LOCAL.
        cards: of the remotes, in order.
    """

    local: LocalStatus | None
    error: str
    findings: tuple[Finding, ...]
    cards: tuple[Card, ...]


def read_overview(settings: Settings, *, with_values: bool) -> Overview:
    """Look where all stand. A remote that cannot be asked is a card that says so.

    Args:
        settings: of this package.
        with_values: errors are shown, which may hold values of objects.

    Raises:
        Exception: whatever is wrong, with ``SYNCHRO_DEBUG``.
    """
    local, error = None, ""
    try:
        local = read_local(counted=False)
    except SynchroError as wrong:
        if settings.debug:
            raise
        error = without_credentials(str(wrong))
    if local is None:
        return Overview(None, error, (), ())
    with answered_within(ANSWERS_WITHIN, *settings.remotes):
        statuses = _statuses(settings)
    cards = tuple(_card(each, local, with_values=with_values) for each in statuses)
    return Overview(local, error, tuple(map(_masked, find(local, [], Limits()))), cards)


def _statuses(settings: Settings) -> Sequence[Status | Unreachable]:
    if settings.debug:
        return [read_status(alias, at_most=LOOKED_AT, named=_NAMED) for alias in settings.remotes]
    silent = silent_servers(ANSWERS_WITHIN, settings.remotes)
    found: list[Status | Unreachable] = []
    for alias in settings.remotes:
        found += [_silent(alias)] if alias in silent else read_all([alias], at_most=LOOKED_AT, named=_NAMED)[0]
    return found


def _silent(alias: str) -> Unreachable:
    text = _("its server has not answered within %(seconds)s seconds.")
    return Unreachable(alias, text % {"seconds": ANSWERS_WITHIN}, _UNREACHABLE)


def _card(found: Status | Unreachable, local: LocalStatus, *, with_values: bool) -> Card:
    if not with_values:
        found = _without_values(found)
    status = found if isinstance(found, Status) else None
    error = found.error if isinstance(found, Unreachable) else ""
    runs = last_runs(found.remote, RUNS, under_way=bool(status and status.under_way))
    if not with_values:
        runs = [replace(run, error="") for run in runs]
    findings = [each for each in find(local, [found], Limits()) if each.database != local_alias()]
    waits = status is not None and bool(status.pending_rows)
    return Card(
        remote=found.remote,
        status=status,
        error=error,
        is_down=isinstance(found, Unreachable) and found.code == _UNREACHABLE,
        logs=status is not None and status.logs,
        oldest=timezone.now() - datetime.timedelta(seconds=status.lag) if status is not None and waits else None,
        bars=bars_of(status.pending) if status is not None else (),
        bars_are_of=LOOKED_AT if status is not None and status.pending_rows > LOOKED_AT else 0,
        runs=sparkline_of(runs),
        failures=tuple(
            replace(each, error=without_credentials(each.error)) for each in (status.failures if status else ())
        ),
        findings=tuple(map(_masked, findings)) if status is not None else (),
        failures_url=_list_of("failure", found.remote),
        conflicts_url=_list_of("conflict", found.remote),
    )


def _without_values(found: Status | Unreachable) -> Status | Unreachable:
    """Return it without the errors of runs and failures, which may hold values of objects."""
    runs = tuple(replace(run, error="") for run in found.runs)
    if isinstance(found, Unreachable):
        return replace(found, runs=runs)
    return replace(found, runs=runs, failures=tuple(replace(each, error=hidden()) for each in found.failures))


#: The exit codes that stand for a run that is refused, and for a database that is out of reach.
_REFUSED, _UNREACHABLE = 3, 5


def _masked(finding: Finding) -> Finding:
    return replace(finding, cause=without_credentials(finding.cause), cure=_cure_here(finding))


def _cure_here(finding: Finding) -> str:
    """Return what somebody without a shell does about it."""
    if finding.button == "retry":
        return _("Mend the cause on the object's own page, then press “Retry failures”.")
    if not finding.cure and (finding.code == _REFUSED or finding.button == "synchro"):
        # The cause says what is to be done first: a run that was begun before would be refused again.
        return _("Tell those who look after the server what it says; when they have done it, press “Synchronize”.")
    if finding.button == "synchro":
        return _("Press “Synchronize”.")
    return _("Tell those who look after the server: %(cure)s") % {"cure": finding.cure} if finding.cure else ""


def _list_of(model: str, remote: str) -> str:
    """Return where the admin lists a remote's records; ``""``: it does not."""
    try:
        return f"{reverse(f'admin:synchro_triggers_{model}_changelist')}?{urlencode({'database': remote})}"
    except NoReverseMatch:
        return ""
