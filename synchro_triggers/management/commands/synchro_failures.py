"""``manage.py synchro_failures``: the objects that could not be applied; ``--retry`` tries them now."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...capture.install import require_capture
from ...conf import local_alias, required_remotes
from ...exceptions import worst_of
from ...replay.report import describe_failures, message_of
from ...replay.run import retry_failures
from ...replay.status.remote import FailureStatus, read_statuses
from ..errors import one_line
from ..progress import progress_bar


class Command(BaseCommand):
    help = "List the objects that could not be applied, and when they will be tried again; --retry tries them now."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remote", metavar="ALIAS", help="Remote database. Default: those of SYNCHRO_REMOTE.")
        parser.add_argument("--json", action="store_true", dest="as_json", help="Print JSON.")
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
        if options["as_json"]:
            self.stdout.write(json.dumps(report.as_dict(), indent=2))
        elif not report.failures:
            self.stdout.write(message_of(report))
        if report.failures or report.waiting:
            raise CommandError(describe_failures(report))

    def _list(self, options: dict[str, Any]) -> None:
        statuses, problems = read_statuses(required_remotes(options["remote"]))
        if options["as_json"] and (statuses or not problems):
            told = {status.remote: status.as_dict()["failures"] for status in statuses}
            self.stdout.write(json.dumps(told, indent=2))
        for status in statuses if not options["as_json"] else ():
            self.stdout.write(f"{status.remote}: {len(status.failures)} kept")
            for failure in status.failures:
                self.stdout.write(f"  {failure.model} {failure.key}: {failure.error}\n    {_times(failure)}")
        if problems:
            raise worst_of(problems)


def _times(failure: FailureStatus) -> str:
    following = f"{failure.next_at:%Y-%m-%d %H:%M:%S}" if failure.next_at else "with the next run"
    return (
        f"{failure.attempts} attempts, first {failure.first_at:%Y-%m-%d %H:%M:%S}, "
        f"last {failure.last_at:%Y-%m-%d %H:%M:%S}, next {following}"
    )
