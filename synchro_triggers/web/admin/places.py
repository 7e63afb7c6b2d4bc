"""Which database a page shows: each one has its own failures, conflicts and references."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.http import HttpRequest

from ...conf import get_settings, local_alias
from ...exceptions import SynchroError
from ...masking import without_credentials
from ...reaching import clear_errors

#: The parameter of a list's address that names it.
DATABASE = "database"


def databases() -> tuple[str, ...]:
    """Return the databases that may be shown: the remotes, which receive, then LOCAL, which may receive too."""
    return (*get_settings().remotes, local_alias())


def database_of_list(request: HttpRequest) -> str:
    """Return the database that a list is asked for; without a word of that, the first remote."""
    asked = request.GET.get(DATABASE, "")
    return asked if asked in databases() else databases()[0]


def record_id(alias: str, number: object) -> str:
    """Return what a record is called in addresses and in the admin's own log: its number alone would name several."""
    return f"{alias}:{number}"


def read_record_id(text: str) -> tuple[str, int] | None:
    """Return the database and the number of a record; ``None``: there cannot be one.

    Example:
        >>> read_record_id("main:12")
        ('main', 12)
    """
    alias, _, number = text.rpartition(":")
    if not number.isascii() or not number.isdecimal() or len(number) > 18:
        return None
    alias = alias or databases()[0]
    return (alias, int(number)) if alias in databases() else None


@contextmanager
def errors_as_messages(request: HttpRequest, *aliases: str) -> Iterator[None]:
    """Tell of a database that is down or not ready, and of what is refused, instead of breaking off the page.

    Args:
        request: whose page it is.
        *aliases: the databases that the block works on.
    """
    try:
        with clear_errors(*aliases):
            yield
    except (SynchroError, ImproperlyConfigured, Error) as error:
        if get_settings().debug and isinstance(error, Error):
            raise
        messages.error(request, without_credentials(" ".join(str(error).split())))
