"""``manage.py synchro_link``: tell which local object is which remote one, without writing any of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ...capture.install import require_capture
from ...capture.tables import labels_of
from ...conf import LOCAL, local_alias, replaying_from, required_remotes
from ...exceptions import SynchroConfigurationError
from ...reaching import with_each
from ...replay.compare.linked import Linked, link_and_compare
from ...replay.meeting.by_fields import ByFields, read_by
from ...replay.meeting.link_report import LeftObject, LinkCounts
from ...replay.meeting.linking import call_strangers
from ..differences import keys_shown, lines_of, lines_of_fields
from ..errors import one_line
from ..own_process import LongCommand
from ..progress import progress_bar

#: Objects of each model that are named for people; all are with ``--json``.
_NAMED = 20


class Command(LongCommand):
    help = (
        "Link objects that are on both sides but have never been synchronised: by the fields of --by, else by natural "
        "key, else by primary key and equal values; then compare what is linked. Needed once after one side was "
        "imported from the other, for models with automatic primary keys. Objects without a counterpart are new for "
        "the remote from then on, unless none of their model has one. Ends with 1 then, and when objects differ that "
        "are linked."
    )
    rows = "objects"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--by",
            action="append",
            metavar="app.Model:FIELD,…",
            help="Objects of this model with the same values in these fields are the same, whatever their keys are; of "
            "foreign keys, those that point to the same objects. With a single --model its name may be left out. "
            "(May be given several times.)",
        )
        way = parser.add_mutually_exclusive_group()
        way.add_argument(
            "--trust-keys", action="store_true", help="The same primary key is enough, whatever the values are."
        )
        way.add_argument(
            "--strangers",
            action="store_true",
            help="Link nothing: the objects of both sides have nothing in common, and all of them are to be kept.",
        )
        parser.add_argument(
            "--pull",
            action="store_true",
            help="With --strangers: say it of what the remote has, and a fetch brings (synchronize --pull).",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Say what would be linked, and what differs, and write nothing. (Others cannot write to an SQLite "
            "remote meanwhile.)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        told: dict[str, Any] = {}
        found: dict[str, Linked] = {}
        with one_line():
            require_capture(local_alias())
            _require_sense(options)
            labels = labels_of(options["models"]) if options["models"] else None
            by = read_by(options["by"] or (), options["models"])
            remotes = required_remotes(options["remote"], "link with")
            try:
                if options["strangers"]:
                    with_each(remotes, lambda alias: told.update({alias: self._strangers(alias, labels, options)}))
                else:
                    with_each(remotes, lambda alias: told.update({alias: self._link(alias, by, options, found)}))
            finally:  # what was done with those that had no trouble
                if told:
                    self.tell([], told, options)
        in_doubt: dict[str, list[str]] = {}
        for alias, each in found.items():
            for label in each.linking.in_doubt:
                in_doubt.setdefault(label, []).append(alias)
        if in_doubt:
            raise CommandError(_nothing_linked(in_doubt))
        if number := sum(each.unlike for each in found.values()):
            raise CommandError("1 object differs." if number == 1 else f"{number:,} objects differ.")

    def _say(self, line: str, options: dict[str, Any]) -> None:
        if not options["as_json"]:
            self.tell([line], None, options)

    def _strangers(self, alias: str, labels: tuple[str, ...] | None, options: dict[str, Any]) -> dict[str, list[str]]:
        if options["pull"]:
            require_capture(alias)
        with replaying_from(alias) if options["pull"] else nullcontext():
            strangers = call_strangers(LOCAL if options["pull"] else alias, labels)
        self._say(f"{alias}: nothing in common: {', '.join(strangers) or 'no model needs the word'}", options)
        return {"strangers": strangers}

    def _link(self, alias: str, by: ByFields, options: dict[str, Any], others: dict[str, Linked]) -> dict[str, Any]:
        found = link_and_compare(
            alias,
            options["models"],
            by=by,
            trust_keys=options["trust_keys"],
            dry_run=options["dry_run"],
            named=None if options["as_json"] else _NAMED,
            bar=lambda rows: progress_bar(self.stderr, options, rows),
        )
        if options["dry_run"] and not others:
            self._say("Dry run: nothing was written.", options)
        for line in _lines(found, alias):
            self._say(line, options)
        others[alias] = found
        return {"dry_run": options["dry_run"], **found.as_dict()}


def _require_sense(options: dict[str, Any]) -> None:
    for name in ("by", "dry_run"):
        if options["strangers"] and options[name]:
            raise SynchroConfigurationError(
                f"--strangers links nothing, and looks at nothing: leave out --{name.replace('_', '-')}."
            )
    if options["pull"] and not options["strangers"]:
        raise SynchroConfigurationError(
            "--pull says more of --strangers: what is linked is the same both ways. Leave out --pull."
        )


def _nothing_linked(in_doubt: Mapping[str, list[str]]) -> str:
    """Return what is to be done about models of which nothing was linked, by their labels; each has the remotes."""
    remotes = sorted({alias for aliases in in_doubt.values() for alias in aliases})
    return (
        f"{', '.join(in_doubt)}: nothing was linked, and both sides have objects ({local_alias()!r}, and "
        f"{', '.join(map(repr, remotes))}). That is no word that they are others: a run goes on refusing to create "
        f"them. By which values are they the same? `manage.py synchro_link --by {next(iter(in_doubt))}:FIELD,…` (first "
        "with --dry-run). Only where both sides have nothing in common, and all is to be kept: `manage.py synchro_link "
        f"--strangers --model {' --model '.join(in_doubt)}`."
    )


def _lines(found: Linked, alias: str) -> Iterator[str]:
    for label, counts in found.linking.models.items():
        only = found.only_there.get(label, 0)
        nobodys = f"; {only:,} on {alias!r} that {'is' if only == 1 else 'are'} nobody's here" if only else ""
        yield f"{alias}: {label}: {_described(counts, alias)}{nobodys}"
        yield from _lines_of_left([each for each in found.linking.left if each.model == label], counts.left, alias)
    for label, number in found.differing.items():
        yield f"{alias}: {label}: {'1 object differs' if number == 1 else f'{number:,} objects differ'}"
        some = [each for each in found.differences if each.model == label][:_NAMED]
        yield from (f"    {line}" for each in some for line in lines_of(each))
        yield from _more(number - len(some))


def _lines_of_left(left: list[LeftObject], number: int, alias: str) -> Iterator[str]:
    for each in left:
        yield f"    {keys_shown(each.key, each.remote_key, alias)}: not linked: {each.reason}"
        yield from (f"    {line}" for line in lines_of_fields(each.fields, alias))
    yield from _more(number - len(left))


def _more(number: int) -> Iterator[str]:
    if number > 0:
        yield f"    ... and {number:,} more (--json names all)"


def _described(counts: LinkCounts, alias: str) -> str:
    said = [f"{counts.linked:,} linked, {counts.known:,} known before, {counts.unmatched:,} without a counterpart"]
    if counts.pointing:
        said.append(f"{counts.pointing:,} of them since what they point to has none")
    if counts.left:
        said.append(f"{counts.left:,} of them left undecided")
    if counts.alike:
        said.append(f"{counts.alike:,} of them beside another one with their key")
    if counts.unreadable:
        said.append(f"{counts.unreadable:,} of them with values that cannot be read on {local_alias()!r} or {alias!r}")
    return ", ".join(said)
