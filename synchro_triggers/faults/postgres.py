"""PostgreSQL's error codes (SQLSTATE)."""

from __future__ import annotations

from .kinds import Kind

#: Besides class 08: the server shuts down, has crashed, is not up yet, or has ended the session.
_LOST = {"57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04"}

#: No room on the disk, too many connections. A single statement that needs too much memory is its own fault.
_REFUSES = {"53100", "53300"}

#: A lock timeout, a deadlock, a serialisation failure.
_CONTENDED = {"55P03", "40P01", "40001"}


def kind_of(error: BaseException) -> Kind | None:
    """Return what an error of psycopg 3 or psycopg 2 speaks of; ``None``: it is none."""
    name = next((each for each in ("sqlstate", "pgcode") if hasattr(error, each)), None)
    if name is None:
        return None
    state: str | None = getattr(error, name)
    if not state:
        return Kind.UNSAID
    if state in _LOST or state.startswith("08"):
        return Kind.LOST
    if state in _REFUSES:
        return Kind.REFUSES
    return Kind.CONTENDED if state in _CONTENDED else Kind.STATEMENT
