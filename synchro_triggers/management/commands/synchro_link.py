"""``manage.py synchro_link``: tell which local object is which remote one, without writing any of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ...capture.install import require_capture
from ...capture.tables import labels_of
from ...conf import local_alias, required_remotes
from ...reaching import with_each
from ...replay.meeting.linking import call_strangers, link_objects
from ..errors import one_line


class Command(BaseCommand):
    help = (
        "Link objects that are on both sides but have never been synchronised, by natural key, else by primary key "
        "and equal values. Needed once after one side was imported from the other, for models with automatic "
        "primary keys. Objects without a counterpart are new for the remote from then on."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remote", metavar="ALIAS", help="Remote database. Default: those of SYNCHRO_REMOTE.")
        parser.add_argument("--model", action="append", dest="models", metavar="app.Model", help="Only this model.")
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
        with one_line():
            require_capture(local_alias())
            labels = labels_of(options["models"]) if options["models"] else None
            remotes = required_remotes(options["remote"], "link with")
            with_each(remotes, lambda alias: self._tell(alias, labels, options))

    def _tell(self, alias: str, labels: tuple[str, ...] | None, options: dict[str, Any]) -> None:
        lines = self._strangers(alias, labels) if options["strangers"] else self._link(alias, labels, options)
        for line in lines:
            if options["verbosity"] > 0:
                self.stdout.write(line)

    def _strangers(self, alias: str, labels: tuple[str, ...] | None) -> Iterator[str]:
        strangers = ", ".join(call_strangers(alias, labels))
        yield f"{alias}: nothing in common: {strangers or 'no model needs the word'}"

    def _link(self, alias: str, labels: tuple[str, ...] | None, options: dict[str, Any]) -> Iterator[str]:
        for label, counts in link_objects(alias, labels, trust_keys=options["trust_keys"]).items():
            alike = f", {counts.alike} of them beside another one with their key" if counts.alike else ""
            if counts.unreadable:
                alike += (
                    f", {counts.unreadable} of them with values that cannot be read on {local_alias()!r} or {alias!r}"
                )
            yield (
                f"{alias}: {label}: {counts.linked} linked, {counts.known} known before, "
                f"{counts.unmatched} without a counterpart{alike}"
            )
