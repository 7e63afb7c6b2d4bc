"""Which fields of an object a log says were changed, and by whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from django.db.models import Model

from ...capture.keys import logged_texts
from ...models import ChangeLog, Operation
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..schema.shape import read_key

_COLUMNS = ("object_pk", "id", "txid", "origin", "operation", "changed_fields")


class FieldsRow(NamedTuple):
    """A row of the log of one object.

    Attributes:
        origin: from which node the change came; ``''``: the database's own users have made it.
        names: the fields that it changed; ``None``: it does not say, so all of them.
    """

    id: int
    txid: int
    origin: str
    names: frozenset[str] | None


def rows_of_objects(
    alias: str, models: Collection[type[Model]], keys: Iterable[Any], **among: object
) -> dict[Any, list[FieldsRow]]:
    """Return the log rows of objects by their keys, in no order.

    Args:
        alias: the database.
        models: those in whose tables the objects have rows.
        keys: primary keys there.
        among: look-ups of the log that bound which rows are of interest.
    """
    model = next(iter(models))
    texts = logged_texts(model, keys)
    if texts is None:
        return {}
    rows = rows_with(ChangeLog, alias, object_pk=texts)
    rows = rows.filter(model_label__in=[each._meta.label for each in models], **among)
    found: dict[Any, list[FieldsRow]] = {}
    zone, read = zone_of(alias), dict[str, Any]()
    for text, row_id, txid, origin, operation, changed in rows.values_list(*_COLUMNS):
        if text not in read:
            read[text] = read_key(model, text, zone)
        row = FieldsRow(row_id, txid, origin, _names_in(operation, changed))
        found.setdefault(read[text], []).append(row)
    return found


def _names_in(operation: str, changed: str) -> frozenset[str] | None:
    if operation != Operation.UPDATE or not changed.strip("?"):
        return None
    return frozenset(changed.split(","))


def names_of(rows: Iterable[FieldsRow]) -> frozenset[str] | None:
    """Return the fields that some rows of a log speak of; ``None``: one does not say, or there is none."""
    names: set[str] = set()
    for row in rows:
        if row.names is None:
            return None
        names |= row.names
    return frozenset(names) or None


def last_by_users(rows: Iterable[FieldsRow], names: Iterable[str]) -> Mapping[str, FieldsRow]:
    """Return the last row by which a database's own users have changed each field, where they have."""
    own = sorted((row for row in rows if not row.origin), key=lambda row: row.id)
    wanted = frozenset(names)
    return {name: row for row in own for name in (wanted if row.names is None else wanted & row.names)}


def changed_fields(alias: str, models: Collection[type[Model]], key: Any, **among: object) -> frozenset[str] | None:
    """Return which fields of an object a database's log says were changed; ``None``: it does not say.

    Args:
        alias: the database.
        models: those in whose tables the object has rows.
        key: its primary key there.
        among: look-ups of the log that bound which rows are of interest.
    """
    return names_of(rows_of_objects(alias, models, [key], **among).get(key, ()))
