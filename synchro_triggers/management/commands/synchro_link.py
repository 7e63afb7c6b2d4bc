"""``manage.py synchro_link``: tell which local object is which remote one, without writing any of them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ...capture.tables import labels_of
from ...conf import LOCAL, chosen_remotes
from ...exceptions import SynchroConfigurationError
from ...reaching import clear_errors
from ...replay.link import link_objects
from ..errors import one_line


class Command(BaseCommand):
    help = (
        "Link objects that are on both sides but have never been synchronised, by natural key, else by primary key "
        "and equal values. Needed once after one side was imported from the other, for models with automatic "
        "primary keys."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remote", metavar="ALIAS", help="Remote database. Default: those of SYNCHRO_REMOTE.")
        parser.add_argument("--model", action="append", dest="models", metavar="app.Model", help="Only this model.")
        parser.add_argument(
            "--trust-keys", action="store_true", help="The same primary key is enough, whatever the values are."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line():
            labels = labels_of(options["models"]) if options["models"] else None
            remotes = chosen_remotes(options["remote"])
            if not remotes:
                raise SynchroConfigurationError(
                    "There is no remote to link with: set SYNCHRO_REMOTE, or name one with --remote."
                )
            for alias in remotes:
                with clear_errors(LOCAL, alias):
                    linked = link_objects(alias, labels, trust_keys=options["trust_keys"])
                for label, counts in linked.items():
                    self.stdout.write(
                        f"{alias}: {label}: {counts.linked} linked, {counts.known} known before, "
                        f"{counts.unmatched} without a counterpart"
                    )
