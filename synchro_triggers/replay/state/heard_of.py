"""What a database has heard by others of a node that was put back: more than that node has itself.

Its checkpoint tells what it has received from the node. If it was put back, too, that may be as old as the node's
backup, while a third has brought what both had lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connections
from django.db.models import Q, QuerySet

from ...conf import local_alias
from ...key_texts import read_full_key
from ...models import ChangeLog, Checkpoint, Node, Reference, Window
from ..identity.reference_table import Stored
from ..log.own_windows import last_number, own_rows
from ..log.vendor import log_of
from ..log.window import highest_id
from ..rows.own_rows import read_rows
from ..rows.selecting import rows_with
from ..schema.shape import gives_keys_again, model_of, read_key

_CHUNK = 10_000


def has_heard_of_more(alias: str, source: str) -> bool:
    """Tell whether a database has heard of changes of LOCAL's users that LOCAL does not have any more.

    Args:
        alias: the database.
        source: node id of LOCAL.
    """
    heard, was_put_back = _heard(alias, source)
    if heard and heard > last_number(local_alias()):
        return True
    # What was brought while its sender kept failures is in references only. They have no index for that, and are looked
    # through before the first run since the database was put back itself: its checkpoints have no place until then.
    met = not was_put_back or any(each.place for each in read_rows(Checkpoint, alias, source=source))
    return not met and _beyond(alias, source).exists()


def times_of_lost(alias: str, source: str) -> list[int] | None:
    """Return when LOCAL's users have made the changes that LOCAL has lost, and that a database has from others.

    Args:
        alias, source: as above.

    Returns:
        By LOCAL's clock, in microseconds, in order; empty: nothing tells when. ``None``: nothing was lost.
    """
    last = last_number(local_alias())
    told = _heard(alias, source)[0] > last or _beyond(alias, source).exists() or _is_of_others(alias, source)
    times: set[int] = set()
    for row in _versions_of(alias, source):
        for version in (*row.versions, *row.basis.upon):
            if version.author == source and version.number > last:
                # What a run has read behind the last window has the number of the next one.
                told = told or version.number > last + 1
                times.add(version.time)
    return sorted(times - _times_behind_windows()) if told else None


_HEARD = """
    SELECT coalesce(max(number), 0), (SELECT succeeds FROM synchro_triggers_node WHERE id = 1)
      FROM synchro_triggers_knowledge WHERE author = %s
"""


def _heard(alias: str, source: str) -> tuple[int, bool]:
    """Return the last of LOCAL's windows that a database has heard of, and whether that was put back itself once."""
    with connections[alias].cursor() as cursor:  # one statement for both: each run asks
        cursor.execute(_HEARD, [source])
        number, succeeds = cursor.fetchone()
    return number, bool(succeeds)


def _beyond(alias: str, source: str) -> QuerySet[Reference]:
    """Return the references by rows of LOCAL's log that it has never written."""
    highest = highest_id(local_alias())
    rows = Reference._base_manager.using(alias).filter(source=source)
    return rows.filter(Q(logged__gt=highest) | Q(ended__gt=highest))


def _is_of_others(alias: str, source: str) -> bool:
    """Tell whether LOCAL's log does not know objects any more that were known by its rows: these were given out again.

    An object may be known by a row that speaks of another one: it is the last that was read with it. But then rows
    before that one speak of the object.
    """
    rows = Reference._base_manager.using(alias).filter(source=source, logged__isnull=False).order_by("pk")
    unheard: dict[tuple[str, Any], int] = {}
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
            key = read_key(model, read_full_key(each.local_pk, each.local_text))
            if read_key(model, text) != key:
                unheard[label, key] = each.logged or 0
    return bool(unheard) and not _is_pruned() and not _all_spoken_of(unheard)


def _is_pruned() -> bool:
    """Tell whether rows of LOCAL's log are gone: what they have spoken of is not known then."""
    return Node._base_manager.using(local_alias()).filter(pk=1, pruned_to__gt=0).exists()


def _all_spoken_of(objects: dict[tuple[str, Any], int]) -> bool:
    """Tell whether LOCAL's log speaks of all of some objects.

    Args:
        objects: label and key, and the id of a log row: no later one counts.
    """
    unheard = dict(objects)
    rows = rows_with(ChangeLog, local_alias(), model_label={label for label, _ in unheard}).filter(origin="")
    for pk, label, text in rows.order_by("id").values_list("id", "model_label", "object_pk").iterator():
        model = model_of(label)
        at = label, None if model is None else read_key(model, text)
        if pk <= unheard.get(at, 0):
            del unheard[at]
            if not unheard:
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
