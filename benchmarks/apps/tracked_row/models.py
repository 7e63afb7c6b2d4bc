"""Tracked by django-pghistory at its default, the row level."""

import pghistory

from benchmarks.apps.columns import Columns


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Row(Columns):
    pass
