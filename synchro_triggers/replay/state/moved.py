"""Going on after LOCAL was moved, or put back to an older state: what was received stays received, what waits is sent.

On PostgreSQL a position names transactions, whose ids mean something in one cluster only. The ids of the changelog's
rows move along with the rows; so a position becomes the ids that it stands for (``window``).

Where LOCAL has lost what a remote has received, the lost numbers are given out again, to changes and to objects.
Received is then what was logged no later than the last row that is known to have been received; and a reference to an
object that is not there any more, or that was made since, means another object.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.db import connections
from django.db.models import Model

from ...capture.keys import encode_key, logged_texts
from ...conf import local_alias
from ...key_texts import read_full_key
from ...models import ChangeLog, Checkpoint, Operation, Reference
from ..log.history import row_mark
from ..log.vendor import log_of
from ..log.window import received_by
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..rows.vendor import fetch_texts
from ..schema.keys import FormerKey
from ..schema.shape import gives_keys_again, model_of, read_keys, telling_labels
from .left_out import with_all_objects
from .undone import forget_lost_deletes
from .younger import Known, LostTime, Younger

_CHUNK = 10_000


def moved_along(checkpoint: Checkpoint, *, lost: bool) -> dict[str, object]:
    """Return the fields of a checkpoint that say of LOCAL, where it is now, what ``checkpoint`` said.

    Args:
        checkpoint: a remote's.
        lost: LOCAL has lost some of what that remote has received.
    """
    position = _position(checkpoint, lost)
    last = log_of(connections[local_alias()]).received_to(position)
    mark = (row_mark(local_alias(), last) if last else "") if lost else checkpoint.last_row
    moved = {"position": position, "window_end": "", "window_after": 0, "last_row": mark, "last_window": ""}
    return {**moved, "left_out": with_all_objects(checkpoint.left_out)}


def _position(checkpoint: Checkpoint, lost: bool) -> str:
    after = checkpoint.window_after if checkpoint.window_end else 0
    log = log_of(connections[local_alias()])
    highest = max(log.received_to(checkpoint.position), after)
    if not highest:
        return checkpoint.position
    received, params = received_by(local_alias(), checkpoint.position, checkpoint.window_end, after)
    if lost:
        received, params = f"{received} AND {log.NO_LATER}", [*params, checkpoint.last_row.split("|")[1]]
        highest = min(highest, log.highest_id(connections[local_alias()]))
    return log.moved_position(connections[local_alias()], (received, params), highest)


def forget_lost_objects(remote: str, source: str, position: str, kept_keys: Collection[str] = ()) -> LostTime:
    """Drop the references to objects that LOCAL has lost; their keys are given out again.

    Args:
        remote: the alias.
        source: LOCAL's identity.
        position: what counts as received now; an object that was made since is another one.
        kept_keys: labels of models that keep their primary key.

    Returns:
        What is not known any more.
    """
    received = _Received(position)
    younger = Younger(remote, source, kept_keys, received.__contains__, received.highest)
    forget_lost_deletes(remote, source, received.__contains__)
    references = Reference.objects.using(remote).filter(source=source)
    for label in list(references.order_by().values_list("model_label", flat=True).distinct()):
        model = model_of(label)
        if model is None:
            continue
        last = 0
        following = references.filter(model_label=label).order_by("pk")
        while chunk := list(following.filter(pk__gt=last)[:_CHUNK]):
            last = chunk[-1].pk
            known = _those_that_stay(model, received, chunk, gives_keys_again(model, kept_keys))
            gone = [each.pk for each in chunk if each.pk not in known]
            younger.found.forgotten += rows_with(Reference, remote, pk=gone)._raw_delete(remote)
            going = younger.sort_out(model, known.values())
            rows_with(Reference, remote, pk=[pk for pk, each in known.items() if each.key in going])._raw_delete(remote)
    return younger.found


def _those_that_stay(
    model: type[Model], received: _Received, references: Sequence[Reference], keys_again: bool
) -> dict[int, Known]:
    """Return, by primary key, those references whose objects LOCAL has, or has logged since that it has deleted.

    What was deleted since has been there before; so has one whose delete is kept, and whose key is another's now.
    """
    texts = [read_full_key(each.local_pk, each.local_text) for each in references]
    read = zip(read_keys(model, texts), texts, references, strict=True)
    keys = [FormerKey.of(text, each.ended) if each.ended else key for key, text, each in read]
    there = {encode_key(key) for key in rows_with(model, local_alias(), pk=keys).values_list("pk", flat=True)}
    made_before, made_since = _logged(model, received, keys, Operation.INSERT, telling_labels(model))
    _, deleted_since = _logged(model, received, keys, Operation.DELETE, (model._meta.label,))
    stay: dict[int, Known] = {}
    for key, each in zip(keys, references, strict=True):
        text = encode_key(key)
        known_before = text in made_before or each.logged is None or each.logged in received
        told_by_the_log = text in deleted_since and known_before and (keys_again or text not in made_since)
        if isinstance(key, FormerKey) or told_by_the_log or (text in there and text not in made_since):
            [remote_key] = read_keys(model, [read_full_key(each.remote_pk, each.remote_text)])
            stay[each.pk] = Known(key, remote_key, each.logged, each.met_at)
    return stay


def _logged(
    model: type[Model], received: _Received, keys: Collection[Any], operation: Operation, labels: Sequence[str]
) -> tuple[set[str], set[str]]:
    """Return the keys with which LOCAL's log has such rows: those that were received, and others."""
    texts = logged_texts(model, keys)
    of_keys = {} if texts is None else {"object_pk": texts}
    logged = rows_with(ChangeLog, local_alias(), model_label=labels, **of_keys).filter(operation=operation)
    query = logged.values_list("object_pk", "id").query
    rows = fetch_texts(connections[local_alias()], *query.get_compiler(local_alias()).as_sql())
    sides = ([text for text, row_id in rows if (row_id in received) is side] for side in (True, False))
    before, since = ({encode_key(key) for key in read_keys(model, some, zone_of(local_alias()))} for some in sides)
    return before, since


class _Received:
    """The ids that a moved position counts as received."""

    def __init__(self, position: str) -> None:
        log = log_of(connections[local_alias()])
        self.highest, self._waiting = log.received_to(position), log.not_received(position)

    def __contains__(self, row_id: int) -> bool:
        return row_id <= self.highest and not any(first <= row_id <= last for first, last in self._waiting)
