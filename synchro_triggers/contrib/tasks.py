"""Tasks for ``django.tasks`` (Django 6, or its backport django-tasks): one for a remote, one that queues it for all.

They may be queued twice, run twice, and killed at any moment, as those for Celery may (``contrib/celery.py``).
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from ..conf import get_settings
from .running import PASSING, SECONDS, Deadline, goes_on, run_remote

try:
    from django.tasks import task  # pyright: ignore[reportMissingModuleSource]  # Django 5.2 has none
except ImportError:
    from django_tasks import task  # type: ignore[no-redef, unused-ignore]

logger = logging.getLogger("synchro_triggers.tasks")

#: Seconds until it is tried again: by then the place of a process that was cut off counts as free.
PAUSE = 60


# Long: its documentation says what each argument is.
@task
def synchronize_remote(
    remote: str,
    models: Sequence[str] | None = None,
    full: bool = False,
    pull: bool = False,
    both: bool = False,
    seconds: float | None = SECONDS,
    attempts: int = 5,
) -> dict[str, Any]:
    """Synchronise with one remote.

    Where another run is under way, or a database is down, the task fails, and another one is queued for later, if the
    backend can do that (``supports_defer``). What is left when its time is over, another one does, queued behind those
    that wait already.

    Args:
        remote: the alias.
        models, full, pull, both: see ``synchro_triggers.synchronize``.
        seconds: it ends in order after so many. Runs with ``full`` or ``models`` begin anew each time: they are not
            ended.
        attempts: how often it is tried where another run is under way, or a database is down. 1: the next task that a
            timer queues is the next attempt.

    Returns:
        How many objects were created, updated, …; see ``running.Done``.

    Example:
        >>> synchronize_remote.enqueue("main", both=True)
    """
    options: dict[str, Any] = {"models": models, "full": full, "pull": pull, "both": both}
    deadline = Deadline(seconds if goes_on(models, full) else None)
    try:
        done = run_remote(remote, "task", **options, deadline=deadline)
    except PASSING as error:
        if attempts > 1 and synchronize_remote.get_backend().supports_defer:
            later = timezone.now() + datetime.timedelta(seconds=PAUSE)
            synchronize_remote.using(run_after=later).enqueue(remote, **options, seconds=seconds, attempts=attempts - 1)
            logger.info("%s: tried again in %s seconds: %s", remote, PAUSE, error)
        raise
    if done.is_cut:
        synchronize_remote.enqueue(remote, **options, seconds=seconds, attempts=attempts)
    return done.as_dict()


@task
def synchronize_all(**options: Any) -> dict[str, str]:
    """Queue a task for each remote of ``SYNCHRO_REMOTE``, so that as many run at the same time as there are workers.

    Args:
        **options: of ``synchronize_remote``.

    Returns:
        The ids of the tasks' results, by remote.

    Example:
        >>> synchronize_all.enqueue(both=True)
    """
    return {remote: str(synchronize_remote.enqueue(remote, **options).id) for remote in get_settings().remotes}
