"""``manage.py synchro_failures``: what could not be applied; show it, try it now, or forget it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ...capture.install import require_capture
from ...capture.own_tables import require_own_tables
from ...conf import LOCAL, local_alias, replaying_from, required_remotes
from ...exceptions import SynchroConfigurationError, SynchroError
from ...models import Failure
from ...reaching import with_each
from ...replay.choices import Way, ways_of
from ...replay.on_record.kept import KeptInFull, KeptObject, drop, in_full, kept_objects
from ...replay.report import SyncReport, describe_failures, describe_left_out, message_of
from ...replay.schema.shape import model_of
from ...replay.state.chosen_failures import ChosenFailures
from ...replay.state.node import node_id, require_two_databases
from ...replay.synchronizing import retry_failures
from ..errors import one_line
from ..progress import progress_bar
from ..telling import TellingCommand

_WHAT = {"I": "insert", "U": "update", "D": "delete"}


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
            help="The other direction: what has come from the remote, and could not be applied here.",
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
            remotes = required_remotes(options["remote"])
            chosen = _chosen(options, verb)
            ways = ways_of(remotes, pull=options["pull"])
            {"": self._list, "show": self._show, "retry": self._retry, "drop": self._drop}[verb](ways, chosen, options)

    # Looking ----------------------------------------------------------------------------------------

    def _list(self, ways: list[Way], chosen: ChosenFailures, options: dict[str, Any]) -> None:
        told: dict[str, list[KeptObject]] = {}
        others: dict[str, int] = {}

        def look(way: Way) -> None:
            told[_remote_of(way)] = list(kept_objects(way, chosen))
            if not options["pull"]:
                others[way.remote] = _kept_of(way.remote)

        try:
            _with_each(ways, look)
        finally:
            if told:
                lines = _lines_of_list(told, others, options["pull"])
                self.tell(lines, {alias: [each.as_dict() for each in kept] for alias, kept in told.items()}, options)
        if number := sum(map(len, told.values())):
            raise CommandError(f"{'1 object is' if number == 1 else f'{number:,} objects are'} kept.")

    def _show(self, ways: list[Way], chosen: ChosenFailures, options: dict[str, Any]) -> None:
        shown: dict[str, list[KeptInFull]] = {}
        those = list(_found(ways, chosen))
        try:
            _with_each(those, lambda way: shown.update({_remote_of(way): list(in_full(way, chosen))}))
        finally:
            if shown:
                told = {alias: [each.as_dict() for each in found] for alias, found in shown.items()}
                self.tell((line for way in ways for line in _lines_of_way(way, shown)), told, options)

    # Deciding ---------------------------------------------------------------------------------------

    def _retry(self, ways: list[Way], chosen: ChosenFailures, options: dict[str, Any]) -> None:
        asked = None if chosen.are_all else {way: ids for way, ids in _found(ways, chosen).items() if ids}
        try:
            with progress_bar(self.stderr, options, "log rows") as progress:
                report = retry_failures(
                    options["remote"],
                    pull=options["pull"],
                    asked=None if asked is None else chosen.ids,
                    progress=progress,
                )
        except SynchroError as error:
            if error.report is not None:  # of the remotes that had no trouble
                self._tell_tried(error.report, asked, options)
            raise
        kept = self._tell_tried(report, asked, options)
        if report.failures or kept or (asked is None and report.waiting):
            raise CommandError(describe_failures(report) if report.failures or report.waiting else f"{kept:,} kept.")
        if report.left_out:
            raise CommandError(describe_left_out(report))

    def _tell_tried(self, report: SyncReport, asked: dict[Way, list[int]] | None, options: dict[str, Any]) -> int:
        """Tell what has become of them; return how many of those that were asked for are kept still."""
        told, lines = report.as_dict(), [] if report.failures else [message_of(report)]
        kept = 0
        if asked is not None:
            tried = sum(map(len, asked.values()))
            kept = sum(Failure.objects.using(way.remote).filter(pk__in=ids).count() for way, ids in asked.items())
            lines.append(f"{tried:,} tried: {tried - kept:,} arrived, {kept:,} kept.")
            told["tried"] = {"number": tried, "kept": kept}
        self.tell(lines, told, options)
        return kept

    def _drop(self, ways: list[Way], chosen: ChosenFailures, options: dict[str, Any]) -> None:
        if chosen.are_all:
            raise SynchroConfigurationError(
                "--drop wants to know which: numbers of the list, or --model app.Model, with --key KEY for one object."
            )
        dropped: dict[str, list[KeptInFull]] = {}
        try:
            _with_each(list(_found(ways, chosen)), lambda way: dropped.update({_remote_of(way): drop(way, chosen)}))
        finally:
            if dropped:
                told = {alias: [each.as_dict() for each in found] for alias, found in dropped.items()}
                self.tell(_lines_of_dropped(ways, dropped), told, options)


# What is asked for ----------------------------------------------------------------------------------


def _verb_of(options: dict[str, Any]) -> str:
    given = [name for name in ("show", "retry", "drop") if options[name] not in (None, False)]
    if len(given) > 1:
        named = " and ".join(f"--{name}" for name in given)
        raise SynchroConfigurationError(f"{named} are different things: give one of them.")
    return given[0] if given else ""


def _chosen(options: dict[str, Any], verb: str) -> ChosenFailures:
    given = options[verb] if verb else None
    numbers = tuple(given) if isinstance(given, (list, tuple)) else ()
    labels, keys = tuple(map(_label_of, options["models"] or ())), tuple(options["keys"] or ())
    if keys and len(labels) != 1:
        raise SynchroConfigurationError("--key says more of one --model: give that, too.")
    if numbers and labels:
        raise SynchroConfigurationError("Numbers and --model both say which: give one of them.")
    return ChosenFailures(numbers, labels, keys)


def _label_of(label: str) -> str:
    """Return a label as it is kept. Of what is not listed any more failures may be kept, too."""
    app, _, name = label.partition(".")
    model = model_of(label) or (model_of(f"{app.lower()}.{name}") if name else None)
    if model is None:
        raise SynchroConfigurationError(f"There is no model {label!r}; write 'app.Model'.")
    return model._meta.label


def _found(ways: list[Way], chosen: ChosenFailures) -> dict[Way, list[int] | None]:
    """Return the ways of which something that was chosen is kept, with its numbers; ``None``: nobody can tell now.

    Those that cannot be asked are told by what is done with each of them, which others do not wait for.

    Raises:
        SynchroConfigurationError: there is none of it, or a number has several meanings.
        SynchroError: a number was chosen, and it may be one of a database that cannot be asked.
    """
    found: dict[Way, list[int] | None] = dict.fromkeys(ways)
    try:
        _with_each(ways, lambda way: found.update({way: chosen.ids(way.remote, node_id(local_alias()))}))
    except SynchroError:
        if chosen.numbers or all(numbers is None for numbers in found.values()):
            raise
    where = " or ".join(repr(way.remote) for way in ways)
    ids = [number for numbers in found.values() for number in numbers or ()]
    missing = [number for number in chosen.numbers if number not in ids]
    if missing or (chosen.keys and not ids and None not in found.values()):
        what = f"failure {missing[0]}" if missing else " ".join(["such failure of", *chosen.labels, *chosen.keys])
        raise SynchroConfigurationError(f"No {what} is kept on {where}: `manage.py synchro_failures` lists them.")
    if chosen.numbers and len(set(ids)) < len(ids):
        raise SynchroConfigurationError(f"There are failures of these numbers on {where}: say which, with --remote.")
    by_one = chosen.numbers or chosen.keys
    return {way: numbers for way, numbers in found.items() if numbers or numbers is None or not by_one}


def _with_each(ways: list[Way], do: Callable[[Way], object]) -> None:
    def ready(way: Way) -> None:
        require_two_databases(way.source if way.remote == LOCAL else way.remote)
        for alias in way:
            require_own_tables(alias)
        with replaying_from(way.source):
            do(way)

    with_each(ways, ready)


def _remote_of(way: Way) -> str:
    return way.source if way.remote == LOCAL else way.remote


def _kept_of(remote: str) -> int:
    """Return how many objects are kept here that have come from a remote."""
    return Failure.objects.using(local_alias()).filter(source=node_id(remote)).count()


# Lines ----------------------------------------------------------------------------------------------


def _lines_of_list(told: dict[str, list[KeptObject]], others: dict[str, int], pull: bool) -> Iterator[str]:
    for alias, kept in told.items():
        yield _number_kept(alias, len(kept), pull)
        for each in kept:
            yield f"  {each.id}: {each.model} {each.key}: {each.error}"
            yield f"    {_WHAT.get(each.operation, each.operation)}, {_times(each)}"
        if others.get(alias):
            yield f"  and {others[alias]:,} here of what has come from there: --pull lists them"


def _number_kept(alias: str, number: int, pull: bool) -> str:
    return f"{alias}: {number:,} kept{' of what has come from there' if pull else ''}"


def _times(kept: KeptObject) -> str:
    following = f"{kept.next_at:%Y-%m-%d %H:%M:%S}" if kept.next_at else "with the next run"
    waits = f", waits for {kept.waits_for}" if kept.waits_for else ""
    return (
        f"{kept.attempts} attempts, first {kept.first_at:%Y-%m-%d %H:%M:%S}, "
        f"last {kept.last_at:%Y-%m-%d %H:%M:%S}, next {following}{waits}"
    )


def _lines_of_way(way: Way, shown: dict[str, list[KeptInFull]]) -> Iterator[str]:
    found = shown.get(_remote_of(way))
    if found == []:
        yield _number_kept(_remote_of(way), 0, way.remote == LOCAL)
    for each in found or ():
        kept = each.kept
        there = f"there {each.remote_key}" if each.remote_key else "not known there"
        yield f"{way.remote} {kept.id}: {kept.model} {kept.key} of {way.source} ({there}): {_WHAT[kept.operation]}"
        yield f"  {kept.error}"
        yield f"  {_times(kept)}"
        for field, differs in each.fields:
            here, value = _shown(field.local), _shown(field.remote)
            both = f"{here} on {way.source!r}, {value} on {way.remote!r}"
            yield f"  {'*' if differs else ' '} {field.field}: {both if differs else here}"
        if each.number_waiting:
            yield f"  waited for by {_some(each)}"


def _shown(value: str | None) -> str:
    return "NULL" if value is None else repr(value)


def _some(each: KeptInFull) -> str:
    more = each.number_waiting - len(each.waiting)
    return ", ".join(each.waiting) + (f" and {more:,} more" if more else "")


def _lines_of_dropped(ways: Iterable[Way], dropped: dict[str, list[KeptInFull]]) -> Iterator[str]:
    for way in ways:
        found = dropped.get(_remote_of(way))
        if found == []:
            yield _number_kept(_remote_of(way), 0, way.remote == LOCAL)
        for each in found or ():
            kept = each.kept
            yield f"{way.remote}: {kept.model} {kept.key}: forgotten; {_what_stays(each, way)}."
            if each.number_waiting:
                yield f"  What waits for it stays kept, and brings it along: {_some(each)}"
    operations = {each.kept.operation for found in dropped.values() for each in found}
    if operations:
        yield "`manage.py synchro_compare` names what differs from now on" + _what_repairs(operations)


def _what_repairs(operations: set[str]) -> str:
    if operations == {"D"}:
        return "; --repair logs no delete: what shall not stay there, delete there."
    return f", and --repair logs it to be sent after all{', but no delete' if 'D' in operations else ''}."


def _what_stays(each: KeptInFull, way: Way) -> str:
    if each.kept.operation == "D":
        return f"its row stays on {way.remote!r}, and nothing deletes it any more"
    if each.remote_key is None:
        return f"it comes to {way.remote!r} when it changes again on {way.source!r}"
    return f"{each.remote_key} on {way.remote!r} stays as it is, until it changes again on {way.source!r}"
