"""Going on after LOCAL was moved, or put back to an older state: what was received stays received, what waits is sent.

On PostgreSQL a position names transactions, whose ids mean something in one cluster only. The ids of the changelog's
rows move along with the rows; so a position becomes the ids that it stands for (``window``).

Where LOCAL has lost what a remote has received, the lost numbers are given out again, to changes and to objects.
Received is then what was logged no later than the last row that is known to have been received; and a reference to an
object that is not there any more, or that was made since, means another object.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.db import connections
from django.db.models import Model

from ..capture.tables import encode_key, logged_texts
from ..conf import LOCAL
from ..key_texts import read_full_key
from ..models import ChangeLog, Checkpoint, Operation, Reference
from .raw_keys import fetch_texts
from .rows import rows_with
from .shape import model_of, read_keys, telling_labels
from .undone import forget_lost_deletes
from .utc import zone_of
from .window import era_suffix, highest_id, logged_no_later, parse_snapshot, received_by, row_mark
from .younger import Known, LostTime, Younger

_CHUNK = 10_000


def moved_along(checkpoint: Checkpoint, *, lost: bool) -> dict[str, object]:
    """Return the fields of a checkpoint that say of LOCAL, where it is now, what ``checkpoint`` said.

    Args:
        checkpoint: a remote's.
        lost: LOCAL has lost some of what that remote has received.
    """
    position = _position(checkpoint, lost)
    last = received_to(position)
    mark = (row_mark(LOCAL, last) if last else "") if lost else checkpoint.last_row
    return {"position": position, "window_end": "", "window_after": 0, "last_row": mark, "last_window": ""}


def received_to(position: str) -> int:
    """Return the highest id that a position counts as received."""
    if not position:
        return 0
    return parse_snapshot(position).highest if connections[LOCAL].vendor == "postgresql" else int(position)


def _position(checkpoint: Checkpoint, lost: bool) -> str:
    after = checkpoint.window_after if checkpoint.window_end else 0
    highest = max(received_to(checkpoint.position), after)
    if not highest:
        return checkpoint.position
    received, params = received_by(LOCAL, checkpoint.position, checkpoint.window_end, after)
    if lost:
        then, mark = logged_no_later(LOCAL, checkpoint.last_row)
        received, params = f"{received} AND {then}", [*params, *mark]
        highest = min(highest, highest_id(LOCAL))
    if connections[LOCAL].vendor == "postgresql":
        return f"ids:{','.join(_spans(received, params, highest))}#{highest}{era_suffix(LOCAL)}"
    with connections[LOCAL].cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(min(id) - 1, %s) FROM synchro_triggers_changelog WHERE id <= %s AND NOT ({received})",
            [highest, highest, *params],
        )
        return str(cursor.fetchone()[0])


def _spans(received: str, params: list[Any], highest: int) -> Iterator[str]:
    """Yield the ids that were not received, as ``first-last`` of those that follow one another in the changelog."""
    with connections[LOCAL].cursor() as cursor:
        cursor.execute(
            "SELECT min(id), max(id) FROM (SELECT id, got, row_number() OVER (ORDER BY id)"
            " - row_number() OVER (PARTITION BY got ORDER BY id) AS run"
            f" FROM (SELECT id, ({received}) AS got FROM synchro_triggers_changelog WHERE id <= %s) AS those) AS runs"
            " WHERE NOT got GROUP BY run ORDER BY 1",
            [*params, highest],
        )
        for first, last in cursor.fetchall():
            yield str(first) if first == last else f"{first}-{last}"


def forget_transactions() -> None:
    """Let every committed row of LOCAL's changelog be visible to every position that is taken from now on.

    Rows from another cluster carry transaction ids that have not come yet here.
    """
    connection = connections[LOCAL]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE synchro_triggers_changelog SET txid = 0"
                " WHERE txid >= txid_snapshot_xmin(txid_current_snapshot())"
            )


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
    younger = Younger(remote, source, kept_keys, received.__contains__, received_to(position))
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
            keys = read_keys(model, [read_full_key(each.local_pk, each.local_text) for each in chunk])
            meant = _still_meant(model, received, keys)
            known = {each.pk: _known(model, key, each) for key, each in zip(keys, chunk, strict=True)}
            known = {pk: each for pk, each in known.items() if encode_key(each.key) in meant}
            gone = [each.pk for each in chunk if each.pk not in known]
            younger.found.forgotten += rows_with(Reference, remote, pk=gone)._raw_delete(remote)
            going = younger.sort_out(model, known.values())
            rows_with(Reference, remote, pk=[pk for pk, each in known.items() if each.key in going])._raw_delete(remote)
    return younger.found


def _known(model: type[Model], key: Any, reference: Reference) -> Known:
    [remote_key] = read_keys(model, [read_full_key(reference.remote_pk, reference.remote_text)])
    return Known(key, remote_key, reference.logged, reference.met_at)


def _still_meant(model: type[Model], received: _Received, keys: Collection[Any]) -> set[str]:
    """Return those of the keys that mean the objects that they meant: LOCAL has them, or has logged their delete since.

    What was made since is another object. What is gone, and was not deleted by the log, is lost.
    """
    there = {encode_key(key) for key in rows_with(model, LOCAL, pk=keys).values_list("pk", flat=True)}
    first = _first_since(model, received, keys)
    made, deleted = (
        {key for key, operation in first.items() if operation == each} for each in (Operation.INSERT, Operation.DELETE)
    )
    return (there - made) | deleted


def _first_since(model: type[Model], received: _Received, keys: Collection[Any]) -> dict[str, str]:
    """Return by which operation each of the keys was first given or freed in what has not been received."""
    texts = logged_texts(model, keys)
    of_keys = {} if texts is None else {"object_pk": texts}
    rows = rows_with(ChangeLog, LOCAL, model_label=telling_labels(model), **of_keys)
    rows = rows.filter(operation__in=(Operation.INSERT, Operation.DELETE)).order_by("id")
    query = rows.values_list("object_pk", "operation", "id").query
    first: dict[str, str] = {}
    for text, operation, row_id in fetch_texts(connections[LOCAL], *query.get_compiler(LOCAL).as_sql()):
        if row_id not in received:
            first.setdefault(text, operation)
    keys_of = dict(zip(first, read_keys(model, list(first), zone_of(LOCAL)), strict=True))
    found: dict[str, str] = {}
    for text, operation in first.items():
        found.setdefault(encode_key(keys_of[text]), operation)
    return found


class _Received:
    """The ids that a moved position counts as received."""

    def __init__(self, position: str) -> None:
        self._highest = received_to(position)
        postgres = connections[LOCAL].vendor == "postgresql" and position
        self._waiting = (parse_snapshot(position).waiting or ()) if postgres else ()

    def __contains__(self, row_id: int) -> bool:
        return row_id <= self._highest and not any(first <= row_id <= last for first, last in self._waiting)
