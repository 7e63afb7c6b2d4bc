"""What a command says: lines for people, JSON for programs, nothing with ``-v 0``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ..masking import masked, without_credentials


class TellingCommand(BaseCommand):
    """A command that can say all that it says as JSON, too."""

    requires_system_checks = ()  # wrong settings are said in one line

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="Print JSON.")

    def tell(self, lines: Iterable[str], told: Any, options: dict[str, Any]) -> None:
        """Say something.

        Args:
            lines: for people; not with ``-v 0``, when the exit code says it.
            told: the same for programs, which ask for it with ``--json``, whatever the verbosity.
            options: the command's.
        """
        if options["as_json"]:
            self.tell_json(told)
        elif options["verbosity"] > 0:
            for line in lines:
                self.stdout.write(without_credentials(line))

    def tell_json(self, told: Any, *, indent: int | None = 2) -> None:
        """Print plain values as JSON, without what opens a database."""
        self.stdout.write(json.dumps(masked(told), indent=indent))
