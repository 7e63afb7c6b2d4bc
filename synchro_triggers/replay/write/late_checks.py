"""Unique constraints that a database checks no sooner than at the commit, where nobody can tell whose values it was."""

from __future__ import annotations

from django.db import connections

from ..log.changes import Change
from ..rows.vendor import quoting
from ..schema.shape import concrete_of, model_of, shape_of
from ..schema.unique_sets import deferred_names


def checks_late(change: Change, alias: str) -> bool:
    """Tell whether a database checks unique values of an object at the commit."""
    return bool(_names(change, alias))


def check_at_once(change: Change, alias: str) -> None:
    """Let them be checked at each statement, up to the end of the transaction: the object that is refused is told."""
    connection = connections[alias]
    quote = quoting(connection)
    with connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS {', '.join(map(quote, _names(change, alias)))} IMMEDIATE")


def _names(change: Change, alias: str) -> list[str]:
    model = model_of(change.label)
    return deferred_names(shape_of(concrete_of(model)), alias) if model is not None else []
