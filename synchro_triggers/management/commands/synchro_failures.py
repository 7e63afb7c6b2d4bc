"""``manage.py synchro_failures``: what could not be applied; show it, try it now, or forget it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from django.core.management.base import CommandError, CommandParser

from ...capture.install import require_capture
from ...conf import chosen_remotes, local_alias, required_remotes
from ...exceptions import SynchroConfigurationError, SynchroError
from ...masking import without_credentials
from ...models import Failure
from ...reaching import with_each
from ...replay.choices import Way, ways_of
from ...replay.on_record.kept import KeptObject
from ...replay.on_record.senders import OfOthers, OfRemote, Sender, number_of_others
from ...replay.report import SyncReport, describe_failures, describe_left_out, message_of
from ...replay.schema.shape import model_of
from ...replay.state.chosen_failures import ChosenFailures, attempts_of
from ...replay.state.node import node_id
from ...replay.synchronizing import retry_failures
from ..errors import one_line
from ..kept_lines import Found, lines_in_full, lines_of_dropped, lines_of_list
from ..progress import progress_bar
from ..telling import TellingCommand


class _Plain(Protocol):
    def as_dict(self) -> dict[str, Any]: ...


T = TypeVar("T", bound=_Plain)
S = TypeVar("S", bound=Sender)


class Command(TellingCommand):
    help = (
        "List the objects that could not be applied, and when they will be tried again; --show some with their values, "
        "--retry tries them now, --drop forgets some. All of them, or those of --model and --key, or of the numbers "
        "that the list shows. Ends with 1 when something is kept."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remote", metavar="ALIAS", help="Remote database. Default: those of SYNCHRO_REMOTE.")
        parser.add_argument(
            "--pull",
            action="store_true",
            help="The other direction: what has come from the remote, or from others, and could not be applied here.",
        )
        parser.add_argument(
            "--model", action="append", dest="models", metavar="app.Model", help="Only of this model (repeatable)."
        )
        parser.add_argument(
            "--key",
            action="append",
            dest="keys",
            metavar="KEY",
            help="Only the object with this key, as the list shows it (repeatable); with one --model.",
        )
        super().add_arguments(parser)
        parser.add_argument(
            "--show",
            nargs="*",
            type=int,
            metavar="ID",
            help="Show them with their values here and there, and with what waits for them.",
        )
        parser.add_argument(
            "--retry",
            nargs="*",
            type=int,
            metavar="ID",
            help="Synchronise, and try them, whatever their pauses.",
        )
        parser.add_argument(
            "--drop",
            nargs="*",
            type=int,
            metavar="ID",
            help="Forget them: these objects stay on the remote as they are, until they change again.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line():
            require_capture(local_alias())
            verb = _verb_of(options)
            senders = _senders(options)
            chosen = _chosen(options, verb, senders)
            {"": self._list, "show": self._show, "retry": self._retry, "drop": self._drop}[verb](
                senders, chosen, options
            )

    # Looking ----------------------------------------------------------------------------------------

    def _list(self, senders: list[Sender], chosen: ChosenFailures, options: dict[str, Any]) -> None:
        others: dict[str, int] = {}
        if not options["pull"] and options["remote"] is None:
            others[""] = number_of_others()

        def look(sender: Sender) -> dict[str, list[KeptObject]]:
            listed = sender.listed(chosen)
            if isinstance(sender, OfRemote) and not options["pull"]:
                others[sender.way.other] = _kept_of(sender.way.other)
            return listed

        told = self._each(senders, look, lambda told: lines_of_list(told, others), options)
        if number := sum(len(kept) for by_name in told.values() for kept in by_name.values()):
            raise CommandError(f"{'1 object is' if number == 1 else f'{number:,} objects are'} kept.")

    def _show(self, senders: list[Sender], chosen: ChosenFailures, options: dict[str, Any]) -> None:
        self._each(list(_found(senders, chosen)), lambda sender: sender.in_full(chosen), lines_in_full, options)

    def _each(
        self,
        senders: Sequence[Sender],
        do: Callable[[Sender], dict[str, list[T]]],
        lines: Callable[[Found[T]], Iterable[str]],
        options: dict[str, Any],
    ) -> Found[T]:
        """Do something with each sender's failures; tell what was done even where one of them has had trouble."""
        told: dict[Sender, dict[str, list[T]]] = {}
        try:
            _with_each(senders, lambda sender: told.update({sender: do(sender)}))
        finally:
            if told:
                named = {name: some for by_name in told.values() for name, some in by_name.items()}
                self.tell(
                    lines(told), {name: [each.as_dict() for each in some] for name, some in named.items()}, options
                )
        return told

    # Deciding ---------------------------------------------------------------------------------------

    def _retry(self, senders: list[Sender], chosen: ChosenFailures, options: dict[str, Any]) -> None:
        required_remotes(options["remote"])
        _require_tried_from_here(senders, chosen)
        own = [sender for sender in senders if isinstance(sender, OfRemote)]
        found = _kept_now(own, chosen) if chosen.are_all else _found(own, chosen)
        asked = {sender.way: attempts_of(sender.keeps, ids) for sender, ids in found.items() if ids}
        try:
            with progress_bar(self.stderr, options, "log rows") as progress:
                report = retry_failures(
                    options["remote"],
                    pull=options["pull"],
                    asked=None if chosen.are_all else chosen.ids,
                    progress=progress,
                )
        except SynchroError as error:
            if error.report is not None:  # of the remotes that had no trouble
                self._tell_tried(error.report, asked, options)
            raise
        kept = self._tell_tried(report, asked, options)
        if report.failures or kept or (chosen.are_all and report.waiting):
            raise CommandError(describe_failures(report) if report.failures or report.waiting else f"{kept:,} kept.")
        if report.left_out:
            raise CommandError(describe_left_out(report))

    def _tell_tried(self, report: SyncReport, asked: dict[Way, dict[int, int]], options: dict[str, Any]) -> int:
        """Tell what has become of those that were asked for; return how many of them are kept still.

        Args:
            report: of the run that has tried them.
            asked: how often each had been tried before, by number.
            options: of the command.
        """
        kept = arrived = untried = 0
        for way, before in asked.items():
            after = attempts_of(way.remote, before)
            arrived += len(before) - len(after)
            untried += sum(after[number] == before[number] for number in after)
            kept += len(after)
        tried, tried_and_kept = arrived + kept - untried, kept - untried
        line = f"{tried:,} tried: {arrived:,} arrived, {tried_and_kept:,} kept."
        lines = [*([] if report.failures else [message_of(report)]), line]
        if untried:
            lines.append(f"{untried:,} not tried, and kept.")
        for text in report.warnings:
            self.stderr.write(f"Warning: {without_credentials(text)}")
        told = {"number": tried, "kept": tried_and_kept, "untried": untried}
        self.tell(lines, {**report.as_dict(), "tried": told}, options)
        return kept

    def _drop(self, senders: list[Sender], chosen: ChosenFailures, options: dict[str, Any]) -> None:
        if chosen.are_all:
            raise SynchroConfigurationError(
                "--drop wants to know which: numbers of the list, or --model app.Model, with --key KEY for one object."
            )
        self._each(list(_found(senders, chosen)), lambda sender: sender.drop(chosen), lines_of_dropped, options)


