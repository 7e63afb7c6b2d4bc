"""Commands that take their time: what they are told, and what only a process of their own may do to itself."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.core.management.base import CommandParser

from .progress import OnProgress, progress_bar
from .telling import TellingCommand

_COLLECTED_AFTER = 50_000
"""Objects that are made before the collector looks at the youngest again; Python's own number is 700 to 2,000."""


@contextmanager
def heap_set_aside() -> Iterator[None]:
    """Keep the collector of cyclic garbage from walking, time and again, through all that is there.

    A run makes and drops millions of objects, nearly none of them cyclic. Each full collection looks at the whole
    program, which took a fifth of a run's time; those of the run's own objects took a tenth.

    Not for a process that serves others: what is set aside there is theirs too, and the first full collection after
    it walks through everything. A hundred runs in one process would be a hundred such walks.
    """
    if gc.get_freeze_count():  # somebody else has done it, and will want it to stay so
        yield
        return
    first, *others = gc.get_threshold()
    gc.freeze()
    if first:
        gc.set_threshold(max(first, _COLLECTED_AFTER), *others)
    try:
        yield
    finally:
        gc.set_threshold(first, *others)
        gc.unfreeze()


class LongCommand(TellingCommand):
    """A command for remotes and models, which takes its time, and tells how far it has come."""

    only_these = "Only this model (may be given several times)"
    rows = "rows"
    """What the bar counts."""
    is_own_process = False
    """Whether it is all that its process does, so that it may end that."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remote", metavar="ALIAS", help="Remote database. Default: those of SYNCHRO_REMOTE.")
        parser.add_argument("--model", action="append", dest="models", metavar="app.Model", help=f"{self.only_these}.")
        super().add_arguments(parser)

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as a process of its own, which ``call_command()`` is not."""
        self.is_own_process = True
        with heap_set_aside():
            super().run_from_argv(argv)

    def bar(self, options: dict[str, Any]) -> AbstractContextManager[OnProgress | None]:
        """Draw a bar, of what is done and of all, where somebody looks at it, while the block goes on."""
        return progress_bar(self.stderr, options, self.rows)
