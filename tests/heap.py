"""Sets aside what a process has loaded before its first test: the garbage collector does not go through it again.

Twelve thousand collected tests and Django are most of the heap. Of the tests' processor time the collector took 7 to
9 %; without them it takes 5.5 %.
"""

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
