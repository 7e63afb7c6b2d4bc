"""Where LOCAL and a remote stand: what is pending, and for how long; what has failed; the last runs."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connections
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ...capture.install import captures
from ...capture.own_tables import require_own_tables
from ...conf import local_alias
from ...exceptions import Refused, SynchroError
from ...key_texts import printable_key
from ...masking import without_credentials
from ...models import Checkpoint, Conflict, Failure, Node
from ...moment import Moment, UtcNow, as_utc
from ...reaching import troubles_with
from ..log.window import Window, first_logged, open_window, pending_objects
from ..plan.fence import Fence
from ..readiness import describe_blindness, describe_other_place
from ..schema.common_columns import copied, fields_with
from ..schema.shape import shown_key
from ..state.checkpoint import load_checkpoint
from ..state.left_out import TABLE, require_left_out
from ..state.node import (
    node_id,
    require_original,
    require_remembered,
    require_same_history,
    require_same_history_there,
    require_two_databases,
    two_nodes,
)
from ..state.succession import successors_foreseen
from .runs import PastRun, last_runs

#: How many of the last runs are told of.
_RUNS = 5


@dataclass(frozen=True)
class FailureStatus:
    """A change that is kept because it could not be applied; ``next_at`` is ``None``: the next run tries it."""

    model: str
    key: str
    operation: str
    error: str
    attempts: int
    first_at: datetime.datetime
    last_at: datetime.datetime
    next_at: datetime.datetime | None


@dataclass(frozen=True)
class Status:
    """Where LOCAL and one remote stand.

    Attributes:
        remote: the alias.
        last_run: when the last run started that came to its end; ``None``: never.
        under_way: who synchronises just now, or ``''``.
        refused: why ``synchronize`` would refuse to run: LOCAL is a copy, was moved or put back; ``''``: it would not.
        pending: objects that the next run will look at, by model label.
        pending_rows: changelog rows that they come from.
        failures: changes that could not be applied, oldest first; the first of them, if no more were asked for.
        lag: seconds since the oldest pending change was logged, by LOCAL's clock; 0: nothing is pending. What is kept
            as a failure does not count.
        conflicts: how many conflicts of LOCAL's runs the remote has on record.
        open_conflicts: of how many of them nobody has said since that the decision was right.
        clock: seconds by which the remote's clock is ahead of LOCAL's.
        note: why the remote may be a copy; ``""``: it is none.
        lagging: what the tables there lack, so that nothing can be written, by model label.
        left_out: the columns and tables that runs leave out, or have left out, by name (``app.Model.column``, or
            ``app.Model``), with the reason.
        runs: the last ones, the newest first.
        logs: it has triggers.
        blind: what a run warns of where it has none; ``""``: nothing.
        has_sent: LOCAL has received something from there: what its users change is meant to come.
        more_failures: how many there are that ``failures`` does not hold.
    """

    remote: str
    last_run: datetime.datetime | None
    under_way: str
    refused: str
    pending: dict[str, int]
    pending_rows: int
    failures: tuple[FailureStatus, ...]
    lag: float = 0.0
    conflicts: int = 0
    open_conflicts: int = 0
    clock: float = 0.0
    note: str = ""
    lagging: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    runs: tuple[PastRun, ...] = ()
    more_failures: int = 0
    logs: bool = True
    blind: str = ""
    has_sent: bool = False

    @property
    def failed(self) -> int:
        """How many changes are kept that could not be applied."""
        return len(self.failures) + self.more_failures

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON; times in ISO form."""
        return {
            **{name: value for name, value in asdict(self).items() if name != "more_failures"},  # it holds all here
            "last_run": _iso(self.last_run),
            "lag": round(self.lag, 3),
            "clock": round(self.clock, 3),
            "runs": [run.as_dict() for run in self.runs],
            "failures": [
                asdict(failure) | {name: _iso(getattr(failure, name)) for name in ("first_at", "last_at", "next_at")}
                for failure in self.failures
            ],
        }


