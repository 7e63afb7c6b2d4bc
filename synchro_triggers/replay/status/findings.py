"""What is wrong, for monitoring: each finding with its cause, and with the command that cures it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from .local import LocalStatus
from .remote import Status, Unreachable
from .runs import PastRun


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes:
        code: the exit code that stands for it.
        database: the alias.
        cause: what is wrong.
        cure: what to do; ``""``: the cause says so.
        button: what cures it on the page: ``retry`` what has failed, when its cause is mended, or ``synchro``; ``""``:
            nothing there does.
    """

    code: int
    database: str
    cause: str
    cure: str
    button: str = ""

    def describe(self) -> str:
        """Return a line for people."""
        if not self.cure:
            return f"{self.database}: {self.cause}"
        return f"{self.database}: {self.cause.removesuffix('.')}: {self.cure}"  # an error ends with a full stop

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {name: value for name, value in asdict(self).items() if name != "button"}


@dataclass(frozen=True)
class Limits:
    """What monitoring allows.

    Attributes:
        lag: seconds; ``None``: any.
        failures: kept failures of each remote.
    """

    lag: float | None = None
    failures: int = 0


def find(local: LocalStatus, remotes: Iterable[Status | Unreachable], limits: Limits) -> list[Finding]:
    """Return all that is wrong.

    Example:
        >>> find(local, [], Limits())
        [Finding(code=3, database='default', cause='1 table has triggers that do not fit', cure='...')]
    """
    found = list(_of_local(local))
    for each in remotes:
        found += _of_remote(each, limits, local.copy) if isinstance(each, Status) else _of_unreachable(each)
    return found


def _of_local(local: LocalStatus) -> Iterator[Finding]:
    alias = local.database
    if local.copy:
        yield Finding(
            3, alias, _("it is a copy, or was moved"), _("`manage.py synchronize` tells what has to be decided")
        )
    if local.triggers:
        cause = _("triggers do not fit, so changes may be missed: %(first)s")
        first, *others = local.triggers
        if others:
            cause = _("triggers do not fit, so changes may be missed: %(first)s (and %(more)s more)")
        cure = _("run `manage.py synchro_install_triggers --database %(database)s`")
        said = {"first": first, "more": len(others)}
        yield Finding(3, alias, cause % said, cure % {"database": alias})


def _of_unreachable(remote: Unreachable) -> Iterator[Finding]:
    cure = _("start it, or look at its settings") if remote.code == 5 else ""
    yield Finding(remote.code, remote.remote, remote.error, cure)


def _of_remote(remote: Status, limits: Limits, copy: str) -> Iterator[Finding]:
    """Tell what is wrong with a remote; why LOCAL is no original (``copy``) is told of LOCAL, and not once more."""
    alias = remote.remote
    if remote.refused and remote.refused != copy:
        yield Finding(3, alias, _("a run would be refused: %(why)s") % {"why": remote.refused}, "")
    if remote.blind and remote.has_sent:
        yield Finding(3, alias, remote.blind, "")
    if remote.lagging:
        cause = _("its schema lags (%(models)s)") % {"models": ", ".join(sorted(remote.lagging))}
        yield Finding(3, alias, cause, _("run `manage.py migrate --database %(database)s`") % {"database": alias})
    if remote.left_out:
        yield _of_left_out(alias, remote.left_out)
    if limits.lag is not None and remote.lag > limits.lag:
        yield _of_lag(remote, limits.lag)
    if remote.failed > limits.failures:
        yield _of_failures(remote, limits.failures)
    yield from _of_last_runs(alias, [run for run in remote.runs if not _is_refused_as(copy, run)])


def _of_left_out(alias: str, left_out: Mapping[str, str]) -> Finding:
    names = {"names": "; ".join(f"{column}: {reason}" for column, reason in left_out.items())}
    only_columns = all(name.count(".") > 1 for name in left_out)
    cause = _("columns are left out (%(names)s)") if only_columns else _("columns or tables are left out (%(names)s)")
    cure = _("run `manage.py migrate` on the one that is behind, then `manage.py synchronize --remote %(database)s`")
    return Finding(1, alias, cause % names, cure % {"database": alias})


def _of_lag(remote: Status, allowed: float) -> Finding:
    cause = _("%(number)s objects wait, the oldest for %(lag)s s, and %(allowed)s are allowed")
    said = {"number": f"{sum(remote.pending.values()):,}", "lag": f"{remote.lag:,.0f}", "allowed": f"{allowed:g}"}
    cure = _again(remote.remote)
    if remote.under_way:
        cure = _("a run is under way (%(who)s); wait for it") % {"who": remote.under_way}
    return Finding(1, remote.remote, cause % said, cure)


def _of_failures(remote: Status, allowed: int) -> Finding:
    first = remote.failures[0]
    cause = _("%(number)s kept failures, and %(allowed)s are allowed; the first is %(object)s: %(error)s")
    cure = _("`manage.py synchro_failures --remote %(database)s` lists them; mend the cause, then run it with --retry")
    said = {
        "number": f"{remote.failed:,}",
        "allowed": f"{allowed:,}",
        "object": f"{first.model} {first.key}",
        "error": first.error,
    }
    return Finding(1, remote.remote, cause % said, cure % {"database": remote.remote}, button="retry")


def _is_refused_as(copy: str, run: PastRun) -> bool:
    """Tell whether a run was refused because LOCAL is no original; what is on record may be cut off."""
    return bool(copy) and run.outcome == "refused" and copy.startswith(run.error.removesuffix(" …"))


def _of_last_runs(alias: str, runs: Iterable[PastRun]) -> Iterator[Finding]:
    """Tell of the last run of each direction, if something has ended it."""
    last: dict[str, PastRun] = {}
    for run in runs:
        if run.outcome != "busy":
            last.setdefault(run.direction, run)
    for run in last.values():
        if run.went_wrong:
            cause = _("the last %(direction)s of %(begun)s was %(ended)s")
            said = {
                "direction": run.direction,
                "begun": f"{run.begun_at:%Y-%m-%d %H:%M:%S}",
                "ended": _ended(run) + (f": {run.error}" if run.error else ""),
            }
            # A refusal says itself what is to be done first: to run again would be refused again.
            cure = "" if run.outcome == "refused" and run.error else _again(alias)
            yield Finding(1, alias, cause % said, cure, button="synchro")


def _again(alias: str) -> str:
    return _("run `manage.py synchronize --remote %(database)s`, or start its follower") % {"database": alias}


def _ended(run: PastRun) -> str:
    return {
        "failed": _("ended by an error"),
        "unreachable": _("ended by a database that was out of reach"),
        "refused": pgettext("a run", "refused"),
        "killed": pgettext("a run", "killed"),
    }.get(run.outcome, run.outcome)
