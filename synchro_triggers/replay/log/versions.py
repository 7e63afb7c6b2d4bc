"""Versions of objects, and what a node has seen of others' changes. Pure.

A version is who changed an object last, in which of that node's windows, and when, by that node's clock. A node that
has seen a window of another one has seen all that is before it: one number for each author says what it knows. The idea
is that of version vectors with a clock for each replica instead of each object (Microsoft Sync Framework's knowledge,
morango's counters); the time is a hybrid logical clock's (Kulkarni and others, 2014).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from typing import NamedTuple

#: What a node has seen: authors to numbers of their windows.
Known = Mapping[str, int]


class Version(NamedTuple):
    """Who changed an object last.

    Attributes:
        author: the node whose users did.
        number: the window of that node's log in which they did.
        time: when, by that node's clock, in microseconds; but later than what they changed.
    """

    author: str
    number: int
    time: int


class Standing(Enum):
    """How LOCAL's version of an object stands to the remote's."""

    SAME = "same"
    NEWER = "newer"  # LOCAL has seen the remote's
    OLDER = "older"  # the remote has seen LOCAL's
    CONCURRENT = "concurrent"  # nobody has seen both


def knows(known: Known, version: Version) -> bool:
    """Tell whether a node has seen a version, as its knowledge says."""
    return known.get(version.author, 0) >= version.number


def had(received: Version | None, version: Version) -> bool:
    """Tell whether a node has had a version of an object, as the one tells that it has received last.

    What was read after its author's window may have been changed once more before the next window was closed: then one
    number has two versions. Where the author's clock is behind what it had received, they have one time, too: only the
    author knows which is the last.
    """
    return received is not None and received.author == version.author and received[1:] >= version[1:]


def compare(local: Version | None, remote: Version | None, *, local_knows: bool, remote_knows: bool) -> Standing:
    """Compare two versions of one object.

    Args:
        local, remote: the versions; ``None``: the object is older than all that anybody has written down.
        local_knows: LOCAL has seen the remote's.
        remote_knows: the remote has seen LOCAL's.

    Example:
        >>> compare(Version("a", 2, 0), Version("b", 1, 9), local_knows=True, remote_knows=False)
        <Standing.NEWER: 'newer'>
    """
    if local == remote:
        return Standing.SAME
    if local is not None and remote is not None and local.author == remote.author:
        # What was retried may have been of a window that was not closed yet, and was changed in it once more.
        return Standing.NEWER if (local.number, local.time) > (remote.number, remote.time) else Standing.OLDER
    if remote is None or local_knows:
        return Standing.NEWER
    return Standing.OLDER if local is None or remote_knows else Standing.CONCURRENT


def is_newer(local: tuple[int, str], remote: tuple[int, str]) -> bool:
    """Tell whether LOCAL's version wins as the newest: by time and author, so that it is the same on every node."""
    return local > remote


def time_after(logged: int, replaced: Version | None, rows: int = 1) -> int:
    """Return the time of a version: when it was logged, but later than the one that it replaces.

    Without that, a clock that is behind would let a change lose against what its author had seen. Of several changes of
    one window, each replaces the one before it, which may have been sent already.

    Args:
        logged: by its author's clock, in microseconds.
        replaced: the version that had been received.
        rows: how many rows the author's log has since then, up to the one of this change.
    """
    return logged if replaced is None else max(logged, replaced.time + max(rows, 1))


def handed_on(local: Known, remote: Known, nodes: Collection[str] = ()) -> dict[str, int]:
    """Return what the remote learns to know of others after a complete run.

    Args:
        local: what LOCAL knew when the run began.
        remote: what the remote knows.
        nodes: whose own changes are known otherwise: LOCAL and the remote.
    """
    return {
        author: number for author, number in local.items() if author not in nodes and number > remote.get(author, 0)
    }
