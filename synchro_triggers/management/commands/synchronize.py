"""``manage.py synchronize``: replay what was logged on LOCAL on the remote database(s)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from ...conf import get_settings
from ...exceptions import SynchroConfigurationError, SynchroError
from ...masking import without_credentials
from ...replay.follow import INTERVAL, Follower
from ...replay.following.health import Health
from ...replay.report import COUNTED, SyncReport, describe_failures, describe_left_out, describe_told, message_of
from ...replay.synchronizing import synchronize
from ..ending import ended_by_signals
from ..errors import one_line
from ..own_process import LongCommand
from ..probes import HealthFile, answering
from ..progress import progress_bar
from ..side_by_side import SideBySide, jobs_of


class Command(LongCommand):
    help = "Replay the changes logged on the local database on the remote one(s), through the ORM."
    only_these = "Only this model (may be given several times); the checkpoint is not moved then"
    rows = "log rows"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="Count what would be done; write nothing.")
        parser.add_argument("--full", action="store_true", help="Every object, not only logged ones: the initial load.")
        parser.add_argument(
            "--pull", action="store_true", help="Fetch the remote's changes, and replay them on the local database."
        )
        parser.add_argument("--both", action="store_true", help="Send the local changes, then fetch the remote's.")
        parser.add_argument(
            "--follow", action="store_true", help="Go on: synchronise whenever something was committed, until stopped."
        )
        parser.add_argument(
            "--interval", type=float, default=INTERVAL, metavar="S", help="Seconds between two looks (with --follow)."
        )
        parser.add_argument(
            "--notify", action="store_true", help="Let PostgreSQL wake --follow at each commit, instead of looking."
        )
        parser.add_argument(
            "--health-file", metavar="PATH", help="With --follow: keep this file new, which says as JSON how it goes."
        )
        parser.add_argument(
            "--health-port",
            metavar="[HOST:]PORT",
            help="With --follow: answer /healthz and /readyz by HTTP there; of localhost, if no host is given.",
        )
        parser.add_argument(
            "--jobs", type=int, metavar="N", help="Each remote in a process of its own, at most N at a time."
        )
        parser.add_argument(
            "--timeout", type=float, metavar="S", help="With --jobs: end the process of a remote that takes longer."
        )
        parser.add_argument(
            "--on-error",
            choices=("quarantine", "stop"),
            default="quarantine",
            help="Keep an object that cannot be applied and go on (default), or stop at the first one.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line():
            jobs = jobs_of(options)
            if jobs is None and options["verbosity"] > 1 and not options["as_json"]:
                for line in get_settings().applied:
                    self.stdout.write(f"Known app {line}")
            if options["follow"]:
                self._follow(options)
                return
            for name in ("health_file", "health_port"):
                if options[name] is not None:
                    raise SynchroConfigurationError(f"--{name.replace('_', '-')} tells of --follow: give that, too.")
            if jobs is not None:
                with progress_bar(self.stderr, options, "remotes done") as bar:
                    SideBySide(options, self._say, self._complain, self.is_own_process, bar).run(jobs)
                return
            report = self._synchronize(options)
            if report.failures or report.waiting:
                raise CommandError(describe_failures(report))
            if report.left_out:
                raise CommandError(describe_left_out(report))

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _complain(self, line: str) -> None:
        self.stderr.write(line)
        self.stderr.flush()

    def _synchronize(self, options: dict[str, Any], interrupted: Callable[[], bool] = lambda: False) -> SyncReport:
        try:
            with self.bar(options) as progress:
                report = synchronize(
                    options["remote"],
                    models=options["models"],
                    dry_run=options["dry_run"],
                    full=options["full"],
                    on_error=options["on_error"],
                    pull=options["pull"],
                    both=options["both"],
                    by="command",
                    progress=progress,
                    interrupted=interrupted,
                )
        except SynchroError as error:
            if error.report is not None:  # of the remotes that had no trouble
                self._tell(error.report, options)
            raise
        self._tell(report, options)
        return report

    def _tell(self, report: SyncReport, options: dict[str, Any]) -> None:
        if options["as_json"]:
            self.tell_json(report.as_dict())
        elif options["verbosity"] > 0:
            self._print(report, options["verbosity"])

    # Following ------------------------------------------------------------------------------------

    def _follow(self, options: dict[str, Any]) -> None:
        for name in ("dry_run", "models"):
            if options[name]:
                raise SynchroConfigurationError(
                    f"--follow cannot be combined with --{name.rstrip('s').replace('_', '-')}."
                )
        follower = Follower(
            options["remote"],
            interval=options["interval"],
            notify=options["notify"],
            stop_at_failure=options["on_error"] == "stop",
            pull=options["pull"],
            both=options["both"],
            on_run=lambda remote, report: self._tell_run(remote, report, options),
        )
        with (
            _probes(follower.health, options["health_file"], options["health_port"]),
            ended_by_signals(follower.stop, cut_off=self.is_own_process, at_last=follower.health.stop),
        ):
            if options["full"]:
                report = self._synchronize(options, follower.shall_end)
                if report.failures or report.waiting:  # they are tried again
                    self._complain(without_credentials(describe_failures(report)))
            follower.run()

    def _tell_run(self, remote: str, report: SyncReport, options: dict[str, Any]) -> None:
        if options["as_json"]:
            self.tell_json({"remote": remote, **report.as_dict()}, indent=None)
        elif options["verbosity"] > 0:
            counts = ", ".join(f"{number} {what}" for what in COUNTED if (number := getattr(report, what)))
            self.stdout.write(f"{timezone.now():%Y-%m-%d %H:%M:%S} {remote}: {counts or 'nothing to do'}")
            self._print_told(report, options["verbosity"])
        self.stdout.flush()  # kept objects and warnings are told by logging

    def _print(self, report: SyncReport, verbosity: int) -> None:
        if not report.failures and not report.waiting:
            self.stdout.write(message_of(report) if not report.dry_run else "Dry run: nothing was written.")
        for text in report.warnings:
            self.stderr.write(f"Warning: {without_credentials(text)}")
        self._print_told(report, verbosity)
        rows = [(label, counts) for label, counts in sorted(report.models.items())]
        if not rows or not (report.changed or verbosity > 1):
            return
        width = max(len(label) for label, _ in rows)
        self.stdout.write(" " * width + "".join(f"{what:>11}" for what in COUNTED))
        for label, counts in rows:
            numbers = "".join(f"{getattr(counts, what) or '-':>11}" for what in COUNTED)
            self.stdout.write(f"{label:<{width}}{numbers}")

    def _print_told(self, report: SyncReport, verbosity: int) -> None:
        for kind, number in sorted(report.told.items()):
            self.stdout.write(f"{describe_told(kind, number)}{'' if verbosity > 1 else ' (-v 2 names them)'}")
            for remark in report.remarks if verbosity > 1 else ():
                if remark.kind == kind:
                    self.stdout.write(without_credentials(f"  {report.name_of(remark)}: {remark.reason}"))


@contextmanager
def _probes(health: Health, file: str | None, port: str | None) -> Iterator[None]:
    """Let others look at a follower's health."""
    with ExitStack() as until_end:
        if port is not None:
            until_end.enter_context(answering(port, {"/healthz": health.is_alive, "/readyz": health.is_ready}))
        if file is not None:
            health.on_beat = HealthFile(file, health.as_dict).write
            until_end.callback(health.stop)
        yield