@dataclass(frozen=True)
class Unreachable:
    """A remote that could not be asked.

    Attributes:
        remote: the alias.
        error: why.
        code: the exit code that stands for it.
        runs: the last ones, which are on record on LOCAL; the newest first.
    """

    remote: str
    error: str
    code: int
    runs: tuple[PastRun, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {"remote": self.remote, "error": self.error, "runs": [run.as_dict() for run in self.runs]}


def read_statuses(
    remotes: Iterable[str], *, at_most: int | None = None, named: int | None = None
) -> tuple[list[Status], list[SynchroError]]:
    """Look where LOCAL and each remote stand; return the errors of those that cannot be asked too.

    Args:
        remotes: aliases.
        at_most, named: as for ``read_status()``.
    """
    statuses: list[Status] = []
    problems = troubles_with(remotes, lambda alias: statuses.append(read_status(alias, at_most=at_most, named=named)))
    return statuses, problems


def read_all(
    remotes: Iterable[str], *, at_most: int | None = None, named: int | None = None
) -> tuple[list[Status | Unreachable], list[SynchroError]]:
    """Do the same, with one for each remote, in order."""
    found: list[Status | Unreachable] = []
    problems: list[SynchroError] = []
    for alias in remotes:
        statuses, troubles = read_statuses([alias], at_most=at_most, named=named)
        found += statuses
        problems += troubles
        for error in troubles:
            said = without_credentials(str(error))
            found.append(Unreachable(alias, said, error.exit_code, tuple(last_runs(alias, _RUNS))))
    return found, problems


def read_status(remote: str, *, at_most: int | None = None, named: int | None = None) -> Status:
    """Look where LOCAL and ``remote`` stand; changes nothing but makes missing identities.

    Args:
        remote: the alias.
        at_most: where more log rows wait, objects are counted in so many of them: that takes long, and a page is read
            by somebody who waits.
        named: how many failures are read at most; the others are counted.

    Raises:
        SynchroError: this package's tables are missing on either side.
        Refused: both sides are one database.
    """
    _require_both(remote)
    node_id(local_alias())
    node_id(remote)
    with successors_foreseen(remote):
        return _read_status(remote, at_most, named)


def _read_status(remote: str, at_most: int | None, named: int | None) -> Status:
    source = node_id(local_alias())
    checkpoint = load_checkpoint(remote, source)
    target = node_id(remote)
    window = _pending(checkpoint, target)
    conflicts = Conflict._base_manager.using(remote).filter(source=source)
    kept = Failure._base_manager.using(remote).filter(source=source)
    logs = captures(remote)
    failures = _failures(kept, named)
    return Status(
        remote=remote,
        last_run=checkpoint.last_check,
        under_way=_under_way(checkpoint),
        refused=why_refused(remote, checkpoint),
        pending=pending_objects(local_alias(), window, without_origin=target, at_most=at_most),
        pending_rows=window.rows,
        failures=failures,
        more_failures=0 if named is None else kept.count() - len(failures),
        lag=_lag(window, target),
        conflicts=conflicts.count(),
        open_conflicts=conflicts.filter(taken="").count(),
        clock=_ahead(remote) - _ahead(local_alias()),
        note=describe_other_place(remote),
        lagging=(fence := Fence(remote, None)).schema.there.lagging(fence.chosen),
        left_out=_left_out(fence, checkpoint),
        runs=tuple(last_runs(remote, _RUNS, under_way=bool(checkpoint.run_id))),
        logs=logs,
        blind=describe_blindness(remote, logs=logs),
        has_sent=_has_sent(target),
    )


def _has_sent(target: str) -> bool:
    """Tell whether LOCAL has received something from a node."""
    received = Checkpoint._base_manager.using(local_alias()).filter(source=target)
    return received.exclude(position="").exists()


def _left_out(fence: Fence, checkpoint: Checkpoint) -> dict[str, str]:
    """Return the columns and tables that are left out, and those of which something has not followed yet."""
    found: dict[str, str] = {}
    for label, columns in require_left_out(checkpoint.left_out).items():
        if TABLE in columns and label in fence.chosen:
            found[label] = _("its objects follow in the next run")
        for each in fields_with(label, columns):
            found[f"{label}.{each.column}"] = _("its values follow in the next run")
    found |= {model._meta.label: why.split(": ")[0] for model, why in fence.schema.absent().items()}
    here, there = map(copied, fence.schema.missing(fence.chosen))
    for alias, fields in ((local_alias(), here), (fence.remote, there)):
        reason = _("'%(database)s' has no such column") % {"database": alias}
        found |= {f"{each.model._meta.label}.{each.column}": reason for each in fields}
    return dict(sorted(found.items()))


def _failures(kept: QuerySet[Failure], named: int | None) -> tuple[FailureStatus, ...]:
    return tuple(
        FailureStatus(
            model=failure.model_label,
            key=printable_key(shown_key(failure.model_label, failure.key)),
            operation=failure.operation,
            error=failure.error,
            attempts=failure.attempts,
            first_at=failure.first_at,
            last_at=failure.last_at,
            next_at=failure.next_at,
        )
        for failure in kept.order_by("id")[:named]
    )


def pending_rows(remote: str) -> int:
    """Return how many changes wait for ``remote``.

    Raises:
        SynchroError: this package's tables are missing on either side.
        Refused: both sides are one database.
    """
    _require_both(remote)
    checkpoint = Checkpoint.objects.using(remote).filter(source=node_id(local_alias())).first() or Checkpoint()
    return _pending(checkpoint, node_id(remote)).rows


def _require_both(remote: str) -> None:
    require_two_databases(remote)
    for alias in (local_alias(), remote):
        require_own_tables(alias)


def _pending(checkpoint: Checkpoint, target: str) -> Window:
    return open_window(
        local_alias(),
        checkpoint.position,
        after=checkpoint.window_after,
        since=checkpoint.since,
        without_origin=target,
    )


def _lag(window: Window, target: str) -> float:
    """Return the seconds since the oldest change of a window was logged."""
    logged = first_logged(local_alias(), window, without_origin=target)
    return max(0.0, (time_at(local_alias()) - logged).total_seconds()) if logged is not None else 0.0


def time_at(alias: str) -> datetime.datetime:
    """Return what the clock of a database says."""
    now = UtcNow(output_field=Moment())  # by a plain DateTimeField, a time zone of the alias would count
    return as_utc(Node._base_manager.using(alias).values_list(now, flat=True).get(pk=1))


def _ahead(alias: str) -> float:
    """Return the seconds by which a database's clock is ahead of this process's."""
    connections[alias].ensure_connection()
    before = datetime.datetime.now(datetime.UTC)
    there = time_at(alias)
    after = datetime.datetime.now(datetime.UTC)
    return (there - before).total_seconds() - (after - before).total_seconds() / 2


def why_refused(remote: str, checkpoint: Checkpoint) -> str:
    """Return why a run would be refused: a copy, one that was moved, put back or forgotten; ``''``: it would not."""
    try:
        require_original(local_alias())
        own, there = two_nodes(remote)
        require_remembered(remote, own, there)
        require_same_history(checkpoint, remote)
        require_same_history_there(remote, there.row.node_id)
    except Refused as error:
        return str(error)
    return ""


def under_way(remote: str) -> str:
    """Return who synchronises to a remote just now, or ``''``."""
    return _under_way(load_checkpoint(remote, node_id(local_alias())))


def _under_way(checkpoint: Checkpoint) -> str:
    if not checkpoint.run_id or checkpoint.run_started is None:
        return ""
    return _("process %(pid)s on '%(host)s' since %(since)s, last heard of at %(seen)s") % {
        "pid": checkpoint.run_pid,
        "host": checkpoint.run_host,
        "since": f"{checkpoint.run_started:%Y-%m-%d %H:%M:%S}",
        "seen": f"{checkpoint.run_seen:%H:%M:%S}",
    }


def _iso(value: datetime.datetime | None) -> str | None:
    return value.isoformat() if value is not None else None
