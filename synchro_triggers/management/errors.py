"""The edge of the commands: an error becomes one line and an exit status, without what opens a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import Error

from ..exceptions import DatabaseUnreachable, SynchroConfigurationError, SynchroError
from ..masking import without_credentials
from ..reaching import lost_database, means_unreachable


@contextmanager
def one_line(alias: str = "") -> Iterator[None]:
    """Turn errors of this package, of the settings and of databases into a ``CommandError``.

    Others are bugs, of this package or of a receiver: they keep their traceback.

    Args:
        alias: the database that the block works on, if it is a single one: a driver's message does not name it.
            Otherwise it is the one that cannot be reached.

    Raises:
        CommandError: one of those errors happened.
    """
    try:
        yield
    except CommandError as error:  # of objects that are kept, say, for whatever their receivers have raised
        raise type(error)(without_credentials(str(error)), returncode=error.returncode) from error
    except (SynchroError, ImproperlyConfigured) as error:
        code = error.exit_code if isinstance(error, SynchroError) else SynchroConfigurationError.exit_code
        raise CommandError(_without_driver(error) or without_credentials(str(error)), returncode=code) from error
    except Error as error:
        alias = alias or lost_database()
        where = f"The database {alias!r}" if alias else "A database"
        text = " ".join(without_credentials(str(error)).split())
        code = DatabaseUnreachable.exit_code if means_unreachable(error) else SynchroError.exit_code
        raise CommandError(f"{where} failed: {text or type(error).__name__}", returncode=code) from error


def _without_driver(error: Exception) -> str:
    """Return what to say of a database whose driver or engine cannot be imported; empty: it is something else."""
    if isinstance(error, SynchroError) or not isinstance(error.__context__, ImportError):
        return ""
    text = " ".join(str(error).split())  # Django's has several lines
    if "psycopg" not in text:
        return text
    return f"A driver is missing: {text}. For PostgreSQL: pip install 'django-synchro-triggers[postgres]'"
