"""``manage.py synchro_link``: tell which local object is which remote one, without writing any of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from ...capture.install import require_capture
from ...capture.tables import labels_of
from ...conf import local_alias, required_remotes
from ...reaching import with_each
from ...replay.meeting.linking import LinkCounts, call_strangers, link_objects
from ..errors import one_line
from ..own_process import LongCommand


class Command(LongCommand):
    help = (
        "Link objects that are on both sides but have never been synchronised, by natural key, else by primary key "
        "and equal values. Needed once after one side was imported from the other, for models with automatic "
        "primary keys. Objects without a counterpart are new for the remote from then on."
    )
    rows = "objects"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        way = parser.add_mutually_exclusive_group()
        way.add_argument(
            "--trust-keys", action="store_true", help="The same primary key is enough, whatever the values are."
        )
        way.add_argument(
            "--strangers",
            action="store_true",
            help="Link nothing: the objects of both sides have nothing in common, and all of them are to be kept.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        told: dict[str, Any] = {}
        with one_line():
            require_capture(local_alias())
            labels = labels_of(options["models"]) if options["models"] else None
            remotes = required_remotes(options["remote"], "link with")
            tell = self._strangers if options["strangers"] else self._link
            try:
                with_each(remotes, lambda alias: told.update({alias: tell(alias, labels, options)}))
            finally:  # what was done with those that had no trouble
                if told:
                    self.tell([], told, options)

    def _say(self, line: str, options: dict[str, Any]) -> None:
        if options["verbosity"] > 0 and not options["as_json"]:
            self.stdout.write(line)

    def _strangers(self, alias: str, labels: tuple[str, ...] | None, options: dict[str, Any]) -> dict[str, list[str]]:
        strangers = call_strangers(alias, labels)
        self._say(f"{alias}: nothing in common: {', '.join(strangers) or 'no model needs the word'}", options)
        return {"strangers": strangers}

    def _link(
        self, alias: str, labels: tuple[str, ...] | None, options: dict[str, Any]
    ) -> dict[str, dict[str, dict[str, int]]]:
        with self.bar(options) as progress:
            found = link_objects(alias, labels, trust_keys=options["trust_keys"], progress=progress)
        for label, counts in found.items():
            self._say(f"{alias}: {label}: {_described(counts, alias)}", options)
        return {"models": {label: asdict(counts) for label, counts in found.items()}}


def _described(counts: LinkCounts, alias: str) -> str:
    alike = f", {counts.alike} of them beside another one with their key" if counts.alike else ""
    if counts.unreadable:
        alike += f", {counts.unreadable} of them with values that cannot be read on {local_alias()!r} or {alias!r}"
    return f"{counts.linked} linked, {counts.known} known before, {counts.unmatched} without a counterpart{alike}"
