"""Which objects a run has met already, however many they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from ...key_texts import stored_key
from .changes import Change
from .scratch import scratch_file


@contextmanager
def seen_objects(spans_pages: bool) -> Iterator[Callable[[Change], bool]]:
    """Yield a predicate that is true for each object once in a run.

    A run's pages are read one by one, and an object may be logged in many of them.
    """
    if not spans_pages:
        yield lambda change: True
        return
    with closing(scratch_file()) as seen:

        def is_new(change: Change) -> bool:
            cursor = seen.execute("INSERT OR IGNORE INTO noted VALUES (?, ?)", (change.label, stored_key(change.key)))
            return cursor.rowcount == 1

        yield is_new
