"""Logging what differs, so that the next run brings it: nothing else is written, and nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Iterable

from ...capture.keys import encode_key
from ...conf import local_alias
from ...models import ChangeLog, Operation
from .report import Finding

#: Log rows that are written at a time.
_AT_ONCE = 1_000


def log_again(alias: str, label: str, found: Iterable[Finding]) -> int:
    """Log objects on the side whose version shall stand, as if it had changed them now.

    What only the other side has is left out: to bring it in line would be to delete it.

    Args:
        alias: LOCAL or the remote.
        label: of their model.
        found: what differs.

    Returns:
        How many were logged.
    """
    here = "local" if alias == local_alias() else "remote"
    rows = []
    for each in found:
        key = each.row if each.row is not None else each.key if here == "local" else each.remote_key
        if key is None or each.only not in {"", here}:
            continue
        names = ",".join(difference.field for difference in each.fields)
        rows.append(
            ChangeLog(
                model_label=label,
                object_pk=encode_key(key),
                operation=Operation.UPDATE,
                changed_fields=names,
                origin="",
            )
        )
    ChangeLog.objects.using(alias).bulk_create(rows, batch_size=_AT_ONCE)
    return len(rows)
