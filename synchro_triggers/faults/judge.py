"""Errors judged by what they are: the driver's code and the state of the connection, never by Django's class.

Django's ``OperationalError`` is a lost server, and an index entry that is too large, and whatever a receiver raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import Error, connections

from ..vendors.vendor import database_of
from .kinds import Kind
from .vendor import kind_of_driver


class ChangedMeanwhile(Exception):
    """Somebody else has changed what was read before it was written: it is worth another try."""


def kind_of(error: BaseException) -> Kind | None:
    """Return what the driver's code of an error says; ``None``: no driver has raised it.

    Django's exceptions have the driver's as their cause. One of another vendor has no code that is known here.
    """
    driver = error.__cause__ if isinstance(error, Error) else error
    if driver is None:
        return None
    return kind_of_driver(driver) or (Kind.UNSAID if isinstance(error, Error) else None)


def is_contended(error: BaseException) -> bool:
    """Tell whether somebody else's lock, or change, was in the way; a receiver may have made another error of it."""
    return any(isinstance(each, ChangedMeanwhile) or kind_of(each) is Kind.CONTENDED for each in _chain(error))


def lost_alias(error: BaseException, *aliases: str) -> str:
    """Return which of the databases an error means the loss of, or ``''``: it is of what was being done there.

    A database is lost when its connection is, or when its server or file takes no work at all. What a receiver raises
    on its own account, or what it meets on another database, says nothing about these.

    Args:
        error: what was raised while they were worked on.
        *aliases: the databases, those first that it is most likely to be.
    """
    if broken := next((alias for alias in aliases if _is_closed(alias)), ""):
        return broken
    kinds = {kind_of(each) for each in _chain(error)}
    met = met_by_errors(*aliases)
    if Kind.REFUSES in kinds and met:
        return met[0]
    if not kinds & {Kind.LOST, Kind.UNSAID}:
        return ""
    return next((alias for alias in met or aliases if _is_gone(alias)), "")


def was_replaced(alias: str, before: Any, error: BaseException) -> bool:
    """Tell whether a commit on ``alias`` was not answered: Django has made a new connection in place of ``before``.

    Args:
        alias: the database.
        before: the driver's connection that the transaction was begun on.
        error: what the transaction has ended with.
    """
    now = connections[alias].connection
    if now is None or now is before:
        return False
    return any(kind_of(each) in {Kind.LOST, Kind.UNSAID} for each in _chain(error))


def met_by_errors(*aliases: str) -> list[str]:
    """Return those databases on whose connections there was an error that may be more than a statement's."""
    return [alias for alias in aliases if connections[alias].errors_occurred]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it was made of; not what was handled before, which is another object's."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # it may be its own cause: ``raise error from error``
        seen.add(id(error))
        yield error
        error = error.__cause__


def _is_closed(alias: str) -> bool:
    """Tell whether the driver knows that the connection is gone; not where somebody has closed it on purpose."""
    connection = connections[alias]
    driver: Any = connection.connection
    return driver is not None and database_of(connection).is_closed(driver) and not connection.closed_in_transaction


def _is_gone(alias: str) -> bool:
    connection: Any = connections[alias]
    if connection.closed_in_transaction:
        return False
    if connection.connection is None:  # given up by Django, since its rollback did not get through
        return bool(connection.errors_occurred)
    if connection.is_usable():
        return False
    return not database_of(connection).FAILS_UNTIL_ROLLED_BACK or _is_closed(alias)
