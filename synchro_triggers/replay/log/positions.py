"""How far a database's log goes now."""

from __future__ import annotations

from django.db import connections

from .vendor import log_of


def current_position(alias: str) -> str:
    """Return the position that counts everything logged and committed up to now as received."""
    return log_of(connections[alias]).current_position(connections[alias])


def highest_id(alias: str) -> int:
    """Return the highest changelog id that was ever given out."""
    return log_of(connections[alias]).highest_id(connections[alias])


def commit_mark(alias: str) -> str:
    """Return a text that is another one whenever another process may have committed something since it was read."""
    return log_of(connections[alias]).commit_mark(connections[alias])


def position_since(alias: str, mark: str) -> str:
    """Return a position that is not before ``mark``, which was read just now."""
    return log_of(connections[alias]).position_since(connections[alias], mark)
