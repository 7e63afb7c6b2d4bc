"""Which database an error speaks of, and whether it could be reached: a driver's message does not say."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from django.db import Error, InterfaceError, OperationalError, connections

from .conf import local_alias
from .exceptions import DatabaseUnreachable, SynchroError, worst_of
from .faults.judge import kind_of, lost_alias, met_by_errors
from .faults.kinds import Kind
from .vendors.vendor import database_of, server_of

#: A remote's alias, or from which to which changes go.
Remote = TypeVar("Remote", bound="str | tuple[str, str]")


def means_unreachable(error: BaseException) -> bool:
    """Tell an error of the connection or the server (also a lock that was not to be had) from one of a statement."""
    kind = kind_of(error)
    if kind is Kind.UNSAID:
        return isinstance(error, (OperationalError, InterfaceError))
    return kind in {Kind.LOST, Kind.REFUSES, Kind.CONTENDED}


def lost_database(*aliases: str) -> str:
    """Return the alias of a database that cannot be reached any more, or ``''``.

    Args:
        *aliases: which are to be asked first; then comes every other one that this thread has used.
    """
    used = [connection.alias for connection in connections.all(initialized_only=True)]
    return next((alias for alias in dict.fromkeys([*aliases, *used]) if _is_lost(alias)), "")


def _is_lost(alias: str) -> bool:
    connection = connections[alias]
    try:
        connection.ensure_connection()
        return not connection.in_atomic_block and not connection.is_usable()
    except Error:
        return True


R = TypeVar("R", str, "tuple[str, str]")


@contextmanager
def clear_errors(*aliases: str) -> Iterator[None]:
    """Say which database a connection error speaks of.

    A driver's message may name host, port, database and user, never the password; those who print it mask the user.

    Args:
        *aliases: the databases that the block works on; where all can be reached, it was the last one.

    Raises:
        DatabaseUnreachable: one cannot be reached, was lost, or kept a lock for too long.
        SynchroError: it has refused a statement.
    """
    try:
        yield
    except Error as error:
        if means_unreachable(error):
            latest = aliases[::-1]
            where = lost_alias(error, *latest) or lost_database(*aliases) or [*met_by_errors(*latest), *latest][0]
            raise lost(where, error) from error
        if isinstance(error, (OperationalError, InterfaceError)):
            raise SynchroError(_text(aliases[-1], error)) from error
        raise


@contextmanager
def answered_within(seconds: int, *aliases: str) -> Iterator[None]:
    """Give a server up that does not answer so soon when a connection is made in the block: somebody waits for a page.

    A shorter time that the settings of the alias name stays. A connection pool keeps its own.
    """
    given = {alias: connections[alias].settings_dict for alias in aliases}
    for alias, settings in given.items():
        options = settings.get("OPTIONS") or {}
        limits = database_of(connections[alias]).fails_to_connect_within(seconds)
        shorter = {name: min(limit, int(options.get(name) or limit)) for name, limit in limits.items()}
        connections[alias].settings_dict = {**settings, "OPTIONS": {**options, **shorter}}
    try:
        yield
    finally:
        for alias, settings in given.items():
            connections[alias].settings_dict = settings


def silent_servers(seconds: int, aliases: Iterable[str]) -> set[str]:
    """Return the aliases whose servers do not answer at all, asked at one time: each would be waited for otherwise."""
    servers = {}
    for alias in aliases:
        server = server_of(connections[alias])
        if server is not None and connections[alias].connection is None:
            servers[alias] = server
    if len(servers) < 2:  # nobody else has to wait
        return set()
    with ThreadPoolExecutor(max_workers=min(len(servers), 32)) as threads:
        answers = threads.map(lambda server: _is_silent(server, seconds), servers.values())
        return {alias for alias, is_silent in zip(servers, answers, strict=True) if is_silent}


def _is_silent(server: tuple[str, int], seconds: int) -> bool:
    try:
        socket.create_connection(server, seconds).close()
    except TimeoutError:
        return True
    except OSError:  # the driver says better what is wrong, and says it at once
        return False
    return False


def lost(alias: str, error: Exception) -> DatabaseUnreachable:
    """Return what is said of a database that is lost."""
    return DatabaseUnreachable(_text(alias, error))


def troubles_with(remotes: Iterable[Remote], do: Callable[[Remote], object]) -> list[SynchroError]:
    """Do something with each remote; return the errors of those that have trouble: others are not to wait for them.

    Args:
        remotes: aliases, or pairs of aliases: from which to which.
        do: called with each.
    """
    problems: list[SynchroError] = []
    for alias in remotes:
        try:
            with clear_errors(*((local_alias(), alias) if isinstance(alias, str) else alias)):
                do(alias)
        except SynchroError as error:
            problems.append(error)
    return problems


def with_each(remotes: Sequence[Remote], do: Callable[[Remote], object], **found: object) -> None:
    """Do something with each remote; arguments as ``troubles_with()``.

    Args:
        **found: attributes of the error that is raised, for what was found with those that had none.

    Raises:
        SynchroError: one for all troubles, of the worst one's kind.
    """
    if problems := troubles_with(remotes, do):
        worst = worst_of(problems)
        if len(problems) < len(remotes):
            vars(worst).update(found)
        raise worst


def _text(alias: str, error: Exception) -> str:
    text = " ".join(str(error).split()).removesuffix(".")
    end = "" if text.endswith("?") else "."  # libpq asks whether the server is running
    return f"Database error while working on {alias!r}: {text}{end} What was committed stays; run it again."
