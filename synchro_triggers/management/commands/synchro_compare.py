"""``manage.py synchro_compare``: whether both databases hold the same, and what differs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ...conf import local_alias
from ...exceptions import SynchroConfigurationError, SynchroError
from ...masking import without_credentials
from ...replay.compare.comparison import compare
from ...replay.compare.report import ComparisonReport, ModelComparison, State
from ...replay.synchronizing import synchronize
from ..differences import lines_of
from ..errors import one_line
from ..own_process import LongCommand
from ..progress import progress_bar


class Command(LongCommand):
    help = (
        "Compare the local database with the remote one(s), object by object, and name what differs. What is pending, "
        "kept or in conflict is counted as that. Ends with 1 when something differs or is kept."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--repair",
            action="store_true",
            help="Log what differs, so that the next run brings it. What only the other side has is never deleted.",
        )
        parser.add_argument(
            "--from",
            choices=("local", "remote"),
            dest="side",
            help="With --repair: whose version shall stand, and where it is logged. Default: local.",
        )
        parser.add_argument("--run", action="store_true", help="With --repair: synchronize then, and compare again.")

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line():
            repair = _repair_of(options)
            report = self._compare(options, repair)
            if repair and options["run"] and report.logged:
                before, remote = report, options["remote"]
                if not options["as_json"]:
                    self._print(before, options["verbosity"])
                with progress_bar(self.stderr, options, "log rows") as progress:
                    synchronize(remote, by="command", progress=progress)
                report = self._compare(options, None)
                self._tell(report, options, before)
            else:
                self._tell(report, options)
        if said := _why_not_0(report):
            raise CommandError(said)

    def _compare(self, options: dict[str, Any], repair: str | None) -> ComparisonReport:
        try:
            with self.bar(options) as progress:
                return compare(options["remote"], models=options["models"], repair=repair, progress=progress)
        except SynchroError as error:
            if error.comparison is not None:  # of the remotes that had no trouble
                self._tell(error.comparison, options)
            raise

    # Telling --------------------------------------------------------------------------------------

    def _tell(self, report: ComparisonReport, options: dict[str, Any], before: ComparisonReport | None = None) -> None:
        if options["as_json"]:
            told = report.as_dict()
            if before is not None:
                told["before"] = before.as_dict()
            self.tell_json(told)
        else:
            self._print(report, options["verbosity"])

    def _print(self, report: ComparisonReport, verbosity: int) -> None:
        if not verbosity:
            return
        for remote, models in report.models.items():
            rows = sum(counts.local for counts in models.values())
            unlike = any(counts.unexplained or counts.explained for counts in models.values())
            verdict = "not the same everywhere" if unlike else "equal"
            self.stdout.write(f"{remote}: {rows:,} rows of {len(models)} tables compared: {verdict}")
            if left_out := report.left_out.get(remote):
                what = " and ".join(f"the {plural}" for plural in _by_kind(left_out))
                self.stdout.write(f"  left out, as not both sides have {what} yet: {', '.join(left_out)}")
            for label, counts in sorted(models.items()):
                if counts.unexplained or counts.explained or verbosity > 1:
                    self.stdout.write(f"  {label}: {_summary(counts, remote)}")
                    self._print_objects(report, remote, label, verbosity)
        if report.repair:
            self.stdout.write(_logged(report))

    def _print_objects(self, report: ComparisonReport, remote: str, label: str, verbosity: int) -> None:
        """Name the objects; those that are explained with ``-v 2``."""
        for each in report.differences:
            named = each.state is State.DIFFERS or verbosity > 1
            if (each.remote, each.model) == (remote, label) and named:
                for line in lines_of(each):
                    self.stdout.write(f"    {without_credentials(line)}")


def _repair_of(options: dict[str, Any]) -> str | None:
    """Return where to log what differs.

    Raises:
        SynchroConfigurationError: options do not go together.
    """
    for name, given in (("--from", options["side"]), ("--run", options["run"])):
        if given and not options["repair"]:
            raise SynchroConfigurationError(f"{name} says more of --repair, which is not given.")
    if options["run"] and options["side"] == "remote":
        raise SynchroConfigurationError(
            "--run cannot be combined with --from remote: it is the remote's own synchronize that brings its version."
        )
    return (options["side"] or "local") if options["repair"] else None


def _summary(counts: ModelComparison, remote: str) -> str:
    said = [
        f"{counts.local:,} on {local_alias()!r}, {counts.remote:,} on {remote!r}; {counts.equal:,} equal",
        *(f"{number:,} {what}" for number, what in _numbers(counts, remote) if number),
    ]
    if counts.not_compared:
        said.append(f"not compared: {', '.join(counts.not_compared)}")
    return ", ".join(said)


def _numbers(counts: ModelComparison, remote: str) -> list[tuple[int, str]]:
    return [
        (counts.differing, "different"),
        (counts.only_local, f"only on {local_alias()!r}"),
        (counts.only_remote, f"only on {remote!r}"),
        (counts.pending, "pending"),
        (counts.kept, "kept as failures"),
        (counts.conflicts, "in conflict"),
        (counts.changing, "changing"),
    ]


def _by_kind(left_out: Iterable[str]) -> dict[str, list[str]]:
    """Return what was left out (``app.Model.field``, or ``app.Model``), by the plural of what it is."""
    found: dict[str, list[str]] = {}
    for name in left_out:
        found.setdefault("columns" if name.count(".") > 1 else "tables", []).append(name)
    return dict(sorted(found.items()))


def _logged(report: ComparisonReport) -> str:
    where = repr(local_alias()) if report.repair == "local" else " and ".join(map(repr, report.remotes))
    whose = "the next synchronize" if report.repair == "local" else "its own next synchronize"
    return f"{report.logged:,} logged on {where}: {whose} brings them."


def _why_not_0(report: ComparisonReport) -> str:
    """Return why the command does not end with 0; ``''``: nothing differs, and nothing is kept."""
    said = []
    if number := report.total("unexplained"):
        said.append(f"{'1 object differs' if number == 1 else f'{number:,} objects differ'}")
    if kept := report.total("kept"):
        said.append(f"{'1 object is' if kept == 1 else f'{kept:,} objects are'} kept as failures (synchro_failures)")
    for plural, names in _by_kind(chain.from_iterable(report.left_out.values())).items():
        counted = f"1 {plural[:-1]} is" if len(names) == 1 else f"{len(names)} {plural} are"
        said.append(f"{counted} left out (synchro_status)")
    return f"{', and '.join(said)}." if said else ""
