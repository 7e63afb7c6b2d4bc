"""Tasks for Celery: one for a remote, and one that queues it for each of ``SYNCHRO_REMOTE``.

They may be queued twice, run twice, and killed at any moment: a run has the lease of its remote, goes on from the
checkpoint, and writes each batch with the checkpoint. What a task that is lost has not done, the next one does.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from celery import Task, shared_task
from celery.utils import uuid

from ..conf import get_settings
from .running import PASSING, SECONDS, Deadline, goes_on, run_remote

#: Seconds after which Celery kills the process of a task; its database rolls back what was under way.
TIME_LIMIT = 900


@shared_task(  # type: ignore[untyped-decorator]
    bind=True,
    name="synchro_triggers.synchronize_remote",
    acks_late=True,  # lost with its worker, it is given to another one
    time_limit=TIME_LIMIT,
    autoretry_for=PASSING,
    max_retries=6,
    retry_backoff=5,
    retry_backoff_max=120,
    retry_jitter=True,
)
def synchronize_remote(
    self: Task,
    remote: str,
    *,
    models: Sequence[str] | None = None,
    full: bool = False,
    pull: bool = False,
    both: bool = False,
    seconds: float | None = SECONDS,
) -> dict[str, Any]:
    """Synchronise with one remote.

    Where another run is under way, or a database is down, it is tried again, after pauses that grow; all other errors
    are the task's end. What is left when its time is over, another task does, queued behind those that wait already.

    Args:
        remote: the alias.
        models, full, pull, both: see ``synchro_triggers.synchronize``.
        seconds: it ends in order after so many, as it does at Celery's ``soft_time_limit``. Runs with ``full`` or
            ``models`` begin anew each time: ``seconds`` does not end them, and nothing is queued where a limit does.

    Returns:
        How many objects were created, updated, …; see ``running.Done``.

    Example:
        >>> synchronize_remote.delay("main", both=True)
    """
    deadline = Deadline(seconds if goes_on(models, full) else None)
    with _ended_by_soft_limit(deadline):
        done = run_remote(remote, "celery", models=models, full=full, pull=pull, both=both, deadline=deadline)
    if done.is_cut and goes_on(models, full):
        again: Any = self.signature_from_request(self.request, task_id=uuid(), retries=0)  # Celery has no types
        again.apply_async()
    return done.as_dict()


@shared_task(name="synchro_triggers.synchronize_all")  # type: ignore[untyped-decorator]
def synchronize_all(*, expires: float | None = None, **options: Any) -> dict[str, str]:
    """Queue a task for each remote of ``SYNCHRO_REMOTE``, so that as many run at the same time as there are workers.

    Args:
        expires: seconds after which a task that nobody has begun is dropped: the next ones do its work.
        **options: of ``synchronize_remote``.

    Returns:
        The ids of the tasks, by remote.

    Example:
        >>> app.conf.beat_schedule = {
        ...     "synchronize": {"task": "synchro_triggers.synchronize_all", "schedule": 60, "kwargs": {"expires": 60}}
        ... }
    """
    task: Any = synchronize_remote  # Celery has no types
    return {remote: task.apply_async((remote,), options, expires=expires).id for remote in get_settings().remotes}


@contextmanager
def _ended_by_soft_limit(deadline: Deadline) -> Iterator[None]:
    """Let a soft time limit end the run in order.

    Celery tells a process of its limit by a signal, whose handler raises an error wherever the task is: also in the
    receiver of one object, which would be kept as a failure then.
    """
    if threading.current_thread() is not threading.main_thread():  # there are no limits in a pool of threads
        yield
        return
    before = signal.signal(signal.SIGUSR1, lambda *_: setattr(deadline, "is_over", True))
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)
