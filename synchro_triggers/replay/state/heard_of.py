"""What a database has heard by others of a node that was put back: more than that node has itself.

Its checkpoint tells what it has received from the node. If it was put back, too, that may be as old as the node's
backup, while a third has brought what both had lost.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connections
from django.db.models import Q, QuerySet

from ...conf import local_alias
from ...key_texts import read_full_key
from ...models import ChangeLog, Checkpoint, Reference, Window
from ..identity.reference_table import Stored
from ..log.own_windows import last_number, own_rows
from ..log.vendor import log_of
from ..log.window import highest_id
from ..rows.own_rows import read_rows
from ..rows.selecting import rows_with
from ..schema.shape import gives_keys_again, model_of, read_key

_CHUNK = 10_000


def has_heard_of_more(alias: str, source: str, *, put_back: bool) -> bool:
    """Tell whether a database has heard of changes of LOCAL's users that LOCAL does not have any more.

    Args:
        alias: the database.
        source: node id of LOCAL.
        put_back: the database was put back itself once.
    """
    if _is_known_further(alias, source):
        return True
    # What was brought while its sender kept failures is in references only. They are looked through until the two have
    # met again: there is no index.
    met = not put_back or any(each.passed for each in read_rows(Checkpoint, alias, source=source))
    return not met and _beyond(alias, source).exists()


def times_of_lost(alias: str, source: str) -> list[int] | None:
    """Return when LOCAL's users have made the changes that LOCAL has lost, and that a database has from others.

    Args:
        alias, source: as above.

    Returns:
        By LOCAL's clock, in microseconds, in order; empty: nothing tells when. ``None``: nothing was lost.
    """
    last = last_number(local_alias())
    told = _is_known_further(alias, source) or _beyond(alias, source).exists() or _is_of_others(alias, source)
    times: set[int] = set()
    for row in _versions_of(alias, source):
        for version in (*row.versions, *row.basis.upon):
            if version.author == source and version.number > last:
                # What a run has read behind the last window has the number of the next one.
                told = told or version.number > last + 1
                times.add(version.time)
    return sorted(times - _times_behind_windows()) if told else None


def _is_known_further(alias: str, source: str) -> bool:
    with connections[alias].cursor() as cursor:  # each run asks
        cursor.execute("SELECT max(number) FROM synchro_triggers_knowledge WHERE author = %s", [source])
        heard = cursor.fetchone()[0]
    return heard is not None and heard > last_number(local_alias())


def _beyond(alias: str, source: str) -> QuerySet[Reference]:
    """Return the references by rows of LOCAL's log that it has never written."""
    highest = highest_id(local_alias())
    rows = Reference._base_manager.using(alias).filter(source=source)
    return rows.filter(Q(logged__gt=highest) | Q(ended__gt=highest))


def _is_of_others(alias: str, source: str) -> bool:
    """Tell whether a row of LOCAL's log by which an object is known speaks of another one: it was given out again."""
    rows = Reference._base_manager.using(alias).filter(source=source, logged__isnull=False).order_by("pk")
    last = 0
    while chunk := list(rows.filter(pk__gt=last)[:_CHUNK]):
        last = chunk[-1].pk
        logged = rows_with(ChangeLog, local_alias(), pk={each.logged for each in chunk}).filter(origin="")
        spoken_of = {pk: (label, text) for pk, label, text in logged.values_list("id", "model_label", "object_pk")}
        for each in chunk:
            label, text = spoken_of.get(each.logged or 0, ("", ""))
            model = model_of(label) if label == each.model_label else None
            if model is None or not gives_keys_again(model):
                continue
            if read_key(model, text) != read_key(model, read_full_key(each.local_pk, each.local_text)):
                return True
    return False


def _versions_of(alias: str, source: str) -> Iterator[Stored]:
    """Yield the references that speak of versions whose author is LOCAL."""
    own = Q(author=source) | Q(author__isnull=True, source=source)
    rows = Reference._base_manager.using(alias).filter(own | Q(fields__contains=source) | Q(upon__contains=source))
    yield from map(Stored._make, rows.values_list(*Stored._fields).iterator(chunk_size=_CHUNK))


def _times_behind_windows() -> set[int]:
    """Return when LOCAL's users have changed what none of its windows has seen yet."""
    last = Window._base_manager.using(local_alias()).order_by("-number").first()
    after = log_of(connections[local_alias()]).received_to(last.position) if last is not None else 0
    rows = ChangeLog._base_manager.using(local_alias()).filter(id__gt=after, origin="")
    own = own_rows(local_alias(), list(rows.values_list("id", flat=True)))
    return {row.time for row in own.values() if row.time is not None}
