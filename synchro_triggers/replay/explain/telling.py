"""What is known of one object, in lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from ..on_record.listing import RecordedConflict
from .parts import Explanation, KnownName, OnLocal, OnRemote


def lines_of(found: Explanation) -> Iterator[str]:
    """Yield lines; what belongs to a line is indented below it."""
    yield f"{found.model} {found.key}"
    if found.skipped:
        yield "  " + _("each side's own fields (skip): %(names)s") % {"names": ", ".join(found.skipped)}
    yield from _lines_of_local(found.local)
    for remote in found.remotes:
        yield from _lines_of_remote(remote)
    if not found.remotes:
        yield _("No remote is configured (SYNCHRO_REMOTE): changes are only logged.")


def _lines_of_local(local: OnLocal) -> Iterator[str]:
    where = (
        _("%(database)s: is there, node %(node)s") if local.there else _("%(database)s: is not there, node %(node)s")
    )
    yield where % {"database": local.database, "node": local.node}
    yield from _lines_of_names(local.names)
    log = _("log: %(number)s rows") % {"number": f"{local.log_rows:,}"}
    if len(local.log) < local.log_rows:
        log = _("log: %(number)s rows, the newest %(shown)s") % {
            "number": f"{local.log_rows:,}",
            "shown": len(local.log),
        }
    yield f"  {log}"
    yield from (f"    {row.describe()}" for row in local.log)
    yield from _lines_of_conflicts(local.conflicts)


def _lines_of_remote(remote: OnRemote) -> Iterator[str]:
    said = {"database": remote.remote, "node": remote.node, "key": remote.key, "error": remote.error}
    if remote.error:
        yield _("%(database)s: cannot be asked: %(error)s") % said
        return
    if remote.key is None:
        yield _("%(database)s: no row is known to be it, node %(node)s") % said
    else:
        yield _("%(database)s: %(key)s, node %(node)s") % said
    yield from _lines_of_names(remote.names)
    if remote.left_out:
        text = _(
            "left out until both sides have the columns (`manage.py migrate` on the one that is behind): %(names)s"
        )
        yield "  " + text % {"names": ", ".join(remote.left_out)}
    if remote.failure is not None:
        yield "  " + _("kept as a failure: %(why)s") % {"why": remote.failure.describe()}
    yield from _lines_of_conflicts(remote.conflicts)
    if remote.runs:
        yield "  " + _("runs since its last change:")
    yield from (f"    {run.describe()}" for run in remote.runs)
    if remote.pending_back:
        yield "  " + _("logged there, and not yet fetched: `manage.py synchronize --pull` brings it")
    yield "  " + _("the next run would do: %(what)s") % {"what": remote.next}


def _lines_of_names(names: Iterable[KnownName]) -> Iterator[str]:
    for name in names:
        yield "  " + _("name: %(name)s") % {"name": name.describe()}


def _lines_of_conflicts(conflicts: Iterable[RecordedConflict]) -> Iterator[str]:
    for each in conflicts:
        text = _("conflict %(number)s: %(kind)s, %(result)s stands (%(rule)s), %(side)s taken since")
        if each.is_open:
            text = _("conflict %(number)s: %(kind)s, %(result)s stands (%(rule)s), open")
        said = {"number": each.id, "kind": each.kind, "result": each.result, "rule": each.rule, "side": each.taken}
        yield "  " + text % said
