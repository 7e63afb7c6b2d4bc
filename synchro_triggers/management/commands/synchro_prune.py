"""``manage.py synchro_prune``: delete from the log, and from what hangs on it, what every known node has passed."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from ...capture.install import require_capture
from ...capture.own_tables import require_own_tables
from ...conf import get_settings, local_alias
from ...exceptions import SynchroConfigurationError
from ...reaching import clear_errors
from ...replay.pruning import Pruned, prune
from ..errors import one_line
from ..progress import progress_bar
from ..telling import TellingCommand


class Command(TellingCommand):
    help = (
        "Delete log rows of the local database that every known node has passed, with their windows, tombstones, "
        "conflicts and records of runs. A node that stays away keeps them, unless it is forgotten."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--keep", type=float, metavar="DAYS", help="Keep what is younger. Default: SYNCHRO_RETENTION."
        )
        parser.add_argument(
            "--forget",
            type=float,
            metavar="DAYS",
            help="Keep nothing for a node that has not passed something older than that. Runs to it and from it are "
            "refused then, with the ways back.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Tell what would be deleted; write nothing.")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line():
            require_capture(local_alias())
            keep = options["keep"] if options["keep"] is not None else get_settings().retention
            if keep is None:
                raise SynchroConfigurationError(
                    "Nobody has said how many days the log is kept: set SYNCHRO_RETENTION, or give --keep DAYS."
                )
            for name, days in (("keep", keep), ("forget", options["forget"])):
                if days is not None and not 0 <= days < 1e5:
                    raise SynchroConfigurationError(f"--{name} must be a number of days from 0, not {days:g}.")
            if options["forget"] is not None and options["forget"] < keep:
                raise SynchroConfigurationError(
                    f"--forget {options['forget']:g} is less than the {keep:g} days that the log is kept."
                )
            with clear_errors(local_alias()):
                require_own_tables(local_alias())
                with progress_bar(self.stderr, options, "log rows") as progress:
                    days = (_days(keep), _days(options["forget"]))
                    pruned = prune(*days, dry_run=options["dry_run"], progress=progress)
        self.tell(_lines(pruned), asdict(pruned), options)


def _lines(pruned: Pruned) -> Iterator[str]:
    if pruned.dry_run:
        yield f"{pruned.rows:,} log rows would be deleted."
    else:
        yield (
            f"Deleted: {pruned.rows:,} log rows, {pruned.windows:,} windows, {pruned.tombstones:,} tombstones, "
            f"{pruned.conflicts:,} conflicts, {pruned.runs:,} runs."
        )
    for name, rows in pruned.kept.items():
        yield f"{rows:,} old log rows are kept for {name}, which has not passed them; --forget gives up who stays away."
    for name in pruned.forgotten:
        yield f"{name} is forgotten: runs to it and from it are refused, and tell the ways back."


def _days(days: float | None) -> Any:
    return None if days is None else datetime.timedelta(days=days)
