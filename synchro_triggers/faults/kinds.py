"""The kinds of errors that a driver's code tells."""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    LOST = "the connection is gone"
    REFUSES = "the server refuses all work: no room, no file, no free connection"
    CONTENDED = "somebody else's lock or change was in the way: it may work when tried again"
    STATEMENT = "this statement, with these values"
    UNSAID = "the driver gives no code"
