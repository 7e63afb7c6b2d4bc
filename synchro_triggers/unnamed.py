"""Where queries go that name no database: while a replay writes, to the remote.

Signal receivers, ``save()``, validation, managers and natural keys were written for a site with one database. Replayed
on the remote, they mean the remote, and what Django takes when nobody names a database is ``default``. So a router
answers for the time of a replay, before those of the project; and what Django does not ask routers about is led there
too: ``transaction.atomic()``, ``on_commit()`` and whatever else of ``django.db.transaction`` is called without
``using``, and the proxy ``django.db.connection``. Code that names a database, or has an instance that came from one,
gets that one, also where it is ``default``.

All of it holds for the thread and the context that replay, and for no other: a server's other requests, tasks that a
receiver has started and threads of its own keep what they had.

Two things in Django speak of ``default`` by name and do not mean it. They are told apart like this: functions of
``django.db.transaction`` get ``None``; and a function that is decorated with a bare ``@transaction.atomic`` carries
the name, so it gets a block on both databases.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, router, transaction
from django.db.models import Model

from .conf import get_settings, local_alias


class _Here:
    """One block: which database is meant in it, by the thread that is in it, until it ends."""

    def __init__(self, alias: str | None) -> None:
        self.alias = alias
        self.thread = threading.get_ident()
        self.over = False


_here: ContextVar[_Here | None] = ContextVar("synchro_triggers_unnamed", default=None)


@contextmanager
def unnamed_on(alias: str, *, always: bool = False) -> Iterator[None]:
    """Let queries of this block that name no database go to ``alias``; blocks nest.

    On LOCAL that is what Django and the project's own routers do.

    Args:
        alias: the database.
        always: also where ``SYNCHRO_UNNAMED`` is ``'local'``.

    Example:
        ``with unnamed_on("remote"): post_save.send(...)``
    """
    meant = None if alias == local_alias() or not (always or get_settings().unnamed == "remote") else alias
    if meant is None and _here.get() is None:
        yield
        return
    here = _Here(meant)
    token = _here.set(here)
    try:
        with _LEADING:
            yield
    finally:
        # What was started in this block, and goes on, has a copy of its context.
        here.over = True
        _here.reset(token)


def meant_alias() -> str | None:
    """Return the database that unnamed queries mean here, or ``None``: the one that Django takes."""
    here = _here.get()
    if here is None or here.over or here.thread != threading.get_ident():
        return None
    return here.alias


class ReplayRouter:
    """Answers first, for the thread that replays; to others it says nothing."""

    def db_for_read(self, model: type[Model], instance: Model | None = None, **hints: Any) -> str | None:
        """Return the remote, unless the query belongs to an object that came from another database."""
        alias = meant_alias()
        came_from = instance._state.db if instance is not None else None
        return alias if came_from is None or came_from == alias else None

    db_for_write = db_for_read


class _Connections:
    """Stands for ``django.db.connections`` in the proxy ``django.db.connection``, and there alone."""

    def __init__(self, connections: Any) -> None:
        self._connections = connections

    def __getitem__(self, alias: str) -> Any:
        return self._connections[meant_alias() or alias]


class _Leading:
    """What is put into Django while some thread replays, and taken out when none does any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = 0
        self._router = ReplayRouter()
        self._take_out: Callable[[], None] = lambda: None

    def __enter__(self) -> None:
        with self._lock:
            self._blocks += 1
            if self._blocks == 1:
                self._put_in()
            if router.routers[:1] != [self._router]:  # it may have been made anew meanwhile
                # A list of its own: another thread may be walking through the present one.
                router.routers = [self._router, *(each for each in router.routers if each is not self._router)]

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._blocks -= 1
            if self._blocks == 0:
                router.routers = [each for each in router.routers if each is not self._router]
                self._take_out()

    def _put_in(self) -> None:
        atomic_class: Any = transaction.Atomic
        get_connection, recreate = transaction.get_connection, atomic_class._recreate_cm
        proxied = connection.__dict__["_connections"]

        def get_connection_meant(using: str | None = None) -> Any:
            return get_connection(meant_alias() if using is None else using)

        def recreate_meant(atomic: Any) -> Any:
            """Is called for a decorated function alone."""
            alias, block = meant_alias(), recreate(atomic)
            if alias is None or atomic.using != DEFAULT_DB_ALIAS:
                return block
            return _both(block, transaction.Atomic(alias, atomic.savepoint, atomic.durable))

        transaction.get_connection = get_connection_meant
        atomic_class._recreate_cm = recreate_meant
        connection.__dict__["_connections"] = _Connections(proxied)

        def take_out() -> None:
            # Where somebody has wrapped ours since, it stays: without a replay it changes nothing.
            if transaction.get_connection is get_connection_meant:
                transaction.get_connection = get_connection
            if atomic_class._recreate_cm is recreate_meant:
                del atomic_class._recreate_cm  # which it has inherited
            connection.__dict__["_connections"] = proxied

        self._take_out = take_out


_LEADING = _Leading()


@contextmanager
def _both(one: Any, other: Any) -> Iterator[None]:
    with one, other:
        yield
