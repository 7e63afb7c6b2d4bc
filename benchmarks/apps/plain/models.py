"""No capture: what all others are compared with."""

from benchmarks.apps.columns import Columns


class Row(Columns):
    pass
