"""``manage.py synchro_reset``: forget pending changes and references; say what a copied or moved database is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ...capture.install import require_capture
from ...capture.own_tables import require_own_tables
from ...conf import LOCAL, check_alias, chosen_remotes, get_settings, local_alias, replaying_from
from ...exceptions import Refused, SynchroConfigurationError
from ...reaching import clear_errors
from ...replay.meeting.counted_before import describe_unsure
from ...replay.meeting.loss import marks_of_loss
from ...replay.meeting.succeeding import is_known_to_several, succeed
from ...replay.state.node import require_original
from ...replay.state.starting_over import keep_identity, keep_identity_of, make_own_node, reset_synchro
from ...replay.state.younger import describe_lost_time
from ...replay.status.remote import pending_rows
from ..errors import one_line
from ..progress import progress_bar
from ..telling import TellingCommand


class Command(TellingCommand):
    help = (
        "Delete the changelog of the local database and what the remotes know of its objects, and set the "
        "checkpoints to now: what has not been synchronised yet never will be. With --keep-identity nothing is "
        "forgotten."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        identity = parser.add_mutually_exclusive_group()
        identity.add_argument(
            "--new-identity",
            action="store_true",
            help="The local database is a copy of one that is still in use: make it a node of its own. The changes "
            "that wait in it are forgotten; synchro_link must tell again which object is which.",
        )
        identity.add_argument(
            "--keep-identity",
            action="store_true",
            help="The local database was moved (a new disk, another cluster, an upgrade) or restored, and replaces the "
            "original: its log stays, what was received stays received, what waits will be sent. What it has lost it "
            "gets again from those that send to it.",
        )
        parser.add_argument(
            "--remote",
            metavar="ALIAS",
            help="Start over with this remote alone, while no other one waits for anything. Default: with all of "
            "SYNCHRO_REMOTE.",
        )
        parser.add_argument(
            "--database",
            metavar="ALIAS",
            default=local_alias(),
            help=f"The copied or moved database, where it is not {local_alias()!r}; with one of those above.",
        )
        parser.add_argument(
            "--no-input",
            "--noinput",
            dest="interactive",
            action="store_false",
            help="Forget pending changes without asking.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        done = "Synchronization has been reset."
        with one_line(), clear_errors(local_alias(), *get_settings().remotes):
            require_capture(local_alias())
            if options["remote"] and (options["new_identity"] or options["keep_identity"]):
                raise SynchroConfigurationError("--remote says nothing of an identity: give one or the other.")
            if (alias := check_alias(options["database"])) != local_alias():
                done = self._settle(alias, options)
            elif options["keep_identity"]:
                done = self._keep()
            else:
                if not options["new_identity"]:
                    require_own_tables(local_alias())
                    require_original(local_alias())
                if options["interactive"]:
                    self._ask(options)
                with progress_bar(self.stderr, options, "databases") as progress:
                    reset_synchro(options["remote"], new_identity=options["new_identity"], progress=progress)
        self.tell([done], {"database": options["database"], "done": done}, options)

    def _settle(self, alias: str, options: dict[str, Any]) -> str:
        """Say what another database than LOCAL is: there is nothing to forget on it that would be LOCAL's."""
        if options["new_identity"]:
            make_own_node(alias)
            return f"{alias} is a database of its own now. Run `manage.py synchro_link`."
        if options["keep_identity"]:
            require_own_tables(alias)
            with replaying_from(alias):
                if marks := marks_of_loss([LOCAL]):
                    return self._succeed(marks)
            keep_identity_of(alias)
            return f"{alias} keeps its identity."
        raise SynchroConfigurationError("--database needs --new-identity or --keep-identity.")

    def _keep(self) -> str:
        """Keep the identity, and return what is to be said about it."""
        remotes = get_settings().remotes
        for alias in (*remotes, local_alias()):
            require_own_tables(alias)
        if (marks := marks_of_loss(remotes)) and is_known_to_several(remotes):
            return self._succeed(marks)
        behind = keep_identity()
        if not behind:
            return "The identity is kept: what was received stays received, and what waits will be sent."
        kept = (
            f"The identity is kept. What {local_alias()!r} has lost stays on {', '.join(map(repr, behind))}; what was "
            "made since the loss will be sent."
        )
        return "\n".join([kept, *(line for alias, lost in behind.items() for line in describe_lost_time(alias, lost))])

    def _succeed(self, marks: Mapping[str, str]) -> str:
        """Let LOCAL go on as the successor of the node that it was, and return what is to be said about it."""
        unsure = succeed(marks)
        told = (
            f"{local_alias()!r} goes on as a node of its own, the successor of the one that it was. What the backup "
            "holds keeps its names and versions, what was made since will be sent, and what is lost comes back from "
            "those that send to it. Run `manage.py synchronize --both`, at each database that synchronises with it."
        )
        return "\n".join([told, *describe_unsure(local_alias(), unsure)])

    def _ask(self, options: dict[str, Any]) -> None:
        """Ask whether pending changes may be forgotten, if there are any.

        Raises:
            Refused: nobody is there to answer, or a program is.
            CommandError: the answer was no.
        """
        pending = {alias: rows for alias in chosen_remotes(options["remote"]) if (rows := pending_rows(alias))}
        if not pending:
            return
        if options["as_json"]:
            waiting = ", ".join(f"{rows} for {alias!r}" for alias, rows in pending.items())
            raise Refused(
                f"There are pending changes ({waiting}), and with --json nobody is asked whether to forget them. "
                "Nothing was changed. Run `manage.py synchronize` first, or give --no-input, too, to forget them."
            )
        for alias, rows in pending.items():
            self.stdout.write(f"{alias}: {rows} pending changes will be forgotten, and never be synchronised.")
        try:
            answer = input("Type 'yes' to go on: ")
        except (EOFError, OSError) as error:
            raise Refused(
                "There are pending changes, and nobody can be asked whether to forget them. Nothing was changed. "
                "Run `manage.py synchronize` first, or `manage.py synchro_reset --no-input` to forget them."
            ) from error
        if answer.strip().lower() != "yes":
            raise CommandError("Nothing was changed.")
