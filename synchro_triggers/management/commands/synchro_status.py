"""``manage.py synchro_status``: what is pending, what has failed, when the last run was."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ...capture.install import require_capture
from ...conf import chosen_remotes, local_alias
from ...exceptions import worst_of
from ...replay.status import Status, read_statuses
from ..errors import one_line


class Command(BaseCommand):
    help = "Show the last run, the pending objects by model, and the objects that could not be applied."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remote", metavar="ALIAS", help="Remote database. Default: those of SYNCHRO_REMOTE.")
        parser.add_argument("--json", action="store_true", dest="as_json", help="Print JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line():
            require_capture(local_alias())
            remotes = chosen_remotes(options["remote"])
            statuses, problems = read_statuses(remotes)
        if options["as_json"] and (statuses or not problems):
            self.stdout.write(json.dumps({status.remote: status.as_dict() for status in statuses}, indent=2))
        elif not options["as_json"]:
            if not remotes:
                self.stdout.write("No remote is configured (SYNCHRO_REMOTE): changes are only logged.")
            for status in statuses:
                self._print(status)
        with one_line():
            if problems:
                raise worst_of(problems)

    def _print(self, status: Status) -> None:
        last_run = f"{status.last_run:%Y-%m-%d %H:%M:%S}" if status.last_run else "never"
        self.stdout.write(f"{status.remote}: last run {last_run}")
        if status.refused:
            self.stdout.write(f"  synchronize would refuse to run: {status.refused}")
        if status.under_way:
            self.stdout.write(f"  under way: {status.under_way}")
        total = sum(status.pending.values())
        self.stdout.write(f"  pending: {total} objects in {status.pending_rows} log rows")
        for label, count in status.pending.items():
            self.stdout.write(f"    {label}: {count}")
        self.stdout.write(f"  failed: {len(status.failures)}")
        for failure in status.failures:
            self.stdout.write(
                f"    {failure.model} {failure.key}: {failure.error} ({failure.attempts} attempts, "
                f"first {failure.first_at:%Y-%m-%d %H:%M:%S}, last {failure.last_at:%Y-%m-%d %H:%M:%S}"
                + (f", next {failure.next_at:%Y-%m-%d %H:%M:%S})" if failure.next_at else ")")
            )
