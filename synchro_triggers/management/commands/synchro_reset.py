"""``manage.py synchro_reset``: forget pending changes and references; say what a copied database is."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ...conf import LOCAL, get_settings
from ...reaching import clear_errors
from ...replay.checkpoint import reset_synchro
from ..errors import one_line


class Command(BaseCommand):
    help = (
        "Delete the changelog of the local database and what the remotes know of its objects, and set the "
        "checkpoints to now: what has not been synchronised yet never will be."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        identity = parser.add_mutually_exclusive_group()
        identity.add_argument(
            "--new-identity",
            dest="new_identity",
            action="store_true",
            default=None,
            help="The local database is a copy of one that is still in use: make it a node of its own.",
        )
        identity.add_argument(
            "--keep-identity",
            dest="new_identity",
            action="store_false",
            help="The local database was restored, or moved, and replaces the original.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line(), clear_errors(LOCAL, *get_settings().remotes):
            reset_synchro(new_identity=options["new_identity"])
        if options["verbosity"] > 0:
            self.stdout.write("Synchronization has been reset.")