# What is asked for ----------------------------------------------------------------------------------


def _verb_of(options: dict[str, Any]) -> str:
    given = [name for name in ("show", "retry", "drop") if options[name] not in (None, False)]
    if len(given) > 1:
        named = " and ".join(f"--{name}" for name in given)
        raise SynchroConfigurationError(f"{named} are different things: give one of them.")
    return given[0] if given else ""


def _senders(options: dict[str, Any]) -> list[Sender]:
    """Return whose failures are looked at. Of what has come here, some may be of others than the remotes."""
    remotes = chosen_remotes(options["remote"]) if options["pull"] else required_remotes(options["remote"])
    senders: list[Sender] = [OfRemote(way) for way in ways_of(remotes, pull=options["pull"])]
    return [*senders, OfOthers()] if options["pull"] and options["remote"] is None else senders


def _chosen(options: dict[str, Any], verb: str, senders: Sequence[Sender]) -> ChosenFailures:
    given = options[verb] if verb else None
    numbers = tuple(given) if isinstance(given, (list, tuple)) else ()
    labels = tuple(_label_of(label, senders) for label in options["models"] or ())
    keys = tuple(options["keys"] or ())
    if keys and len(labels) != 1:
        raise SynchroConfigurationError("--key says more of one --model: give that, too.")
    if numbers and labels:
        raise SynchroConfigurationError("Numbers and --model both say which: give one of them.")
    return ChosenFailures(numbers, labels, keys)


