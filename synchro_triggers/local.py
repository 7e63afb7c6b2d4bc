"""Which database is LOCAL: the one whose changes are captured and replayed elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import DEFAULT_DB_ALIAS

#: The project's own database.
LOCAL = DEFAULT_DB_ALIAS

_local: ContextVar[str] = ContextVar("synchro_triggers_local", default=LOCAL)


def local_alias() -> str:
    """Return the database whose changes are replayed: the project's own, but while a remote's are fetched."""
    return _local.get()


@contextmanager
def replaying_from(alias: str) -> Iterator[None]:
    """Let the changes of ``alias`` be those that are replayed: it is LOCAL in this block, and LOCAL may be the remote.

    Example:
        ``with replaying_from("main"): Run("default", choices).perform()`` brings what was changed on ``main``.
    """
    token = _local.set(alias)
    try:
        yield
    finally:
        _local.reset(token)
