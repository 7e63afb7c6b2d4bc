"""The session variables of capture: pausing it, and saying whose change a write is.

A paused block is one ``atomic()`` block. On PostgreSQL the variable is set with ``set_config(…, true)``,
which ends with the transaction or savepoint and so cannot leak through a connection pool. On SQLite it
is a row written and removed inside the same write transaction, which nobody else can see.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, overload

from django.db import connections, transaction

from ..conf import local_alias
from ..vendors.vendor import database_of

P = ParamSpec("P")
R = TypeVar("R")

PAUSED = "paused"
ORIGIN = "origin"

#: Marks, on a connection object, that a replay is writing there.
_REPLAYING = "_synchro_replaying"


class _Blocks(threading.local):
    """The blocks of one ``synchro_paused`` object that this thread is in: an object may serve many threads."""

    def __init__(self) -> None:
        self.entered: list[ExitStack] = []


class synchro_paused:  # read as a function: ``with synchro_paused():``
    """Log nothing that this block writes, on this thread's connection to one database.

    Usable as a context manager and as a decorator, with or without parentheses. Blocks nest. The block is
    one ``atomic()`` block: it commits as a whole, and an exception rolls it back.

    Args:
        using: the database alias. Default: LOCAL, and, in a signal receiver that a replay has called,
            also the remote that is being written (so that an unlogged side effect stays unlogged there).

    Raises:
        TypeError: it decorates a generator, coroutine or asynchronous generator function, whose body
            would run after the block has ended.

    Example:
        ::

            with synchro_paused():
                agent.save()

            @receiver(post_delete, sender=Parcel)
            @synchro_paused
            def update_balance(sender, instance, **kwargs): ...
    """

    @overload
    def __new__(cls, function: Callable[P, R], /) -> Callable[P, R]: ...  # type: ignore[misc]  # a bare decorator

    @overload
    def __new__(cls, /, *, using: str | None = None) -> synchro_paused: ...

    def __new__(cls, function: Any = None, /, *, using: str | None = None) -> Any:
        paused = super().__new__(cls)
        paused._using = using
        paused._blocks = _Blocks()
        return paused if function is None else paused(function)

    _using: str | None
    _blocks: _Blocks

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        if not callable(function):
            raise TypeError(
                f"synchro_paused decorates a function, not {function!r}; name a database with using='alias'."
            )
        if (
            inspect.isgeneratorfunction(function)
            or inspect.iscoroutinefunction(function)
            or inspect.isasyncgenfunction(function)
        ):
            name = getattr(function, "__qualname__", repr(function))  # a partial has none
            raise TypeError(
                f"synchro_paused cannot decorate {name}(): the body of a generator or coroutine runs "
                "after the call has returned. Use `with synchro_paused():` inside it (inside sync_to_async for "
                "asynchronous code)."
            )
        using = self._using

        @functools.wraps(function)
        def paused(*args: P.args, **kwargs: P.kwargs) -> R:
            with synchro_paused(using=using):
                return function(*args, **kwargs)

        return paused

    def __enter__(self) -> None:
        with ExitStack() as stack:
            for alias in self._aliases():
                stack.enter_context(session_value(alias, PAUSED, "on"))
            self._blocks.entered.append(stack.pop_all())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self._blocks.entered.pop().__exit__(kind, error, traceback)

    def _aliases(self) -> list[str]:
        if self._using is not None:
            return [self._using]
        replaying = [
            connection.alias
            for connection in connections.all(initialized_only=True)
            if getattr(connection, _REPLAYING, False) and connection.alias != local_alias()
        ]
        return [local_alias(), *replaying]


#: django-synchro's names.
DisableSynchroLog = synchro_paused
disable_synchro_log = synchro_paused


@contextmanager
def replaying_for(alias: str, origin: str, *, waits: float | None = None) -> Iterator[None]:
    """Tag what this block writes on ``alias`` as ``origin``'s change; one ``atomic()`` block.

    Args:
        alias, origin: the database, and the node id.
        waits: how many seconds the block waits for a lock; ``None``: as long as the session does.
    """
    connection = connections[alias]
    before = getattr(connection, _REPLAYING, False)
    setattr(connection, _REPLAYING, True)
    try:
        with session_value(alias, ORIGIN, origin, waits=waits):
            yield
    finally:
        setattr(connection, _REPLAYING, before)


@contextmanager
def as_users_change(alias: str) -> Iterator[None]:
    """Log what a block writes, in a replay, as a change of the database's own users.

    It is no ``atomic()`` block: whoever writes in it has savepoints of his own.
    """
    connection = connections[alias]
    swap = database_of(connection).swap_session_value
    before = swap(connection, ORIGIN, "")
    try:
        yield
    finally:
        if not connection.needs_rollback:
            swap(connection, ORIGIN, before)


@contextmanager
def session_value(alias: str, key: str, value: str, *, waits: float | None = None) -> Iterator[None]:
    """Set a session variable for one ``atomic()`` block on ``alias``, and restore what it was."""
    connection = connections[alias]
    swap = database_of(connection).swap_session_value
    with transaction.atomic(using=alias):
        before = swap(connection, key, value, waits=waits)
        yield
        # After an exception the rollback restores it; so it does where a caught error has broken the block.
        if not connection.needs_rollback:
            swap(connection, key, before)
