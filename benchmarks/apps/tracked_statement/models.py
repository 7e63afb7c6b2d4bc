"""Tracked by django-pghistory at the statement level."""

import pghistory
import pgtrigger

from benchmarks.apps.columns import Columns


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent(), level=pgtrigger.Statement)
class Row(Columns):
    pass
