"""What a database's own users have changed long ago, noted beside a log that is too long to be looked through.

A run that has such a log before it looks at what was logged since the one before it, and notes of each object the last
row. So a later run finds it by the object, however old it is, and no writer pays for an index on the log.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import connections
from django.db.models import Model

from ...capture.keys import encode_key, logged_texts
from ...key_texts import KEY_LENGTH
from ...models import ChangeLog, UsersChange
from ...moment import as_utc
from ..rows.own_rows import has_rows
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..schema.shape import read_key
from .users_changes import LastChange
from .window import logged_between

#: A key that does not fit is asked for as long as its row is young.
_NOTE = f"""
    INSERT INTO synchro_triggers_userschange (model_label, object_pk, row)
    SELECT model_label, object_pk, max(id) FROM synchro_triggers_changelog
     WHERE {{between}} AND origin = '' AND logged_at IS NOT NULL AND length(object_pk) <= {KEY_LENGTH}
     GROUP BY model_label, object_pk
    ON CONFLICT (object_pk, model_label) DO UPDATE SET row = excluded.row
     WHERE excluded.row > synchro_triggers_userschange.row
"""


def note_users_changes(alias: str, start: str, end: str) -> None:
    """Note what a database's users have changed between two positions of its log; ``''``: the beginning."""
    between, params = logged_between(alias, start, end)
    with connections[alias].cursor() as cursor:
        cursor.execute(_NOTE.format(between=between), params)


class Notes:
    """What is noted of a database.

    Args:
        alias: the database.
        asked: whether anybody asks; otherwise there is nothing.

    Attributes:
        any: whether there is anything.
    """

    def __init__(self, alias: str, *, asked: bool) -> None:
        self._alias = alias
        self.any = asked and has_rows(UsersChange, alias)

    def of(self, model: type[Model], keys: Collection[Any]) -> dict[Any, LastChange]:
        """Return the last changes of objects, by their keys, as far as the log rows are there still."""
        if not self.any or not keys:
            return {}
        texts, label, zone = logged_texts(model, keys), model._meta.label, zone_of(self._alias)
        noted = UsersChange._base_manager.using(self._alias)
        noted = noted.all() if texts is None else rows_with(UsersChange, self._alias, object_pk=texts)
        rows = dict(noted.filter(model_label=label).values_list("row", "object_pk"))
        logged = rows_with(ChangeLog, self._alias, pk=rows).filter(origin="") if rows else ChangeLog.objects.none()
        times = dict(logged.values_list("pk", "logged_at"))
        by_text = {encode_key(key): key for key in keys}
        found = {}
        for row_id, time in times.items():
            text = encode_key(read_key(model, rows[row_id], zone))
            if text in by_text:
                found[by_text[text]] = LastChange(as_utc(time), row_id)
        return found


def delete_old_notes(alias: str) -> None:
    """Delete the notes of rows that were pruned."""
    first = ChangeLog._base_manager.using(alias).order_by("pk").values_list("pk", flat=True).first()
    notes = UsersChange._base_manager.using(alias)
    (notes.all() if first is None else notes.filter(row__lt=first))._raw_delete(alias)
