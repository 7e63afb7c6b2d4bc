"""``manage.py synchro_failures``: the objects that could not be applied; ``--retry`` tries them now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ...capture.install import require_capture
from ...conf import local_alias, required_remotes
from ...exceptions import worst_of
from ...replay.report import describe_failures, describe_left_out, message_of
from ...replay.run import retry_failures
from ...replay.status.remote import FailureStatus, Status, read_statuses
from ..errors import one_line
from ..progress import progress_bar
from ..telling import TellingCommand


class Command(TellingCommand):
    help = "List the objects that could not be applied, and when they will be tried again; --retry tries them now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remote", metavar="ALIAS", help="Remote database. Default: those of SYNCHRO_REMOTE.")
        super().add_arguments(parser)
        parser.add_argument(
            "--retry", action="store_true", help="Synchronise, and try all of them, whatever their pauses."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line():
            require_capture(local_alias())
            if options["retry"]:
                self._retry(options)
            else:
                self._list(options)

    def _retry(self, options: dict[str, Any]) -> None:
        with progress_bar(self.stderr, options, "log rows") as progress:
            report = retry_failures(options["remote"], progress=progress)
        self.tell([] if report.failures else [message_of(report)], report.as_dict(), options)
        if report.failures or report.waiting:
            raise CommandError(describe_failures(report))
        if report.left_out:
            raise CommandError(describe_left_out(report))

    def _list(self, options: dict[str, Any]) -> None:
        statuses, problems = read_statuses(required_remotes(options["remote"]))
        if statuses or not problems:
            told = {status.remote: status.as_dict()["failures"] for status in statuses}
            self.tell(_lines(statuses), told, options)
        if problems:
            raise worst_of(problems)


def _lines(statuses: Iterable[Status]) -> Iterator[str]:
    for status in statuses:
        yield f"{status.remote}: {len(status.failures)} kept"
        for failure in status.failures:
            yield f"  {failure.model} {failure.key}: {failure.error}\n    {_times(failure)}"


def _times(failure: FailureStatus) -> str:
    following = f"{failure.next_at:%Y-%m-%d %H:%M:%S}" if failure.next_at else "with the next run"
    return (
        f"{failure.attempts} attempts, first {failure.first_at:%Y-%m-%d %H:%M:%S}, "
        f"last {failure.last_at:%Y-%m-%d %H:%M:%S}, next {following}"
    )
