"""What is wrong, for monitoring: each finding with its cause, and with the command that cures it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

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
    """

    code: int
    database: str
    cause: str
    cure: str

    def describe(self) -> str:
        """Return a line for people."""
        return f"{self.database}: {self.cause}: {self.cure}" if self.cure else f"{self.database}: {self.cause}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


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
        found += _of_remote(each, limits) if isinstance(each, Status) else _of_unreachable(each)
    return found


def _of_local(local: LocalStatus) -> Iterator[Finding]:
    alias = local.database
    if local.copy:
        yield Finding(3, alias, "it is a copy, or was moved", "`manage.py synchronize` tells what has to be decided")
    if local.triggers:
        more = f" (and {len(local.triggers) - 1} more)" if len(local.triggers) > 1 else ""
        yield Finding(
            3,
            alias,
            f"triggers do not fit, so changes may be missed: {local.triggers[0]}{more}",
            f"run `manage.py synchro_install_triggers --database {alias}`",
        )


def _of_unreachable(remote: Unreachable) -> Iterator[Finding]:
    cure = "start it, or look at its settings" if remote.code == 5 else ""
    yield Finding(remote.code, remote.remote, remote.error, cure)


def _of_remote(remote: Status, limits: Limits) -> Iterator[Finding]:
    alias = remote.remote
    again = f"run `manage.py synchronize --remote {alias}`, or start its follower"
    if remote.refused:
        yield Finding(3, alias, f"a run would be refused: {remote.refused}", "")
    if remote.lagging:
        labels = ", ".join(sorted(remote.lagging))
        yield Finding(3, alias, f"its schema lags ({labels})", f"run `manage.py migrate --database {alias}`")
    if remote.left_out:
        columns = "; ".join(f"{column}: {reason}" for column, reason in remote.left_out.items())
        cure = f"run `manage.py migrate` on the one that is behind, then `manage.py synchronize --remote {alias}`"
        what = "columns are" if all(name.count(".") > 1 for name in remote.left_out) else "columns or tables are"
        yield Finding(1, alias, f"{what} left out ({columns})", cure)
    if limits.lag is not None and remote.lag > limits.lag:
        waits = f"{sum(remote.pending.values()):,} objects wait, the oldest for {remote.lag:,.0f} s"
        cure = f"a run is under way ({remote.under_way}); wait for it" if remote.under_way else again
        yield Finding(1, alias, f"{waits}, and {limits.lag:g} are allowed", cure)
    if len(remote.failures) > limits.failures:
        first = remote.failures[0]
        yield Finding(
            1,
            alias,
            f"{len(remote.failures):,} kept failures, and {limits.failures:,} are allowed; the first is {first.model} "
            f"{first.key}: {first.error}",
            f"`manage.py synchro_failures --remote {alias}` lists them; mend the cause, then run it with --retry",
        )
    yield from _of_last_runs(alias, remote.runs, again)


def _of_last_runs(alias: str, runs: Iterable[PastRun], again: str) -> Iterator[Finding]:
    """Tell of the last run of each direction, if something has ended it."""
    last: dict[str, PastRun] = {}
    for run in runs:
        if run.outcome != "busy":
            last.setdefault(run.direction, run)
    for run in last.values():
        if run.went_wrong:
            why = f": {run.error}" if run.error else ""
            yield Finding(
                1, alias, f"the last {run.direction} of {run.begun_at:%Y-%m-%d %H:%M:%S} was {_ended(run)}{why}", again
            )


def _ended(run: PastRun) -> str:
    return {"failed": "ended by an error", "unreachable": "ended by a database that was out of reach"}.get(
        run.outcome, run.outcome
    )
