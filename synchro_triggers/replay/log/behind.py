"""What a run that ends before its end does not come to any more, and the next one does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import groupby
from sqlite3 import Connection

from ...conf import local_alias
from ...models import ChangeLog
from ..rows.selecting import rows_with

#: Objects that are looked for at a time, and how many at the most: the log has no index on them, and each look goes
#: through all that is left.
_AT_A_TIME, _AT_MOST = 500, 5_000


def leave_to_the_next(noted: Connection, after: int, labels_of: Callable[[str], Collection[str]]) -> None:
    """Take out of a scratch file the objects of which LOCAL's log speaks behind a row: the next run comes to them.

    Args:
        noted: see ``scratch_file()``.
        after: the id of the row.
        labels_of: returns the labels under which the log may speak of an object that is noted under one.
    """
    held = noted.execute("SELECT label, key FROM noted ORDER BY label, key").fetchmany(_AT_MOST)
    for label, keys in _some_at_a_time(held):
        rows = rows_with(ChangeLog, local_alias(), object_pk=keys)
        rows = rows.filter(id__gt=after, model_label__in=labels_of(label))
        coming = [(label, key) for key in rows.values_list("object_pk", flat=True).distinct()]
        noted.executemany("DELETE FROM noted WHERE label = ? AND key = ?", coming)


def _some_at_a_time(held: list[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    for label, alike in groupby(held, lambda at: at[0]):
        keys = [key for _, key in alike]
        for start in range(0, len(keys), _AT_A_TIME):
            yield label, keys[start : start + _AT_A_TIME]
