"""``manage.py synchro_explain``: everything that is known of one object, and what the next run would do with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management.base import CommandParser

from ...capture.install import require_capture
from ...conf import chosen_remotes, local_alias
from ...exceptions import worst_of
from ...replay.explain.explaining import explain
from ...replay.explain.parts import Explanation, OnLocal, OnRemote
from ...replay.on_record.listing import RecordedConflict
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
            self.tell(_lines(explanation), explanation.as_dict(), options)
            if problems:
                raise worst_of(problems)


def _lines(found: Explanation) -> Iterator[str]:
    yield f"{found.model} {found.key}"
    if found.skipped:
        yield f"  each side's own fields (skip): {', '.join(found.skipped)}"
    yield from _lines_of_local(found.local)
    for remote in found.remotes:
        yield from _lines_of_remote(remote)
    if not found.remotes:
        yield "No remote is configured (SYNCHRO_REMOTE): changes are only logged."


def _lines_of_local(local: OnLocal) -> Iterator[str]:
    yield f"{local.database}: {'is there' if local.there else 'is not there'}, node {local.node}"
    yield from (f"  name: {name.describe()}" for name in local.names)
    yield f"  log: {local.log_rows:,} rows" + (
        f", the newest {len(local.log)}" if len(local.log) < local.log_rows else ""
    )
    yield from (f"    {row.describe()}" for row in local.log)
    yield from _lines_of_conflicts(local.conflicts)


def _lines_of_remote(remote: OnRemote) -> Iterator[str]:
    if remote.error:
        yield f"{remote.remote}: cannot be asked: {remote.error}"
        return
    yield f"{remote.remote}: {'no row is known to be it' if remote.key is None else remote.key}, node {remote.node}"
    yield from (f"  name: {name.describe()}" for name in remote.names)
    if remote.failure is not None:
        yield f"  kept as a failure: {remote.failure.describe()}"
    yield from _lines_of_conflicts(remote.conflicts)
    if remote.runs:
        yield "  runs since its last change:"
    yield from (f"    {run.describe()}" for run in remote.runs)
    if remote.pending_back:
        yield "  logged there, and not yet fetched: `manage.py synchronize --pull` brings it"
    yield f"  the next run would do: {remote.next}"


def _lines_of_conflicts(conflicts: Iterable[RecordedConflict]) -> Iterator[str]:
    for each in conflicts:
        after = "open" if each.is_open else f"{each.taken} taken since"
        yield f"  conflict {each.id}: {each.kind}, {each.result} stands ({each.rule}), {after}"
