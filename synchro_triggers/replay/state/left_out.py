"""What was left out of what a database has received, because not both sides had its column, or its table.

It stands in the checkpoint, and is written in each transaction that leaves something out: a run that is killed has
either written both or neither. Once both sides have a column, its values are brought (``write.late_columns``), and
only then is it forgotten.

``LACKING``: the database that receives did not have the column. Until it has got the values it has nothing to say of
that field, and what it sends leaves the field out, too. ``HELD``: that was so, for the one that has sent.

Of a table (``TABLE`` instead of a column) it is noted since when it was left out, by the source's log: its highest row
that had been received, and the position. ``UNKNOWN``: the log is another one by now. ``ALL_OBJECTS`` beside it: more
has to follow than what is logged. ``PROGRESS`` and ``VALUES_PROGRESS``: how far that has come, or the values of
columns, when a run was cut off.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping

from django.db import connections

from ...models import Checkpoint
from ..log.notes import require_mapping, unreadable

LACKING = "lacking"
HELD = "held"

#: Stands for the whole table.
TABLE = "*"

#: Stands beside it where all objects of the table have to follow.
ALL_OBJECTS = "**"

#: Stands beside both where some of the table's objects have followed: how far that has come (``late.Reached``).
PROGRESS = "***"

#: Stands beside columns of which some values have followed: how far that has come (``late.ColumnsReached``).
VALUES_PROGRESS = "****"

#: What stands for the whole table.
OF_TABLES = frozenset({TABLE, ALL_OBJECTS, PROGRESS})

#: What stands for no column.
NO_COLUMNS = OF_TABLES | {VALUES_PROGRESS}

#: Since when the table was left out, nobody knows.
UNKNOWN = ""

#: Model label to names of columns to why they were left out. Not of fields: code that is a migration behind may not
#: know the field.
LeftOut = dict[str, dict[str, str]]


def require_left_out(text: str) -> LeftOut:
    """Return what ``Checkpoint.left_out`` says.

    Raises:
        Refused: it is something else.
    """
    found = require_mapping(text)
    if not all(isinstance(fields, dict) for fields in found.values()):
        raise unreadable(text)
    return found


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


def since(row: int, position: str) -> str:
    """Return what is noted of a table that is left out from now on; of two such notes the lesser one is older.

    Args:
        row: id of a row of the source's log, up to which no row has to follow.
        position: the same, as the checkpoint has it.
    """
    return f"{row:020d} {position}"


def read_since(note: str) -> tuple[int, str] | None:
    """Return row and position of what ``since()`` has returned; ``None``: it is ``UNKNOWN``."""
    row, _, position = note.partition(" ")
    if not note:
        return None
    if not row.isdecimal():
        raise unreadable(note)
    return int(row), position


def with_table(entries: LeftOut, label: str, note: str, *, all_objects: bool = False) -> LeftOut:
    """Return entries with a table; where it is among them, with the older note.

    Args:
        label: the model's.
        note: since when it is left out.
        all_objects: more has to follow than what is logged since then.
    """
    known = entries.get(label, {})
    more = {ALL_OBJECTS: LACKING} if all_objects else {}
    return {**entries, label: {**known, **more, TABLE: min(note, known.get(TABLE, note))}}


def renamed(entries: LeftOut, old: str, new: str) -> LeftOut:
    """Return entries in which a model has another label."""
    left = {label: columns for label, columns in entries.items() if label != old}
    for column, why in without_progress(entries[old]).items():
        left = with_table(left, new, why) if column == TABLE else added(left, [(new, column)], why)
    return left


def with_all_objects(text: str) -> str:
    """Return ``Checkpoint.left_out`` where the source's log is another one: of tables, all objects have to follow."""
    return as_text(
        {
            label: {column: UNKNOWN if column == TABLE else why for column, why in without_progress(columns).items()}
            for label, columns in require_left_out(text).items()
        }
    )


def with_progress(entries: LeftOut, label: str, text: str, which: str = PROGRESS) -> LeftOut:
    """Return entries in which it is noted how far the objects of a model, or values of columns, have come."""
    return {**entries, label: {**entries.get(label, {}), which: text}}


def without_progress(columns: Mapping[str, str]) -> dict[str, str]:
    """Return a model's entry without how far its objects have come: that is of another log, or another model."""
    return {column: why for column, why in columns.items() if column not in {PROGRESS, VALUES_PROGRESS}}


def oldest_position(checkpoint: Checkpoint, labels: Collection[str], key: Callable[[str], int]) -> str:
    """Return up to where a database needs the source's log no longer: what was left out since, it may still need.

    Args:
        checkpoint: what it has received.
        labels: of models that the source captures; others it may never have.
        key: makes positions comparable.
    """
    notes = [
        columns.get(TABLE, "") for label, columns in require_left_out(checkpoint.left_out).items() if label in labels
    ]
    noted = [found[1] for note in notes if (found := read_since(note)) is not None]
    return min([checkpoint.position, *noted], key=lambda position: key(position) if position else -1)


def without(entries: LeftOut, label: str, columns: Collection[str]) -> LeftOut:
    """Return entries without some columns of a model."""
    left = {column: why for column, why in entries.get(label, {}).items() if column not in columns}
    return {**entries, label: left}


def lacking_of_all(alias: str) -> LeftOut:
    """Return the columns of which a database waits for the values, whoever has them."""
    found: LeftOut = {}
    with connections[alias].cursor() as cursor:  # each run asks, and nearly always in vain
        cursor.execute("SELECT left_out FROM synchro_triggers_checkpoint WHERE left_out <> ''")
        texts = cursor.fetchall()
    for (text,) in texts:
        for label, names in require_left_out(text).items():
            for name, why in names.items():
                if why == LACKING:
                    found.setdefault(label, {})[name] = why
    return found
