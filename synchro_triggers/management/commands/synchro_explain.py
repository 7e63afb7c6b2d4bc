"""``manage.py synchro_explain``: everything that is known of one object, and what the next run would do with it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from ...capture.install import require_capture
from ...conf import chosen_remotes, local_alias
from ...exceptions import worst_of
from ...replay.explain.explaining import explain
from ...replay.explain.telling import lines_of
from ..errors import one_line
from ..telling import TellingCommand


class Command(TellingCommand):
    help = (
        "Tell everything that is known of one object: its names on each node, what was logged of it, its versions, the "
        "runs around its last change, what is kept, conflicts, and what the next run would do with it, and why."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", metavar="app.Model", help="Its model.")
        parser.add_argument("key", metavar="KEY", help="Its primary key on LOCAL; of several fields, a JSON list.")
        parser.add_argument("--remote", metavar="ALIAS", help="Remote database. Default: those of SYNCHRO_REMOTE.")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line():
            require_capture(local_alias())
            remotes = chosen_remotes(options["remote"])
            explanation, problems = explain(options["model"], options["key"], remotes)
            self.tell(lines_of(explanation), explanation.as_dict(), options)
            if problems:
                raise worst_of(problems)
