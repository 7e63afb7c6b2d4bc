"""Numbers that the remote's users have given out again, of a log that is too long to be looked through in each run.

Each run that has something to do looks at what was logged since the one before it, and notes in the references what it
finds: an object may be changed on LOCAL many runs later. The position up to which was looked is kept as well.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection

from django.db import connections, transaction

from ...models import Checkpoint, Reference
from ...moment import as_utc
from ..log.own_changes import made_again
from ..log.positions import current_position
from ..log.window import logged_between
from ..rows.selecting import rows_with
from ..schema.shape import gives_keys_again, model_of

#: Inserts of the remote's own users under a key that a row had which LOCAL knows: label and key to the first log row.
_CANDIDATES = """
    SELECT logged.model_label, logged.object_pk, min(logged.id)
      FROM (SELECT model_label, object_pk, id FROM synchro_triggers_changelog
             WHERE {between} AND origin = '' AND operation = 'I') AS logged
      JOIN synchro_triggers_reference AS known
        ON known.remote_pk = logged.object_pk AND known.model_label = logged.model_label AND known.source = %s
     GROUP BY logged.model_label, logged.object_pk
"""


def note_given_again(
    remote: str, checkpoint: Checkpoint, kept_keys: Collection[str], *, dry_run: bool
) -> dict[int, datetime.datetime]:
    """Look at what is new in the remote's log, and note which references lead to rows of other objects now.

    Args:
        remote: the remote alias.
        checkpoint: what it has received of LOCAL.
        kept_keys: labels of models that keep their primary key.
        dry_run: write nothing.

    Returns:
        The references' primary keys, and when the other objects were made.
    """
    end = current_position(remote)
    found: dict[int, datetime.datetime] = {}
    for label, first_of in _candidates(remote, checkpoint, end).items():
        model = model_of(label)
        if model is None or not gives_keys_again(model, kept_keys):
            continue
        texts = {text: text for text in first_of}
        again = made_again(remote, label, texts, checkpoint.source, first=min(first_of.values()))
        references = rows_with(Reference, remote, remote_pk=again).filter(source=checkpoint.source, model_label=label)
        for pk, text, met_at in references.values_list("pk", "remote_pk", "met_at"):
            if again[text].time > as_utc(met_at):
                found[pk] = again[text].time
    if not dry_run:
        with transaction.atomic(using=remote):
            for pk, time in found.items():
                Reference.objects.using(remote).filter(pk=pk).update(replaced_at=time)
            Checkpoint.objects.using(remote).filter(pk=checkpoint.pk).update(looked=end)
    return found


def _candidates(remote: str, checkpoint: Checkpoint, end: str) -> dict[str, dict[str, int]]:
    between, params = logged_between(remote, checkpoint.looked, end)
    by_label: dict[str, dict[str, int]] = {}
    with connections[remote].cursor() as cursor:
        cursor.execute(_CANDIDATES.format(between=between), [*params, checkpoint.source])
        for label, text, first in cursor.fetchall():
            by_label.setdefault(label, {})[text] = first
    return by_label
