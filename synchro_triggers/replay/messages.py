"""What a run says at its end."""

from __future__ import annotations

from django.utils.translation import gettext

from ..exceptions import SynchroError
from .report import SyncReport


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


def describe_failures(report: SyncReport, at_most: int = 5) -> str:
    """Return a line for each of the first failures, and how many more there are."""
    if not report.failures:
        return _describe_waiting(report)
    lines = [f"{report.name_of(failure)}: {failure.error}" for failure in report.failures[:at_most]]
    if len(report.failures) > at_most:
        lines.append(f"... and {len(report.failures) - at_most} more")
    count = len(report.failures)
    head = "1 object could not be applied" if count == 1 else f"{count} objects could not be applied"
    between = " " if count == 1 else "\n  "
    if report.waiting:
        between, lines = "\n  ", [*lines, _describe_waiting(report)]
    return f"{head}; kept, tried again in the next run:{between}" + "\n  ".join(lines)


def _describe_waiting(report: SyncReport) -> str:
    kept = "1 object" if report.waiting == 1 else f"{report.waiting:,} objects"
    until = f"{report.next_attempt:%Y-%m-%d %H:%M:%S} UTC" if report.next_attempt else "by the next run"
    return (
        f"{kept} that could not be applied before: not tried now, the next attempt is due {until} "
        "(`manage.py synchro_failures --retry`: at once)"
    )
