"""Versions of single fields, where objects are merged by field. Pure.

Who has changed a field last is told as for a whole object (``versions``), so that each field is compared by itself, and
any number of databases end with the same. Nearly all fields of an object have one version, which stands in the columns
of its reference; where they differ, a text beside them tells each one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from .versions import Standing, Version, compare, is_newer


class FieldVersion(NamedTuple):
    """Which version of a field a database has received.

    Attributes:
        version: who changed it last; ``None``: nobody has written that down.
        seen: how far the database's own log went then: what its users have changed is newer if it has a higher id.
    """

    version: Version | None
    seen: int | None


#: Names of fields to versions.
FieldVersions = Mapping[str, FieldVersion]


@lru_cache(maxsize=10_000)
def read_fields(text: str) -> FieldVersions:
    """Return what ``fields_text()`` has written.

    Example:
        >>> read_fields('[["a", 3, 17, 5, ["name", "city"]]]')["city"]
        FieldVersion(version=Version(author='a', number=3, time=17), seen=5)
    """
    return {
        name: FieldVersion(None if author is None else Version(author, number, time), seen)
        for author, number, time, seen, names in json.loads(text)
        for name in names
    }


def fields_text(fields: FieldVersions) -> str | None:
    """Return versions of fields as they are stored; ``None``: all are of one."""
    names: dict[FieldVersion, list[str]] = {}
    for name, version in fields.items():
        names.setdefault(version, []).append(name)
    if len(names) < 2:
        return None
    rows = [[*(version or (None, None, None)), seen, some] for (version, seen), some in names.items()]
    return json.dumps(rows, separators=(",", ":"))


def newest_of(versions: Iterable[Version | None]) -> Version | None:
    """Return the newest of some versions, the same on all nodes; ``None``: nobody has written any down."""
    return max(versions, key=order_of, default=None)


class Apart(NamedTuple):
    """Which side's version of which field of an object stands; none is in two of the first three.

    Attributes:
        mine: those of which LOCAL's does.
        theirs: those of which the remote's does.
        both: those that both sides have changed, and neither has seen the other's.
        newest: those of ``both`` of which LOCAL's is the newest.
        counted: those of ``mine`` that hold what was reckoned (``plan.counters``), whosever version stands.
    """

    mine: frozenset[str]
    theirs: frozenset[str]
    both: frozenset[str]
    newest: frozenset[str]
    counted: frozenset[str] = frozenset()


def compare_fields(
    here: Mapping[str, Version | None],
    there: Mapping[str, Version | None],
    *,
    users: Container[str],
    local_knows: Callable[[str], bool],
    remote_knows: Callable[[str], bool],
) -> Apart:
    """Compare an object's fields one by one.

    Args:
        here: LOCAL's versions of those that are to be brought.
        there: the remote's.
        users: those that the remote's users have changed since they were received.
        local_knows, remote_knows: tell whether a side has seen the other's version of a field.
    """
    found: dict[Standing, set[str]] = {each: set() for each in Standing}
    for name, version in here.items():
        standing = compare(version, there[name], local_knows=local_knows(name), remote_knows=remote_knows(name))
        if standing is Standing.OLDER and version is None and name in users:
            standing = Standing.CONCURRENT  # what LOCAL's log does not tell of may have been changed since
        if standing is Standing.SAME and version is not None and name in users:
            standing = Standing.OLDER  # of several writes with one version their author has the last
        found[standing].add(name)
    both = frozenset(found[Standing.CONCURRENT])
    newest = frozenset(name for name in both if is_newer(order_of(here[name]), order_of(there[name])))
    mine = frozenset(found[Standing.NEWER] | found[Standing.SAME])
    return Apart(mine, frozenset(found[Standing.OLDER]), both, newest)


def order_of(version: Version | None) -> tuple[int, str]:
    """Return what versions are compared by: time and author."""
    return (0, "") if version is None else (version.time, version.author)
