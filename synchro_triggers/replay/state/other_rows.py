"""What was logged of a failed object's rows in other tables (multi-table inheritance).

All that is logged of an object's rows is one change, and one failure is kept of it. If the child's row is deleted
meanwhile and the parents' rows stay, each of those is an object of its own now, and what was logged of it is still to
be applied.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.db.models import Model

from ...conf import get_settings, local_alias
from ...key_texts import stored_key
from ...models import Failure, Operation, Reference
from ..identity.known import references_of
from ..log.absent import without_a_row
from ..log.changes import Change
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..schema.shape import model_of, read_key, root_of
from .lists import pairs_in
from .node import node_id

Row = tuple[str, str]


def as_text(rows: Iterable[Row], stored: str | None = None) -> str | None:
    """Return how labels and keys are stored, together with those that are stored already; ``None``: there are none."""
    all_ = dict.fromkeys([*pairs_in(stored), *rows])
    return json.dumps(list(all_)) if all_ else None


def left_behind(changes: Iterable[Change]) -> list[Change]:
    """Return a change for each other row that these changes stand for, and that LOCAL still has.

    Args:
        changes: of objects that are gone.
    """
    rows = [row for change in changes for row in change.of_other_rows()]
    gone = set(without_a_row(rows))
    return [row for row in rows if row not in gone]


def left_behind_by_failed(remote: str, source: str, changes: Iterable[Change]) -> list[Change]:
    """Return the same of those of the changes that are logged deletes, of whose objects failures are kept."""
    deleted = {(change.label, stored_key(change.key)): change for change in changes if change.deleted}
    if not deleted:
        return []
    failures = rows_with(Failure, remote, object_pk={key for _, key in deleted})
    failures = failures.filter(source=source).exclude(other_rows=None)
    kept = failures.values_list("model_label", "object_pk", "other_rows")
    return left_behind(
        replace(deleted[label, key], other_rows=pairs_in(text)) for label, key, text in kept if (label, key) in deleted
    )


def never_there_with_others(remote: str, source: str, rows: Collection[Row]) -> set[Row]:
    """Return those of the rows that are other rows of objects which the remote has never seen: they have failed as new.

    A row that has reached the remote by itself since then is left out: it is of another object with the same number.
    """
    failures = Failure.objects.using(remote).filter(source=source, operation=Operation.INSERT)
    texts = failures.exclude(other_rows=None).values_list("other_rows", "first_at")
    failed_at = {row: first_at for text, first_at in texts for row in pairs_in(text) if row in rows}
    return set(failed_at) - come_since(remote, source, failed_at) if failed_at else set()


def come_since(remote: str, source: str, failed_at: Mapping[Row, datetime.datetime]) -> set[Row]:
    """Return those of the rows whose objects have met a row of the remote since they failed there."""
    by_root: dict[type[Model], dict[Any, list[Row]]] = {}
    for label, text in failed_at:
        if (model := model_of(label)) is not None:
            key = read_key(model, text, zone_of(local_alias()))
            by_root.setdefault(root_of(model), {}).setdefault(key, []).append((label, text))
    come: set[Row] = set()
    for root, rows in by_root.items():
        found, _ = references_of(remote, source, node_id(remote), get_settings().identity, root, rows)
        references = {each.pk: key for key, some in found.items() for each in some}
        met = rows_with(Reference, remote, pk=references).values_list("pk", "met_at")
        come |= {row for pk, met_at in met for row in rows[references[pk]] if met_at > failed_at[row]}
    return come
