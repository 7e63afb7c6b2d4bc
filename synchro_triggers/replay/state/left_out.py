"""Which columns were left out of what a database has received, because not both sides had their columns.

It stands in the checkpoint, and is written in each transaction that leaves something out: a run that is killed has
either written both or neither. Once both sides have a column, its values are brought (``write.late_columns``), and
only then is it forgotten.

``LACKING``: the database that receives did not have the column. Until it has got the values it has nothing to say of
that field, and what it sends leaves the field out, too. ``HELD``: that was so, for the one that has sent.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping

from ...models import Checkpoint

LACKING = "lacking"
HELD = "held"

#: Model label to names of columns to why they were left out. Not of fields: code that is a migration behind may not
#: know the field.
LeftOut = dict[str, dict[str, str]]


def left_out_in(text: str) -> LeftOut:
    """Return what ``Checkpoint.left_out`` says."""
    return {label: dict(fields) for label, fields in json.loads(text).items()} if text else {}


def as_text(entries: Mapping[str, Mapping[str, str]]) -> str:
    """Return entries as ``Checkpoint.left_out`` holds them."""
    some = {label: dict(columns) for label, columns in sorted(entries.items()) if columns}
    return json.dumps(some) if some else ""


def added(entries: LeftOut, columns: Iterable[tuple[str, str]], why: str) -> LeftOut:
    """Return entries with further columns, by their models' labels; what is lacking stays so, and is not only held."""
    found = {label: dict(names) for label, names in entries.items()}
    for label, column in columns:
        names = found.setdefault(label, {})
        names[column] = LACKING if LACKING in (why, names.get(column)) else why
    return found


def without(entries: LeftOut, label: str, columns: Collection[str]) -> LeftOut:
    """Return entries without some columns of a model."""
    left = {column: why for column, why in entries.get(label, {}).items() if column not in columns}
    return {**entries, label: left}


def lacking_of_all(alias: str) -> LeftOut:
    """Return the columns of which a database waits for the values, whoever has them."""
    found: LeftOut = {}
    for text in Checkpoint._base_manager.using(alias).exclude(left_out="").values_list("left_out", flat=True):
        for label, names in left_out_in(text).items():
            for name, why in names.items():
                if why == LACKING:
                    found.setdefault(label, {})[name] = why
    return found
