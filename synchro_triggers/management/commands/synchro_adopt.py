"""``manage.py synchro_adopt``: take over what django-synchro knew, and what it had not sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ...capture.install import require_capture
from ...conf import local_alias, required_remotes
from ...exceptions import SynchroConfigurationError
from ...reaching import clear_errors
from ...replay.adoption.adopting import adopt
from ...replay.adoption.report import AdoptedCounts, AdoptionReport
from ..errors import one_line
from ..telling import TellingCommand

#: Rows that are named for people; all are with ``--json``.
_NAMED = 20


class Command(TellingCommand):
    help = (
        "Take over from django-synchro (0.5 to 0.7): its references, which tell which object is which, and what it has "
        "logged and not sent, which the next `synchronize` brings. Its tables stay as they are. Run again, it takes "
        "only what is new. Ends with 1 when something could not be taken over."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--remote",
            metavar="ALIAS",
            help="The database that django-synchro has sent to. Default: the one that SYNCHRO_REMOTE names.",
        )
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="Say what would be taken over, and write nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line():
            require_capture(local_alias())
            remote = _only_one(required_remotes(options["remote"], "adopt for"))
            with clear_errors(local_alias(), remote):
                found = adopt(remote, dry_run=options["dry_run"])
        self.tell(_lines(found, remote), {remote: found.as_dict()}, options)
        if number := len(found.left):
            said = "1 row was" if number == 1 else f"{number:,} rows were"
            raise CommandError(f"{said} not taken over.")


def _only_one(remotes: tuple[str, ...]) -> str:
    if len(remotes) != 1:
        raise SynchroConfigurationError(
            f"SYNCHRO_REMOTE names several databases ({', '.join(remotes)}), and django-synchro's references are of "
            "one: say which with --remote."
        )
    return remotes[0]


def _lines(found: AdoptionReport, remote: str) -> Iterator[str]:
    if found.dry_run:
        yield "Dry run: nothing was written."
    since = "has never run" if found.last_run is None else f"has run last at {found.last_run:%Y-%m-%d %H:%M:%S} UTC"
    yield f"{remote}: django-synchro {since}, as far as its tables tell."
    for label, counts in sorted(found.models.items()):
        yield f"{remote}: {label}: {_described(counts)}"
    for each in found.left[:_NAMED]:
        yield f"    {each.model} {each.key}: not taken over ({each.table}): {each.reason}"
    if (more := len(found.left) - _NAMED) > 0:
        yield f"    ... and {more:,} more (--json names all)"


def _described(counts: AdoptedCounts) -> str:
    said = [f"{counts.references:,} references taken over, {counts.known:,} known before"]
    if counts.outdated:
        said.append(f"{counts.outdated:,} to what is gone")
    said.append(f"{counts.pending:,} pending")
    if counts.done:
        said.append(f"{counts.done:,} with nothing to send")
    return ", ".join(said)
