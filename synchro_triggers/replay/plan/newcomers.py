"""Objects that would be created, and that may be on the remote already: nothing says that they were made since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db.models import Model

from ..identity.references import Identity
from ..rows.values import local_value
from ..schema.shape import root_of, shape_of
from ..tasks import ObjectTask, Task


def newcomers_among(tasks: Sequence[Task], identity: Identity) -> Iterator[ObjectTask]:
    """Yield the objects that have no reference, and that the log has not seen being made.

    Args:
        tasks: those of a batch, and those that are brought along.

    Yields:
        Their tasks; and tasks for parents' rows with keys of their own that would be created with a child.
    """
    objects = [task for task in tasks if isinstance(task, ObjectTask)]
    yield from (task for task in objects if _is_newcomer(task, identity))
    made = {task.at for task in objects if task.is_made}
    rows: dict[type[Model], list[ObjectTask]] = {}
    for task in objects:
        if task.instance is None or identity.known(task.shape.model, task.key) is not None:
            continue
        for parent in task.shape.other_parents:
            root, key = root_of(parent.model), local_value(task.instance, parent.link)
            if (root, key) not in made:
                rows.setdefault(root, []).append(ObjectTask(shape_of(root), key, None, task.instance))
    for root, some in rows.items():
        identity.load(root, [row.key for row in some])
        yield from (row for row in some if _is_newcomer(row, identity))


def _is_newcomer(task: ObjectTask, identity: Identity) -> bool:
    if task.instance is None or task.is_made:
        return False
    at = (task.shape.model, task.key)
    return identity.known(*at) is None and identity.stale_reference(*at) is None
