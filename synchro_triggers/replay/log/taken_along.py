"""Links of an object that was deleted: what a log says of those that went with it, and of those removed before."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from django.db import connections
from django.db.models import Max, Min, Model, QuerySet

from ...capture.keys import encode_key
from ...models import ChangeLog, Operation
from ..rows.selecting import rows_with
from ..rows.values import logged_values
from .vendor import log_of


class Former(NamedTuple):
    """The key that an object had before it was deleted, and a row of the log before that; 0: not known."""

    key: Any
    since: int = 0


class GoneLink(NamedTuple):
    """A link that is gone.

    Attributes:
        row: of the log, which says so.
        values: what it was, by attribute.
        went_along: the users' delete of the object has taken it along; otherwise it was removed by itself, or a replay
            has deleted the object.
    """

    row: ChangeLog
    values: dict[str, Any]
    went_along: bool


def links_gone(
    alias: str, root: type[Model], formers: Collection[Former], through: type[Model], end: str
) -> Iterator[GoneLink]:
    """Yield the links that objects had before they were deleted, each as the log has it last.

    Who deletes an object removes its links in the same transaction, or they go by themselves. SQLite's log does not say
    which rows were written together: there each of those counts that stands right before or after it.

    Args:
        alias: the database, which logs.
        root: the objects' root model.
        formers: the keys that they had there.
        through: an automatic many-to-many table; ``end``: the attribute of its foreign key to the objects.
    """
    together = {former.key: _deleted_with(alias, root, former) for former in formers}
    links = ChangeLog.objects.using(alias).filter(model_label=through._meta.label, operation=Operation.DELETE)
    last: dict[tuple[Any, ...], GoneLink] = {}
    for row in links.exclude(old_values=None).order_by("id").iterator():
        values = logged_values(through, str(row.old_values), alias)
        if (key := values.pop(end, None)) in together:
            values.pop(through._meta.pk.attname, None)
            last[key, *values.values()] = GoneLink(row, {**values, end: key}, row.pk in together[key])
    yield from last.values()


def _deleted_with(alias: str, root: type[Model], former: Former) -> set[int]:
    """Return the rows of what was deleted together with an object; none, where a replay has deleted it."""
    rows = rows_with(ChangeLog, alias, object_pk=[encode_key(former.key)]).filter(
        model_label=root._meta.label, operation=Operation.DELETE, id__gt=former.since
    )
    deleted = rows.order_by("id" if former.since else "-id").first()
    return set(_logged_with(alias, deleted).values_list("id", flat=True)) if deleted and not deleted.origin else set()


def _logged_with(alias: str, row: ChangeLog) -> QuerySet[ChangeLog]:
    """Return what a log says was deleted in the transaction of a row, as far as it can be told."""
    log = ChangeLog.objects.using(alias)
    if log_of(connections[alias]).NAMES_TRANSACTIONS:
        return log.filter(txid=row.txid)
    others = log.exclude(operation=Operation.DELETE)  # nobody else writes before a transaction has ended
    first = others.filter(id__lt=row.id).aggregate(id=Max("id"))["id"] or 0
    end = others.filter(id__gt=row.id).aggregate(id=Min("id"))["id"]
    block = log.filter(id__gt=first)
    return block if end is None else block.filter(id__lt=end)


def log_removed_again(alias: str, gone: GoneLink, ends: Mapping[str, int]) -> None:
    """Let a log say of objects that have come back under other keys that a link of theirs was removed before.

    What the log says of the keys that they had leads nowhere.

    Args:
        alias: the database.
        ends: columns of the link's ends, and the keys that these have now.
    """
    row, old = gone.row, json.loads(str(gone.row.old_values))
    if ends.keys() <= old.keys():
        ChangeLog.objects.using(alias).create(
            model_label=row.model_label,
            object_pk=row.object_pk,
            operation=Operation.DELETE,
            old_values=json.dumps(old | ends),
            origin=row.origin,
            logged_at=row.logged_at,
        )
