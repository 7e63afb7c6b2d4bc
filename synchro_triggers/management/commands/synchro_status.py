"""``manage.py synchro_status``: where LOCAL and each remote stand; ``--check`` tells monitoring what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ...capture.install import require_capture
from ...conf import chosen_remotes, local_alias
from ...exceptions import SynchroConfigurationError, worst_of
from ...masking import without_credentials
from ...replay.status.findings import Finding, Limits, find
from ...replay.status.local import LocalStatus, read_local
from ...replay.status.remote import Status, Unreachable, read_all
from ..errors import one_line
from ..telling import TellingCommand


class Command(TellingCommand):
    help = (
        "Show where the local database and each remote stand: triggers, the log, what is pending and for how long, the "
        "last runs, failures, conflicts. --check shows only what is wrong, and what cures it, and ends with another "
        "code than 0 then."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remote", metavar="ALIAS", help="Remote database. Default: those of SYNCHRO_REMOTE.")
        super().add_arguments(parser)
        parser.add_argument("--check", action="store_true", help="For monitoring: tell what is wrong.")
        parser.add_argument(
            "--max-lag", type=float, metavar="S", help="With --check: seconds that a change may wait. Default: any."
        )
        parser.add_argument(
            "--max-failures", type=int, metavar="N", help="With --check: kept failures of a remote. Default: none."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line():
            require_capture(local_alias())
            limits = _limits(options)
            remotes = chosen_remotes(options["remote"])
            local = read_local()
            # What is wrong names the first failure, and counts the others; JSON has them all.
            named = 1 if options["check"] and not options["as_json"] else None
            statuses, problems = read_all(remotes, named=named)
        findings = find(local, statuses, limits)
        told = {
            "local": local.as_dict(),
            "remotes": {status.remote: status.as_dict() for status in statuses},
            "findings": [finding.as_dict() for finding in findings],
        }
        self.tell(_lines_of_check(findings) if options["check"] else _lines(local, statuses), told, options)
        with one_line():
            worst = worst_of(problems) if problems else None
            if options["check"] and findings:
                error = _error(findings)
                if worst is None or error.returncode > worst.exit_code:
                    raise error
            if worst is not None:
                raise worst


def _limits(options: dict[str, Any]) -> Limits:
    lag, failures = options["max_lag"], options["max_failures"]
    for name, value in (("max-lag", lag), ("max-failures", failures)):
        if value is None:
            continue
        if not options["check"]:
            raise SynchroConfigurationError(f"--{name} says more of --check, which is not given.")
        if not value >= 0:  # nor is NaN
            raise SynchroConfigurationError(f"--{name} must be a number from 0, not {value:g}.")
    return Limits(lag, failures or 0)


def _error(findings: Sequence[Finding]) -> CommandError:
    worst = max(findings, key=lambda finding: finding.code)
    more = f" (the worst of {len(findings)} findings)" if len(findings) > 1 else ""
    return CommandError(without_credentials(f"{worst.describe()}{more}"), returncode=worst.code)


def _lines_of_check(findings: Sequence[Finding]) -> list[str]:
    return [finding.describe() for finding in findings] or ["Nothing is wrong."]


def _lines(local: LocalStatus, statuses: Sequence[Status | Unreachable]) -> Iterator[str]:
    yield from _lines_of_local(local)
    if not statuses:
        yield "No remote is configured (SYNCHRO_REMOTE): changes are only logged."
    for status in statuses:
        yield from _lines_of_remote(status) if isinstance(status, Status) else _lines_of_unreachable(status)


def _lines_of_local(local: LocalStatus) -> Iterator[str]:
    yield f"{local.database}: {local.engine}, node {local.node}"
    if local.copy:
        yield f"  {local.copy}"
    yield "  triggers: " + ("fit" if not local.triggers else "do not fit (synchro_install_triggers mends that):")
    yield from (f"    {line}" for line in local.triggers)
    yield from (f"    note: {line}" for line in local.unseen)
    size = "" if local.log_bytes is None else f", {_size(local.log_bytes)}"
    since = f", the oldest of {local.log_since:%Y-%m-%d %H:%M:%S}" if local.log_since else ""
    kept = "synchro_prune --keep 0" if local.retention is None else f"SYNCHRO_RETENTION = {local.retention:g}"
    yield f"  log: {local.log_rows:,} rows{size}{since}; {local.prunable:,} may be pruned ({kept})"


def _lines_of_unreachable(status: Unreachable) -> Iterator[str]:
    yield f"{status.remote}: cannot be asked: {status.error}"
    yield from _lines_of_runs(status)


def _lines_of_remote(status: Status) -> Iterator[str]:
    yield f"{status.remote}: last run " + (f"{status.last_run:%Y-%m-%d %H:%M:%S}" if status.last_run else "never")
    if status.refused:
        yield f"  synchronize would refuse to run: {status.refused}"
    yield from (f"  note: {text}" for text in (status.note, status.blind) if text)
    yield from (f"  schema lags: {text}" for _, text in sorted(status.lagging.items()))
    yield from (f"  left out: {column}: {reason}" for column, reason in status.left_out.items())
    if status.under_way:
        yield f"  under way: {status.under_way}"
    if abs(status.clock) >= 1:
        yield f"  clock: {abs(status.clock):,.0f} s {'ahead of' if status.clock > 0 else 'behind'} {local_alias()!r}"
    oldest = f", the oldest {status.lag:,.0f} s old" if status.pending_rows else ""
    yield f"  pending: {sum(status.pending.values())} objects in {status.pending_rows} log rows{oldest}"
    yield from (f"    {label}: {count}" for label, count in status.pending.items())
    yield f"  failed: {len(status.failures)}"
    for failure in status.failures:
        yield (
            f"    {failure.model} {failure.key}: {failure.error} ({failure.attempts} attempts, "
            f"first {failure.first_at:%Y-%m-%d %H:%M:%S}, last {failure.last_at:%Y-%m-%d %H:%M:%S}"
            + (f", next {failure.next_at:%Y-%m-%d %H:%M:%S})" if failure.next_at else ")")
        )
    if status.conflicts:
        yield f"  conflicts: {status.conflicts} on record, {status.open_conflicts} open"
    yield from _lines_of_runs(status)


def _lines_of_runs(status: Status | Unreachable) -> Iterator[str]:
    if status.runs:
        yield "  last runs:"
    yield from (f"    {run.describe()}" for run in status.runs)


def _size(size: int) -> str:
    number, unit = (size / 1e6, "MB") if size >= 1e6 else (size / 1e3, "kB")
    return f"{number:,.1f} {unit}"
