"""What only a process that does nothing else may do to itself: ``manage.py synchronize``, not a web server's worker."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_COLLECTED_AFTER = 50_000
"""Objects that are made before the collector looks at the youngest again; Python's own number is 700 to 2,000."""


@contextmanager
def heap_set_aside() -> Iterator[None]:
    """Keep the collector of cyclic garbage from walking, time and again, through all that is there.

    A run makes and drops millions of objects, nearly none of them cyclic. Each full collection looks at the whole
    program, which took a fifth of a run's time; those of the run's own objects took a tenth.

    Not for a process that serves others: what is set aside there is theirs too, and the first full collection after
    it walks through everything. A hundred runs in one process would be a hundred such walks.
    """
    if gc.get_freeze_count():  # somebody else has done it, and will want it to stay so
        yield
        return
    first, *others = gc.get_threshold()
    gc.freeze()
    if first:
        gc.set_threshold(max(first, _COLLECTED_AFTER), *others)
    try:
        yield
    finally:
        gc.set_threshold(first, *others)
        gc.unfreeze()
