"""A remote's first run takes what was logged: rows that the log does not know are not silently left out of it."""

from __future__ import annotations

from ...capture.install import captured_models_on
from ...capture.own_tables import with_tables
from ...capture.tables import is_of_links
from ...capture.unlogged import count_unlogged, with_rows
from ...conf import LOCAL, local_alias
from ...models import Reference
from ..schema.shape import root_of


def describe_older_rows(remote: str, source: str, node: str) -> str:
    """Return what the first run to a remote must tell of rows that it does not look at; ``''``: there are none.

    Args:
        remote: the remote alias, which has received nothing yet.
        source: the node id of LOCAL.
        node: that of the remote.

    Returns:
        A line with the models and numbers, and the way to bring them. What ``synchro_link`` has found there is left
        out, on whichever side it was run.
    """
    counts = {}
    roots = [model for model in captured_models_on(local_alias()) if not is_of_links(model) and root_of(model) is model]
    there = with_tables(local_alias(), roots)
    for model in with_rows(local_alias(), [model for model in roots if model in there]):
        if unknown := count_unlogged(local_alias(), model, node):
            unknown -= Reference.objects.using(remote).filter(source=source, model_label=model._meta.label).count()
        if unknown > 0:
            counts[model._meta.label] = unknown
    if not counts:
        return ""
    those = ", ".join(f"{label} {count:,}" for label, count in counts.items())
    sent = "`manage.py synchronize --full` sends them"
    if local_alias() != LOCAL:
        sent = f"`manage.py synchronize --full --pull --remote {local_alias()}` fetches them"
    return (
        f"The log of {local_alias()!r} does not know {sum(counts.values()):,} rows, which are older or came while "
        f"nothing was logged: {those}. This first run to {remote!r} does not look at them until they are changed. If "
        f"they are not there, {sent}."
    )