def _label_of(label: str, senders: Sequence[Sender]) -> str:
    """Return a label as it is kept. Failures may be of what is not listed any more, and of models that are gone."""
    app, _, name = label.partition(".")
    model = model_of(label) or (model_of(f"{app.lower()}.{name}") if name else None)
    if model is not None:
        return model._meta.label
    kept: set[str] = set()
    _with_each(senders, lambda sender: kept.update(sender.labels()))
    for each in sorted(kept):
        if each.lower() == label.lower():
            return each
    raise SynchroConfigurationError(f"There is no model {label!r}, and nothing of it is kept; write 'app.Model'.")


def _found(senders: Sequence[S], chosen: ChosenFailures) -> dict[S, list[int] | None]:
    """Return the senders of whom something that was chosen is kept, with its numbers; ``None``: nobody can tell now.

    Those that cannot be asked are told by what is done with each of them, which others do not wait for.

    Raises:
        SynchroConfigurationError: there is none of it, or a number has several meanings.
        SynchroError: a number was chosen, and it may be one of a database that cannot be asked.
    """
    found: dict[S, list[int] | None] = dict.fromkeys(senders)
    try:
        _with_each(senders, lambda sender: found.update({sender: sender.ids(chosen)}))
    except SynchroError:
        if chosen.numbers or all(numbers is None for numbers in found.values()):
            raise
    where = " or ".join(dict.fromkeys(repr(sender.keeps) for sender in senders))
    ids = [number for numbers in found.values() for number in numbers or ()]
    missing = [number for number in chosen.numbers if number not in ids]
    if missing or (chosen.keys and not ids and None not in found.values()):
        what = f"failure {missing[0]}" if missing else " ".join(["such failure of", *chosen.labels, *chosen.keys])
        raise SynchroConfigurationError(f"No {what} is kept on {where}: `manage.py synchro_failures` lists them.")
    if chosen.numbers and len(set(ids)) < len(ids):
        raise SynchroConfigurationError(f"There are failures of these numbers on {where}: say which, with --remote.")
    by_one = chosen.numbers or chosen.keys
    return {sender: numbers for sender, numbers in found.items() if numbers or numbers is None or not by_one}


def _kept_now(senders: Sequence[S], chosen: ChosenFailures) -> dict[S, list[int]]:
    """Return what is kept of each sender; the run that follows tells of those that cannot be asked."""
    found: dict[S, list[int]] = {}
    with suppress(SynchroError):
        _with_each(senders, lambda sender: found.update({sender: sender.ids(chosen)}))
    return found


def _require_tried_from_here(senders: Sequence[Sender], chosen: ChosenFailures) -> None:
    for sender in senders:
        if chosen.numbers and isinstance(sender, OfOthers):
            for node, kept in sender.listed(chosen).items():
                if kept:
                    raise SynchroConfigurationError(
                        f"Failure {kept[0].id} has come from node {node}, which is no remote of this project: only its "
                        "own runs try it. --drop forgets it."
                    )


def _with_each(senders: Sequence[S], do: Callable[[S], object]) -> None:
    by_place = {sender.place: sender for sender in senders}
    with_each(list(by_place), lambda place: do(by_place[place]))


def _kept_of(remote: str) -> int:
    """Return how many objects are kept here that have come from a remote."""
    return Failure.objects.using(local_alias()).filter(source=node_id(remote)).count()
