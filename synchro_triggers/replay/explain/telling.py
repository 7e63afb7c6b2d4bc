"""What is known of one object, in lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..on_record.listing import RecordedConflict
from .parts import Explanation, OnLocal, OnRemote


def lines_of(found: Explanation) -> Iterator[str]:
    """Yield lines; what belongs to a line is indented below it."""
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
