"""Captured by this package."""

from benchmarks.apps.columns import Columns


class Row(Columns):
    pass
