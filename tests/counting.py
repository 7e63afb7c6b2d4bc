"""How many queries a run asks on either side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from django.db import connections
from django.db.models import Model
from django.test.utils import CaptureQueriesContext, override_settings

from synchro_triggers import synchronize
from tests.comparing import assert_same
from tests.databases import ALIASES

Numbers = tuple[int, ...]


@contextmanager
def captured(*aliases: str) -> Iterator[list[CaptureQueriesContext]]:
    """Yield what captures the queries of each alias, whatever time they take.

    A transaction of a run that takes longer than it should is cut off, on a machine that has other things to do, and
    what is left of it takes queries of its own.
    """
    with ExitStack() as stack:
        stack.enter_context(override_settings(SYNCHRO_BATCH_SECONDS=600))
        yield [stack.enter_context(CaptureQueriesContext(connections[alias])) for alias in aliases]


def count_queries(*which: str | type[Model]) -> Numbers:
    """Synchronise, compare models or apps, and return the number of queries on either side."""
    with captured(*ALIASES) as counted:
        report = synchronize()
        numbers = tuple(len(queries) for queries in counted)
    assert report.failures == [] and report.changed
    assert_same(*which)
    return numbers


def count_queries_of_story(
    make: Callable[[int], object],
    change: Callable[[], object],
    delete: Callable[[], object],
    *which: str | type[Model],
    sizes: Sequence[int],
    clean: Callable[[], object] = lambda: None,
) -> list[list[Numbers]]:
    """Make, change and delete objects, a run after each, once for every size.

    Args:
        make: makes that many objects.
        change, delete: do it to all of them.
        which: models or apps to compare.
        sizes: numbers of objects.
        clean: deletes what is left.

    Returns:
        The numbers of queries of the three runs, for each size but the first, whose first run makes the checkpoint.
    """
    found = []
    for size in sizes:
        make(size)
        numbers = [count_queries(*which)]
        for do in (change, delete):
            do()
            numbers.append(count_queries(*which))
        found.append(numbers)
        clean()
        synchronize()
    return found[1:]
