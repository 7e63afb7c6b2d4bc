"""Numbers that the remote's users have given out again: the row under such a number is another object than LOCAL's.

Where the remote's log is too long to be looked through in each run, each run that has something to do looks at what was
logged since the one before it, and notes in the references what it finds: an object may be changed on LOCAL many runs
later. The position up to which was looked is kept as well.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.db import connections, transaction
from django.db.models import Model

from ...models import Checkpoint, Reference
from ...moment import as_utc
from ..log.users_changes import LastChange, UsersChanges, made_again
from ..log.window import current_position, logged_between
from ..rows.selecting import rows_with
from ..schema.shape import gives_keys_again, model_of
from .reference_table import Stored

#: Inserts of the remote's own users under a key that a row had which LOCAL knows: label and key to the first log row.
_CANDIDATES = """
    SELECT logged.model_label, logged.object_pk, min(logged.id)
      FROM (SELECT model_label, object_pk, id FROM synchro_triggers_changelog
             WHERE {between} AND origin = '' AND operation = 'I') AS logged
      JOIN synchro_triggers_reference AS known
        ON known.remote_pk = logged.object_pk AND known.model_label = logged.model_label
     GROUP BY logged.model_label, logged.object_pk
"""


class Strangers:
    """Tells which references lead to a number that the remote's users have given to another object since.

    Args:
        source: node id of LOCAL.
        kept_keys: labels of models with the option ``identity: 'pk'``.
        noted: primary keys of references of which it is known, to when the other objects were made.

    Attributes:
        users_changes: what the remote's users have changed, where that is to be asked as well.
        rows: root model and local key to the number that an object's row had, and when another one was made under it.
        came_by: root model and local key of what came from the remote, to the last row of its log that spoke of it.
    """

    def __init__(
        self, source: str, target: str, kept_keys: Collection[str], noted: Mapping[int, datetime.datetime] | None
    ) -> None:
        self._source, self._target, self._kept_keys = source, target, kept_keys
        self._noted = dict(noted or {})
        self.rows: dict[tuple[type[Model], Any], tuple[Any, LastChange]] = {}
        self.users_changes: UsersChanges | None = None
        self.came_by: dict[tuple[type[Model], Any], int | None] = {}

    def note(self, reference: Stored) -> None:
        """Take note of what a reference says that was read."""
        if reference.replaced_at is not None:
            self._noted[reference.pk] = reference.replaced_at

    def is_noted(self, reference: Stored) -> bool:
        """Tell whether a reference is known to lead to another object's row."""
        return reference.pk in self._noted

    def found(self, root: type[Model], key: Any) -> tuple[Any, LastChange] | None:
        """Return the number that an object's row had, and when another one was made under it."""
        return self.rows.get((root, key))

    def among(
        self,
        root: type[Model],
        known: Mapping[Any, Any],
        references: Mapping[Any, Stored],
        met_at: Callable[[type[Model], Any], datetime.datetime | None],
    ) -> list[Any]:
        """Return the local keys of objects whose rows' numbers are other objects' now.

        Args:
            known: local keys to remote keys.
            references: root models and local keys to references; what has none came from there.
            met_at: tells when an object last met its row.
        """
        found: dict[Any, LastChange] = {}
        for key in known if self._noted else ():
            reference = references.get((root, key))
            if reference is not None and (replaced_at := self._noted.get(reference.pk)) is not None:
                found[key] = LastChange(as_utc(replaced_at), 0)
        own = self.users_changes
        if own is not None and (own.inserted or not own.complete) and gives_keys_again(root, self._kept_keys):
            rows = {remote_key: key for key, remote_key in known.items() if key not in found}
            for remote_key, made in own.made_again(root, list(rows), self._source).items():
                at = root, rows[remote_key]
                if (seen := self._seen(references.get(at))) is not None and made.id <= seen:
                    is_another = False  # whatever clocks say
                elif at in references:
                    is_another = (met := met_at(*at)) is not None and made.time > as_utc(met)
                else:
                    is_another = (logged := self.came_by.get(at)) is not None and made.id > logged
                if is_another:
                    found[at[1]] = made
        self.rows.update(((root, key), (known[key], made)) for key, made in found.items())
        return list(found)

    def _seen(self, reference: Stored | None) -> int | None:
        """Return how far the remote's log went when a reference's object was last known to be its row."""
        if reference is None or reference.seen is None:
            return None
        return max(reference.seen, (reference.logged or 0) if reference.source == self._target else 0)


def note_given_again(
    remote: str, checkpoint: Checkpoint, kept_keys: Collection[str], *, dry_run: bool
) -> dict[int, datetime.datetime]:
    """Look at what is new in the remote's log, and note which references lead to rows of other objects now.

    Args:
        checkpoint: what it has received of LOCAL.
        kept_keys: labels of models that keep their primary key.

    Returns:
        The references' primary keys, and when the other objects were made.
    """
    end = current_position(remote)
    found: dict[tuple[int, str, int | None], datetime.datetime] = {}
    for label, first_of in _candidates(remote, checkpoint, end).items():
        model = model_of(label)
        if model is None or not gives_keys_again(model, kept_keys):
            continue
        texts = {text: text for text in first_of}
        again = made_again(remote, label, texts, checkpoint.source, first=min(first_of.values()))
        # The number is another object's, whoever has made the one that had it.
        references = rows_with(Reference, remote, remote_pk=again).filter(model_label=label)
        for pk, text, seen, met_at in references.values_list("pk", "remote_pk", "seen", "met_at"):
            if again[text].time > as_utc(met_at):
                found[pk, text, seen] = again[text].time
    if not dry_run:
        with transaction.atomic(using=remote):
            for (pk, text, seen), time in found.items():  # a run of another node may have settled it meanwhile
                row = Reference.objects.using(remote).filter(pk=pk, remote_pk=text, seen=seen)
                row.update(replaced_at=time)
            Checkpoint.objects.using(remote).filter(pk=checkpoint.pk).update(looked=end)
    return {pk: time for (pk, _, _), time in found.items()}


def _candidates(remote: str, checkpoint: Checkpoint, end: str) -> dict[str, dict[str, int]]:
    between, params = logged_between(remote, checkpoint.looked, end)
    by_label: dict[str, dict[str, int]] = {}
    with connections[remote].cursor() as cursor:
        cursor.execute(_CANDIDATES.format(between=between), params)
        for label, text, first in cursor.fetchall():
            by_label.setdefault(label, {})[text] = first
    return by_label
